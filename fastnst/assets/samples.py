"""Sample pictures: a painting and a landscape drawn here, photographs from scikit-image."""

import shutil
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from fastnst.errors import ConfigError

PHOTOS = (
    "astronaut.png",
    "chelsea.png",
    "coffee.png",
    "rocket.jpg",
    "motorcycle_left.png",
    "motorcycle_right.png",
    "hubble_deep_field.jpg",
    "retina.jpg",
    "camera.png",
    "coins.png",
)
"""Photographs inside scikit-image's package; the documentation of its ``data`` module tells where they are from."""

NIGHT, SEA, FOAM = (24, 40, 92), (22, 94, 128), (150, 205, 205)
DUSK, MEADOW = (70, 120, 190), (110, 150, 60)
EMBER, GOLD, CREAM = (226, 92, 40), (246, 180, 60), (252, 232, 176)


def copy_photos(folder: Path) -> None:
    """Copy scikit-image's photographs into ``folder``.

    Raises:
        ConfigError: scikit-image is not installed.
    """
    try:
        from skimage import data_dir  # type: ignore[attr-defined]
    except ImportError:
        raise ConfigError("the sample photographs come with scikit-image: install fastnst[samples]") from None
    folder.mkdir(parents=True, exist_ok=True)
    for name in PHOTOS:
        if (Path(data_dir) / name).is_file():
            shutil.copy(Path(data_dir) / name, folder / name)


def find_photo(name: str = "coffee.png") -> Path | None:
    """Return the path of one of scikit-image's photographs, where that is installed; this one is free of rights."""
    try:
        from skimage import data_dir  # type: ignore[attr-defined]
    except ImportError:
        return None
    path = Path(data_dir) / name
    return path if path.is_file() else None


def draw_landscape(width: int = 96, height: int = 64) -> Image.Image:
    """Draw an evening sky with a sun above a hill: the smallest thing that looks like a photograph."""
    down, right = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    distance = np.hypot((right - 0.7) * width / height, down - 0.3)
    sky = _mix(DUSK, CREAM, down[..., None] ** 0.7)
    sky = _mix(sky, GOLD, (distance < 0.16)[..., None])
    field = _mix(MEADOW, NIGHT, (0.35 + 0.3 * np.sin(40 * down**2 + 3 * right))[..., None])
    hill = down > 0.62 - 0.25 * np.exp(-(((right - 0.25) / 0.2) ** 2))
    return Image.fromarray(np.where(hill[..., None], field, sky).astype(np.uint8))


def draw_painting(width: int = 720, height: int = 560, seed: int = 4) -> Image.Image:
    """Paint a sun above a restless sea in fourteen thousand brush strokes, the same ones every time."""
    rng = np.random.default_rng(seed)
    scale = 2  # strokes are drawn large and shrunk: smooth edges
    canvas = Image.new("RGB", (width * scale, height * scale), NIGHT)
    draw = ImageDraw.Draw(canvas)
    for thickness, count in ((22, 4000), (13, 4000), (7, 6500)):
        for _ in range(count):
            start = rng.uniform((-20, -20), (width + 20, height + 20))
            color = tuple(int(v) for v in np.clip(_color(start[0], start[1], width, height, rng), 0, 255))
            points = [tuple(point * scale) for point in _stroke(start, thickness, width, height)]
            draw.line(
                points, fill=color, width=max(2, round(thickness * scale * rng.uniform(0.25, 0.5))), joint="curve"
            )
    return canvas.resize((width, height), Image.Resampling.LANCZOS)


def _stroke(start: np.ndarray, thickness: float, width: int, height: int) -> list[np.ndarray]:
    """Follow the flow of the picture for a few steps."""
    points = [start]
    for _ in range(6):
        angle = _angle(points[-1][0], points[-1][1], width, height)
        points.append(points[-1] + thickness * 0.55 * np.array([np.cos(angle), np.sin(angle)]))
    return points


def _angle(x: float, y: float, width: int, height: int) -> float:
    """Swirl around the sun above the horizon, roll in waves below it."""
    u, v = x / width, y / height
    if v > _horizon(u):
        return 0.9 * np.sin(9 * u + 11 * v) + 0.35 * np.sin(23 * u - 5 * v)
    around = np.arctan2(v - 0.3, (u - 0.62) * width / height) + np.pi / 2
    distance = np.hypot((u - 0.62) * width / height, v - 0.3)
    return float(around + 0.8 * np.sin(7 * distance + 4 * u))


def _color(x: float, y: float, width: int, height: int, rng: np.random.Generator) -> np.ndarray:
    """Blend the palette by place, then vary it from stroke to stroke."""
    u, v = x / width, y / height
    distance = np.hypot((u - 0.62) * width / height, v - 0.3)
    if v > _horizon(u):
        crest = 0.5 + 0.5 * np.sin(34 * v + 6 * np.sin(7 * u))
        glitter = max(0.0, 1 - 5 * abs(u - 0.62)) * rng.random()
        base = _mix(_mix(NIGHT, SEA, 0.3 + 0.7 * crest), FOAM, 0.75 * crest**4)
        base = _mix(base, GOLD, 0.9 * glitter**2)
    elif distance < 0.11:
        base = _mix(CREAM, GOLD, distance / 0.11)
    else:
        glow = np.exp(-4.5 * (distance - 0.11))
        rings = 0.5 + 0.5 * np.sin(30 * distance + 5 * u)
        base = _mix(_mix(NIGHT, SEA, 0.55 * rings), _mix(EMBER, GOLD, rings), glow)
    return base + rng.normal(0, 16) + rng.normal(0, 10, 3)


def _horizon(u: float) -> float:
    return 0.62 + 0.015 * np.sin(5 * u)


def _mix(first: object, second: object, share: float | np.ndarray) -> np.ndarray:
    return (1 - share) * np.asarray(first, float) + share * np.asarray(second, float)
