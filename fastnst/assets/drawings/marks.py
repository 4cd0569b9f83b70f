"""Marks of a brush, a pen or a burin, laid over a picture ``(side, side, 3)`` in [0, 255].

Lengths are in parts of the side.
"""

from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from fastnst.assets.drawings.fields import coordinates, directions, noise

OVERSAMPLING = 2
"""Marks are drawn larger and shrunk: smooth edges."""


def brush(
    base: np.ndarray, rng: np.random.Generator, angles: np.ndarray, width: float, length: float, jitter: float
) -> np.ndarray:
    """Cover a picture with brush strokes along ``angles``, in the colors below them.

    Args:
        base: What is painted.
        rng: Source of places and colors.
        angles: Directions, :func:`fastnst.assets.drawings.fields.directions`.
        width: Of a stroke.
        length: Of a stroke.
        jitter: Deviation of a stroke's color from the color below, in [0, 255].
    """
    count = int(min(1.6 / (width * length), 5000))
    starts = rng.uniform(-0.05, 1.05, (count, 2))
    paths = _follow(starts, angles, length * rng.uniform(0.6, 1.3, count), 7)
    colors = _look_up(base, paths[:, 3]) + rng.normal(0, jitter, (count, 1)) + rng.normal(0, jitter / 2, (count, 3))
    widths = width * rng.uniform(0.5, 1.3, count)
    image = _enlarged(base)
    draw = ImageDraw.Draw(image)
    bristles = 4 if width > 0.014 else 1
    for ribbon, color in _ribbons(rng, paths * image.width, widths * image.width, colors, bristles, jitter):
        draw.polygon(ribbon, fill=color)
    return _shrunk(image)


def dab(base: np.ndarray, rng: np.random.Generator, size: float, jitter: float, hollow: bool = False) -> np.ndarray:
    """Cover a picture with round dots of about ``size`` across in the colors below them, as pointillists do."""
    side = len(base) * OVERSAMPLING
    count = int(min(1.5 / size**2, 9000))
    centers = rng.uniform(0, 1, (count, 2))
    colors = (_look_up(base, centers) + rng.normal(0, jitter, (count, 3))).clip(0, 255).astype(int)
    radii = side * size * rng.uniform(0.35, 0.65, count)
    boxes = np.concatenate([centers * side - radii[:, None], centers * side + radii[:, None]], 1).tolist()
    image = _enlarged(base)
    draw = ImageDraw.Draw(image)
    thick = max(2, round(0.2 * size * side)) if hollow else 0
    for box, color in zip(boxes, map(tuple, colors.tolist()), strict=True):
        if hollow:
            draw.ellipse(box, outline=color, width=thick)
        else:
            draw.ellipse(box, fill=color)
    return _shrunk(image)


def cut_lines(rng: np.random.Generator, tone: np.ndarray, areas: np.ndarray, pitch: float) -> np.ndarray:
    """Return how much ink of a woodcut lies at each pixel, in [0, 1]: lines that swell where ``tone`` is dark (0).

    Lines of neighboring areas run in different directions.
    """
    side = len(tone)
    x, y = coordinates(side)
    bend = rng.choice([0.0, 0.4, 1.2]) * noise(rng, side, rng.uniform(1.5, 4))
    slants = (rng.uniform(0, np.pi) + rng.choice([0, 0.6, 1.3, 2.1], 256) * (rng.random() < 0.7))[areas]
    slants = slants.astype(np.float32)
    phase = (x * np.cos(slants) + y * np.sin(slants)) / pitch + bend
    wave = np.abs(2 * (phase % 1) - 1)  # 0 in the middle of a line, 1 between two
    wide = (1.08 * (1 - tone) - 0.06 + 0.05 * noise(rng, side, 40)).clip(0, 1.2)
    return ((wide - wave) * pitch * side / 2 + 0.5).clip(0, 1)


def halftone(tone: np.ndarray, pitch: float, angle: float) -> np.ndarray:
    """Return how much ink lies at each pixel, in [0, 1], of a screen of dots that are larger where it is dark."""
    x, y = coordinates(len(tone))
    u, v = (x * np.cos(angle) + y * np.sin(angle)) / pitch, (y * np.cos(angle) - x * np.sin(angle)) / pitch
    distance = np.hypot(u % 1 - 0.5, v % 1 - 0.5)
    return ((0.75 * np.sqrt(1 - tone) - distance) * pitch * len(tone) + 0.5).clip(0, 1)


def outlines(rng: np.random.Generator, areas: np.ndarray, width: float) -> np.ndarray:
    """Return how much ink lies at each pixel, in [0, 1], of lines between areas; they swell and thin out."""
    side = len(areas)
    edges = np.zeros((side, side), bool)
    edges[:-1] |= areas[:-1] != areas[1:]
    edges[:, :-1] |= areas[:, :-1] != areas[:, 1:]
    radius = max(0.7, width * side / 2.5)
    spread = Image.fromarray(edges.astype(np.uint8) * 255).filter(ImageFilter.GaussianBlur(radius))
    peak = 255 / (2.5 * radius)  # of a straight line under the filter
    level = np.asarray(spread, np.float32) / peak - (0.45 + 0.16 * noise(rng, side, 9)).clip(0.2)
    return (level * max(4, 1.2 * radius) + 0.5).clip(0, 1)


def pen(base: np.ndarray, rng: np.random.Generator, color: np.ndarray, count: int, width: float) -> np.ndarray:
    """Draw long curved lines of one color over a picture, thick in the middle."""
    paths = _follow(rng.uniform(0, 1, (count, 2)), directions(rng), rng.uniform(0.1, 0.9, count), 24)
    image = _enlarged(base)
    draw = ImageDraw.Draw(image)
    widths = width * rng.uniform(0.4, 1.5, count)
    for ribbon, ink in _ribbons(rng, paths * image.width, widths * image.width, np.tile(color, (count, 1)), 1, 0):
        draw.polygon(ribbon, fill=ink)
    return _shrunk(image)


def _follow(starts: np.ndarray, angles: np.ndarray, lengths: np.ndarray, points: int) -> np.ndarray:
    """Walk along a field of angles from each start: ``(strokes, points, 2)``."""
    paths = [starts]
    for _ in range(points - 1):
        column, row = (paths[-1].clip(0, 0.999) * len(angles)).astype(int).T
        angle = angles[row, column]
        paths.append(paths[-1] + (lengths / (points - 1))[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1))
    return np.stack(paths, 1)


def _ribbons(
    rng: np.random.Generator, paths: np.ndarray, widths: np.ndarray, colors: np.ndarray, bristles: int, jitter: float
) -> list[tuple[list[float], tuple[int, ...]]]:
    """Return the polygons that strokes are made of, one per bristle, and their colors."""
    ahead = np.gradient(paths, axis=1)
    ahead /= np.linalg.norm(ahead, axis=2, keepdims=True) + 1e-9
    across = np.stack([-ahead[..., 1], ahead[..., 0]], 2) * widths[:, None, None] / 2
    taper = np.sin(np.linspace(0.35, np.pi - 0.2, paths.shape[1]))[None, :, None] ** 0.5
    across = across * taper
    edges = np.linspace(-1, 1, bristles + 1)
    layers = []
    for low, high in pairwise(edges):
        strip = np.concatenate([paths + across * low, (paths + across * (high + 0.06))[:, ::-1]], 1)
        if bristles > 1:  # ends are ragged
            strip = strip + rng.normal(0, 0.3, (len(paths), 1, 1)) * (strip[:, -1:] - strip[:, :1])
        shade = colors + (rng.normal(0, 0.7 * jitter + 4, (len(paths), 1)) if bristles > 1 else 0)
        layers.append((strip.reshape(len(paths), -1), shade.clip(0, 255).astype(int)))
    strips = np.stack([strip for strip, _ in layers], 1).reshape(len(paths) * bristles, -1).tolist()
    shades = np.stack([shade for _, shade in layers], 1).reshape(-1, 3).tolist()
    return [(strip, tuple(shade)) for strip, shade in zip(strips, shades, strict=True)]


def _look_up(base: np.ndarray, places: np.ndarray) -> np.ndarray:
    column, row = (places.clip(0, 0.9999) * len(base)).astype(int).T
    return base[row, column]


def _enlarged(base: np.ndarray) -> Image.Image:
    side = len(base) * OVERSAMPLING
    return Image.fromarray(base.clip(0, 255).astype(np.uint8)).resize((side, side), Image.Resampling.NEAREST)


def _shrunk(image: Image.Image) -> np.ndarray:
    return np.asarray(image.reduce(OVERSAMPLING), np.float32)
