"""Smooth fields over a square: coordinates, noise, directions, cells."""

import numpy as np
from PIL import Image


def coordinates(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ``x`` of shape ``(1, side)`` and ``y`` of shape ``(side, 1)``, both in [0, 1]."""
    line = ((np.arange(side) + 0.5) / side).astype(np.float32)
    return line[None, :], line[:, None]


def noise(rng: np.random.Generator, side: int, cells: float, octaves: int = 1) -> np.ndarray:
    """Return smooth noise ``(side, side)`` of mean 0 and deviation 1, about ``cells`` bumps across, at any size."""
    total = np.zeros((side, side), np.float32)
    for octave in range(octaves):
        count = round(cells * 2**octave) + 3
        knots = Image.fromarray(rng.normal(0, 0.5**octave, (count, count)).astype(np.float32))
        box = (1, 1, count - 1, count - 1)
        total += np.asarray(knots.resize((side, side), Image.Resampling.BICUBIC, box=box))
    return (total - total.mean()) / (total.std() + 1e-6)


def directions(rng: np.random.Generator, side: int = 128) -> np.ndarray:
    """Return a smooth field of angles ``(side, side)``, radians: a slant, waves, a drift, or whirls."""
    x, y = coordinates(side)
    base = rng.uniform(0, np.pi) + 0 * (x + y)
    kind = rng.choice(["slant", "waves", "drift", "whirls", "radial"], p=[0.18, 0.17, 0.25, 0.3, 0.1])
    if kind == "slant":
        return base + 0.25 * noise(rng, side, 3)
    if kind == "waves":
        return 0.9 * np.sin(rng.uniform(5, 16) * x + rng.uniform(5, 16) * y) + 0.3 * noise(rng, side, 4)
    if kind == "drift":
        return base + 1.4 * noise(rng, side, rng.uniform(1.5, 4))
    if kind == "radial":
        center = rng.uniform(0.2, 0.8, 2)
        turn = rng.choice([0, np.pi / 2, np.pi / 3])
        return np.arctan2(y - center[1], x - center[0]) + turn + 0.15 * noise(rng, side, 4)
    return _whirls(rng, side, x, y)


def _whirls(rng: np.random.Generator, side: int, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Add vortices to a steady wind."""
    angle = rng.uniform(0, 2 * np.pi)
    u, v = 0.6 * np.cos(angle) + 0 * (x + y), 0.6 * np.sin(angle) + 0 * (x + y)
    for _ in range(rng.integers(1, 7)):
        (cx, cy), radius = rng.uniform(0, 1, 2), rng.uniform(0.07, 0.3)
        dx, dy = x - cx, y - cy
        pull = rng.choice([-3, 3]) * np.exp(-(dx * dx + dy * dy) / radius**2) / radius
        u, v = u - pull * dy, v + pull * dx
    return np.arctan2(v, u) + 0.1 * noise(rng, side, 5)


def cells(rng: np.random.Generator, side: int, count: float, disorder: float) -> tuple[np.ndarray, np.ndarray]:
    """Divide the square into cells around jittered grid points, ``count`` across.

    Returns:
        Number of the cell at each pixel, and how far the pixel lies from the border between two cells, in cells.

    Source: Worley. A cellular texture basis function. SIGGRAPH 1996.
    """
    wide = int(np.ceil(count)) + 3
    points = (0.5 + rng.uniform(-0.5, 0.5, (wide, wide, 2)) * disorder).astype(np.float32)
    x, y = (line * np.float32(count) + 1 for line in coordinates(side))
    column, row = x.astype(int), y.astype(int)
    nearest = np.full((side, side), 9, np.float32)
    second, number = nearest.copy(), np.zeros((side, side), np.int32)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            there = points[row + down, column + right]
            distance = (x - column - right - there[..., 0]) ** 2 + (y - row - down - there[..., 1]) ** 2
            closer = distance < nearest
            second = np.where(closer, nearest, np.minimum(second, distance))
            nearest = np.where(closer, distance, nearest)
            number = np.where(closer, (row + down) * wide + column + right, number)
    return number, np.sqrt(second) - np.sqrt(nearest)
