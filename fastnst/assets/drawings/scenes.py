"""What a drawn picture shows: a square divided into numbered areas.

Every scene is a function of a random generator and a side in pixels that returns the number of the area at each pixel,
``(side, side)`` of bytes. Areas are colored later, by :mod:`fastnst.assets.drawings.treatments`.
"""

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from PIL import ImageDraw

from fastnst.assets.drawings.fields import coordinates, noise
from fastnst.assets.drawings.motifs import blank, flowers, head, town

Scene: TypeAlias = Callable[[np.random.Generator, int], np.ndarray]


def contours(rng: np.random.Generator, side: int) -> np.ndarray:
    """Islands: the levels of a smooth noise."""
    height = noise(rng, side, rng.uniform(1.5, 8), int(rng.integers(1, 3)))
    return ((height + 2.5) * rng.uniform(0.8, 3)).clip(0, 15).astype(np.uint8)


def bands(rng: np.random.Generator, side: int) -> np.ndarray:
    """Stripes, rings or a spiral, bent by noise."""
    x, y = coordinates(side)
    kind = rng.choice(["stripes", "rings", "spiral"])
    dx, dy = x - rng.uniform(0.1, 0.9), y - rng.uniform(0.1, 0.9)
    count = rng.uniform(4, 16)
    if kind == "stripes":
        angle = rng.uniform(0, np.pi)
        phase = count * (dx * np.cos(angle) + dy * np.sin(angle))
    else:
        phase = count * np.sqrt(dx * dx + dy * dy)
        if kind == "spiral":
            phase = phase + rng.integers(1, 5) * np.arctan2(dy, dx) / (2 * np.pi)
    phase = phase + rng.choice([0, 0.3, 0.8]) * noise(rng, side, rng.uniform(2, 5))
    return (np.floor(phase).astype(int) % rng.integers(2, 7)).astype(np.uint8)


def hills(rng: np.random.Generator, side: int) -> np.ndarray:
    """A sky, a sun, and rows of hills or waves one before another."""
    areas = np.zeros((side, side), np.uint8)
    x, y = coordinates(side)
    cx, cy, radius = rng.uniform(0.15, 0.85), rng.uniform(0.1, 0.4), rng.uniform(0.05, 0.18)
    distance = np.sqrt((x - cx) ** 2 + (y - cy) ** 2)
    for ring in range(int(rng.integers(1, 5)), 0, -1):
        areas[distance < radius * (1 + 0.6 * (ring - 1))] = ring
    rows = int(rng.integers(2, 9))
    for row in range(rows):
        ridge = 0.35 + 0.6 * (row + rng.uniform(0, 0.7)) / rows
        slope = rng.uniform(0.015, 0.09) * np.sin(rng.uniform(3, 25) * x[0] + rng.uniform(0, 6))
        slope = slope + 0.06 * noise(rng, side, rng.uniform(3, 12))[0]
        if rng.random() < 0.3:
            slope = np.abs(slope) * 1.6  # waves with crests
        areas[y > ridge + slope] = 5 + row
    return areas


def shapes(rng: np.random.Generator, side: int) -> np.ndarray:
    """Discs, polygons, bars and crescents, large ones below small ones."""
    image, draw = blank(side)
    sizes = np.sort(rng.uniform(0.05, 0.45, rng.integers(14, 60)) ** rng.choice([1, 1.3]))[::-1]
    for number, size in enumerate(sizes, 1):
        center = rng.uniform(0, 1, 2)
        corners = int(rng.choice([3, 4, 5, 40]))
        turn = np.sort(rng.uniform(0, 2 * np.pi, corners)) if corners < 40 else np.linspace(0, 2 * np.pi, 40)
        stretch = (1, rng.uniform(0.15, 1))
        _polygon(draw, center, size * np.stack([np.cos(turn), np.sin(turn)], 1) * stretch, rng, side, number)
        if corners == 40 and rng.random() < 0.4:
            _polygon(draw, center + size * 0.3, 0.7 * size * np.stack([np.cos(turn), np.sin(turn)], 1), rng, side, 0)
    return np.array(image)


def facets(rng: np.random.Generator, side: int) -> np.ndarray:
    """Cut the square by straight lines again and again, as in cubism."""
    pieces = [np.array([(0, 0), (1, 0), (1, 1), (0, 1)], float)]
    for _ in range(rng.integers(12, 110)):
        sizes = [np.ptp(piece, 0).prod() for piece in pieces]
        piece = pieces.pop(int(rng.choice(len(pieces), p=np.array(sizes) / sum(sizes))))
        pieces += _cut(rng, piece)
    image, draw = blank(side)
    for number, piece in enumerate(pieces):
        draw.polygon((piece * side).ravel().tolist(), fill=number)
    return np.array(image)


def blocks(rng: np.random.Generator, side: int) -> np.ndarray:
    """Divide the square into rectangles."""
    pieces = [(0.0, 0.0, 1.0, 1.0)]
    for _ in range(rng.integers(6, 70)):
        sizes = np.array([(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in pieces])
        x0, y0, x1, y1 = pieces.pop(int(rng.choice(len(pieces), p=sizes / sizes.sum())))
        share = rng.uniform(0.2, 0.8)
        if (x1 - x0) * rng.uniform(0.5, 2) > y1 - y0:
            middle = x0 + share * (x1 - x0)
            pieces += [(x0, y0, middle, y1), (middle, y0, x1, y1)]
        else:
            middle = y0 + share * (y1 - y0)
            pieces += [(x0, y0, x1, middle), (x0, middle, x1, y1)]
    image, draw = blank(side)
    for number, piece in enumerate(pieces):
        draw.rectangle([v * side for v in piece], fill=number)
    return np.array(image)


SCENES: dict[Scene, float] = {
    contours: 1.0, bands: 1.0, hills: 1.3, shapes: 1.5, facets: 1.2, blocks: 0.8, head: 1.2, town: 0.7, flowers: 0.8,
}  # fmt: skip
"""The scenes, and how often each is drawn beside the others."""


def _polygon(
    draw: ImageDraw.ImageDraw, center: np.ndarray, offsets: np.ndarray, rng: np.random.Generator, side: int, fill: int
) -> None:
    angle = rng.uniform(0, np.pi)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    draw.polygon(((offsets @ turn + center) * side).ravel().tolist(), fill=fill)


def _cut(rng: np.random.Generator, piece: np.ndarray) -> list[np.ndarray]:
    """Cut a convex polygon by a line through two of its sides."""
    n = len(piece)
    lengths = np.linalg.norm(np.roll(piece, -1, 0) - piece, axis=1)
    i, j = sorted(rng.choice(n, 2, replace=False, p=lengths / lengths.sum()))
    a, b = (piece[k] + rng.uniform(0.2, 0.8) * (piece[(k + 1) % n] - piece[k]) for k in (i, j))
    return [np.array([a, *piece[i + 1 : j + 1], b]), np.array([b, *piece[j + 1 :], *piece[: i + 1], a])]
