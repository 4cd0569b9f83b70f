"""Scenes that show a thing: a head, a town, flowers. Numbered areas, as in :mod:`fastnst.assets.drawings.scenes`."""

import numpy as np
from PIL import Image, ImageDraw


def head(rng: np.random.Generator, side: int) -> np.ndarray:
    """A face as a mask: hair, neck, shoulders, eyes, nose and mouth."""
    image, draw = blank(side)
    cx, cy, w = rng.uniform(0.35, 0.65), rng.uniform(0.35, 0.5), rng.uniform(0.16, 0.28)
    h, lean = w * rng.uniform(1.1, 1.7), rng.normal(0, 0.12)

    def oval(number: int, x: float, y: float, rx: float, ry: float) -> None:
        turn = np.linspace(0, 2 * np.pi, 40)
        points = np.stack([x + rx * np.cos(turn), y + ry * np.sin(turn)], 1)
        points[:, 0] -= lean * points[:, 1]
        draw.polygon(((points * w * (1, h / w) + (cx, cy)) * side).ravel().tolist(), fill=number)

    for number in range(20, 26):  # things behind
        oval(number, *rng.uniform(-2.5, 2.5, 2), *rng.uniform(0.3, 1.4, 2))
    oval(1, 0, 2.2, rng.uniform(1.5, 2.6), 1.1)
    oval(2, 0, -0.25, rng.uniform(1.1, 1.6), rng.uniform(1.0, 1.5))
    oval(3, 0, 1.0, 0.45, 0.6)
    oval(4, 0, 0, 1, 1)
    if rng.random() < 0.6:
        oval(5, 0.5, 0.1, 0.5, 0.75)  # the shaded side
    for x in (-0.42, 0.42):
        oval(6, x, -0.15, 0.27, rng.uniform(0.1, 0.2))
        oval(7, x, -0.15, 0.1, 0.1)
        oval(8, x, -0.42, 0.32, 0.06)
    oval(9, 0.06, 0.2, 0.12, 0.3)
    oval(10, 0, 0.62, rng.uniform(0.2, 0.45), rng.uniform(0.06, 0.18))
    return np.array(image)


def town(rng: np.random.Generator, side: int) -> np.ndarray:
    """Rows of houses with roofs and windows under a sky with a moon."""
    image, draw = blank(side)
    cx, cy, r = rng.uniform(0.1, 0.9), rng.uniform(0.08, 0.25), rng.uniform(0.04, 0.1)
    draw.ellipse([(cx - r) * side, (cy - r) * side, (cx + r) * side, (cy + r) * side], fill=1)
    for row in range(rng.integers(1, 5)):
        x = -0.1
        while x < 1:
            w, top = rng.uniform(0.06, 0.22), 0.2 + 0.17 * row + rng.uniform(0, 0.3)
            wall = int(rng.integers(2, 40))
            draw.rectangle([x * side, top * side, (x + w) * side, 2 * side], fill=wall)
            if rng.random() < 0.6:
                peak = (x + w / 2, top - rng.uniform(0.03, 0.15))
                draw.polygon([v * side for v in (x, top, *peak, x + w, top)], fill=40 + wall)
            step = w / rng.integers(2, 5)
            for wx in np.arange(x + step / 4, x + w - step / 2, step):
                for wy in np.arange(top + step / 2, 1, step * 1.5):
                    draw.rectangle([wx * side, wy * side, (wx + step / 2) * side, (wy + step * 0.8) * side], fill=100)
            x += w
    return np.array(image)


def flowers(rng: np.random.Generator, side: int) -> np.ndarray:
    """Flowers with leaves in a vase on a table, or scattered over the ground."""
    image, draw = blank(side)
    stem, scattered = np.array([rng.uniform(0.35, 0.65), rng.uniform(0.65, 0.75)]), rng.random() < 0.35
    if not scattered:
        draw.rectangle([0, 0.8 * side, side, side], fill=1)
    for flower in range(rng.integers(5, 16) + 14 * scattered):
        center, radius = rng.uniform((0.08, 0.06), (0.92, 0.95 if scattered else 0.55)), rng.uniform(0.04, 0.15)
        if not scattered:
            draw.line([v * side for v in (*stem, *center)], fill=2, width=round(0.012 * side))
            _leaf(draw, (stem + center) / 2, rng.uniform(0, 6), 0.1, 0.03, side, 3 + flower % 3)
        count = int(rng.integers(5, 13))
        for angle in rng.uniform(0, 6) + np.arange(count) * 2 * np.pi / count:
            ahead = 0.55 * radius * np.array([np.cos(angle), np.sin(angle)])
            _leaf(draw, center + ahead, angle, 0.5 * radius, 1.6 * radius / count, side, 10 + flower)
        _leaf(draw, center, 0, 0.3 * radius, 0.3 * radius, side, 40 + flower % 2)
    if not scattered:
        x, y, w = *stem, rng.uniform(0.08, 0.14)
        corners = (x - 0.6 * w, y - 0.06, x + 0.6 * w, y - 0.06, x + w, y + 0.12, x + 0.5 * w, y + 0.23)
        draw.polygon([v * side for v in (*corners, x - 0.5 * w, y + 0.23, x - w, y + 0.12)], fill=7)
    return np.array(image)


def blank(side: int) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """Return an empty map of areas and what draws on it."""
    image = Image.new("L", (side, side))
    return image, ImageDraw.Draw(image)


def _leaf(
    draw: ImageDraw.ImageDraw, center: np.ndarray, angle: float, length: float, width: float, side: int, fill: int
) -> None:
    turn = np.linspace(0, 2 * np.pi, 24)
    u, v = length * np.cos(turn), width * np.sin(turn)
    x, y = u * np.cos(angle) - v * np.sin(angle), u * np.sin(angle) + v * np.cos(angle)
    draw.polygon(((np.stack([x, y], 1) + center) * side).ravel().tolist(), fill=fill)
