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

NIGHT, SEA, FOAM = (22, 30, 84), (10, 110, 150), (170, 222, 214)
DUSK, MEADOW = (70, 120, 190), (110, 150, 60)
CRIMSON, EMBER, GOLD, CREAM = (150, 24, 52), (232, 84, 30), (250, 186, 50), (255, 238, 190)
SKY = (CREAM, GOLD, EMBER, GOLD, CRIMSON, EMBER, SEA, GOLD, NIGHT, FOAM, SEA, NIGHT)
"""Colors of the rings around the painted sun, from the inside."""


def copy_photos(folder: Path) -> None:
    """Copy scikit-image's photographs into ``folder``.

    Raises:
        ConfigError: scikit-image is not installed.
    """
    if not (found := list(filter(None, map(find_photo, PHOTOS)))):
        raise ConfigError("the sample photographs come with scikit-image: install fastnst[samples]")
    folder.mkdir(parents=True, exist_ok=True)
    for photo in found:
        shutil.copy(photo, folder)


def find_photo(name: str = "coffee.png") -> Path | None:
    """Return the path of one of scikit-image's photographs, where that is installed; this one is free of rights."""
    try:
        from skimage import data_dir  # type: ignore[attr-defined]  # it is there, but not in its types
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
    """Paint a sun above a restless sea in bold, outlined brush strokes, the same ones every time."""
    rng = np.random.default_rng(seed)
    scale = 2  # strokes are drawn large and shrunk: smooth edges
    canvas = Image.new("RGB", (width * scale, height * scale), NIGHT)
    draw = ImageDraw.Draw(canvas)
    for thickness, count in ((30, 2600), (20, 2600), (13, 1500)):
        for _ in range(count):
            start = rng.uniform((-20, -20), (width + 20, height + 20))
            color = np.clip(_color(start[0] / width, start[1] / height, width / height, rng), 0, 255)
            points = [tuple(point * scale) for point in _stroke(start, thickness, width, height)]
            broad = round(thickness * scale * rng.uniform(0.35, 0.6))
            for shade, line in ((0.55, broad + 3 * scale // 2), (1.0, broad)):  # an outline of the same hue
                draw.line(points, fill=tuple(int(v) for v in shade * color), width=line, joint="curve")
    return canvas.resize((width, height), Image.Resampling.LANCZOS)


def _stroke(start: np.ndarray, thickness: float, width: int, height: int) -> list[np.ndarray]:
    """Follow the flow of the picture for a few steps."""
    points = [start]
    for _ in range(6):
        angle = _angle(points[-1][0] / width, points[-1][1] / height, width / height)
        points.append(points[-1] + thickness * 0.55 * np.array([np.cos(angle), np.sin(angle)]))
    return points


def _angle(u: float, v: float, aspect: float) -> float:
    """Swirl around the sun above the horizon, roll in waves below it."""
    if v > _horizon(u):
        return float(0.9 * np.sin(9 * u + 11 * v) + 0.35 * np.sin(23 * u - 5 * v))
    around, distance = _from_sun(u, v, aspect)
    return around + np.pi / 2 + 0.8 * float(np.sin(7 * distance + 4 * u))


def _color(u: float, v: float, aspect: float, rng: np.random.Generator) -> np.ndarray:
    """Pick a color by place, then vary it from stroke to stroke."""
    if v > _horizon(u):
        crest = 0.5 + 0.5 * np.sin(30 * v + 5 * np.sin(6 * u))
        base = _mix(_mix(NIGHT, SEA, 0.2 + 0.8 * crest), FOAM, 0.9 * crest**3)
        if rng.random() < 0.75 - 3.2 * abs(u - 0.6):  # the sun's glitter
            base = _mix(GOLD, EMBER, rng.random())
    else:
        around, distance = _from_sun(u, v, aspect)
        ring = 9 * distance + 0.5 * np.sin(3 * around) + rng.normal(0, 0.25)
        base = np.asarray(SKY[int(np.clip(ring, 0, len(SKY) - 1))], float)
    return base + rng.normal(0, 12) + rng.normal(0, 8, 3)


def _from_sun(u: float, v: float, aspect: float) -> tuple[float, float]:
    """Return the direction from the sun, and the distance in heights of the picture."""
    right, down = (u - 0.6) * aspect, v - 0.33
    return float(np.arctan2(down, right)), float(np.hypot(right, down))


def _horizon(u: float) -> float:
    return 0.66 + 0.02 * float(np.sin(5 * u))


def _mix(first: object, second: object, share: float | np.ndarray) -> np.ndarray:
    return (1 - share) * np.asarray(first, float) + share * np.asarray(second, float)
