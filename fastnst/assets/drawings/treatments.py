"""How a drawn picture is made: from numbered areas and a palette to colors, in the manner of a technique."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from PIL import Image, ImageFilter

from fastnst.assets.drawings import marks
from fastnst.assets.drawings.fields import cells, coordinates, directions, noise
from fastnst.assets.drawings.palette import by_brightness


class Sketch(NamedTuple):
    """What a treatment starts from."""

    areas: np.ndarray
    """Number of the area at each pixel, ``(side, side)``."""
    flat: np.ndarray
    """The areas in plain colors, smooth at the edges, ``(side, side, 3)`` in [0, 255]."""
    palette: np.ndarray
    """``(colors, 3)`` in [0, 255], the ground's first."""


Treatment: TypeAlias = Callable[[np.random.Generator, Sketch], np.ndarray]


def sketch(areas: np.ndarray, palette: np.ndarray, rng: np.random.Generator) -> Sketch:
    """Color areas, given at twice the side."""
    rounds = [rng.permutation(len(palette)) for _ in range(256 // len(palette) + 1)]  # few areas, still many colors
    colors = palette[np.concatenate(rounds)[:256]]
    colors[0] = palette[0]
    colors = (colors + rng.choice([0, 8, 20]) * rng.normal(0, 1, colors.shape)).clip(0, 255)
    flat = Image.fromarray(colors.astype(np.uint8)[areas]).reduce(2)
    return Sketch(areas[::2, ::2], np.asarray(flat, np.float32), palette)


def poster(rng: np.random.Generator, s: Sketch) -> np.ndarray:
    """Flat areas, with or without outlines and a screen of dots in some."""
    picture = s.flat
    if rng.random() < 0.35:
        some = np.isin(s.areas, rng.choice(256, 110, replace=False))
        x, y = coordinates(len(picture))
        tone = np.clip(0.55 + 0.5 * np.sin(rng.uniform(1, 5) * x + rng.uniform(1, 5) * y), 0.1, 1)
        ink = marks.halftone(tone, rng.uniform(0.012, 0.035), rng.uniform(0, 1.5)) * some
        picture = _inked(picture, ink, s.palette[rng.integers(len(s.palette))])
    if rng.random() < 0.6:
        picture = _outlined(rng, s, picture, 0.004, 0.02)
    return picture


def cubist(rng: np.random.Generator, s: Sketch) -> np.ndarray:
    """Areas shaded from one edge to the other, over brushed color."""
    x, y = coordinates(len(s.flat))
    slopes = rng.normal(0, rng.uniform(60, 260), (3, 256))
    slopes[2] = rng.uniform(-1, 1, 256)
    shade = slopes[0][s.areas] * (x - 0.5) + slopes[1][s.areas] * (y - 0.5)
    picture = s.flat + (55 * np.sin(shade / 40 + 3 * slopes[2][s.areas]))[..., None]
    if rng.random() < 0.6:
        picture = marks.brush(picture, rng, directions(rng), rng.uniform(0.01, 0.025), 0.06, 9)
    return _outlined(rng, s, picture, 0.003, 0.012) if rng.random() < 0.7 else picture


def brushwork(rng: np.random.Generator, s: Sketch) -> np.ndarray:
    """Strokes, wide ones below finer ones, some along the outlines' colors."""
    angles = directions(rng)
    width, slender = rng.uniform(0.012, 0.07), rng.uniform(2.5, 9)
    picture = marks.brush(s.flat, rng, angles, width, min(0.3, width * slender), rng.uniform(8, 30))
    if rng.random() < 0.7:
        width = max(0.008, width * rng.uniform(0.25, 0.6))
        angles = angles if rng.random() < 0.7 else directions(rng)
        picture = marks.brush(picture, rng, angles, width, width * slender, rng.uniform(8, 30))
    if rng.random() < 0.45:
        picture = _outlined(rng, s, picture, 0.006, 0.022)
    return _relief(picture, rng.uniform(0, 0.5))


def dots(rng: np.random.Generator, s: Sketch) -> np.ndarray:
    """Dots of pure color, as pointillists or as a dotted ornament."""
    ground = s.palette[0] * 0.6 + 0.4 * s.flat if rng.random() < 0.5 else s.flat
    size = rng.uniform(0.011, 0.045)
    jitter = rng.uniform(8, 32)
    picture = marks.dab(ground, rng, size, jitter)
    if rng.random() < 0.5:
        picture = marks.dab(picture, rng, size * rng.uniform(0.4, 0.8), jitter, hollow=rng.random() < 0.3)
    return picture


def woodcut(rng: np.random.Generator, s: Sketch) -> np.ndarray:
    """Swelling lines of one ink over paper or over flat colors."""
    ink, paper = by_brightness(s.palette)[[0, -1]]
    if rng.random() < 0.15:
        ink, paper = paper, ink
    tone = _tone(rng, s)
    below = np.broadcast_to(paper, s.flat.shape) if rng.random() < 0.5 else 0.75 * s.flat + 0.25 * paper
    lines = marks.cut_lines(rng, tone, s.areas, rng.uniform(0.009, 0.04))
    if rng.random() < 0.25:
        lines = np.maximum(lines, marks.cut_lines(rng, tone + 0.3, s.areas, rng.uniform(0.009, 0.025)))
    picture = _inked(below, lines, ink)
    return _inked(picture, marks.outlines(rng, s.areas, rng.uniform(0.004, 0.016)), ink)


def glass(rng: np.random.Generator, s: Sketch) -> np.ndarray:
    """Pieces of glass or stone, each of one color, between dark or light joints."""
    side = len(s.flat)
    count = rng.uniform(9, 55)
    number, border = cells(rng, side, count, rng.choice([0.35, 0.7, 1.0]))
    colors = _averages(s.flat, number)
    colors = colors + rng.normal(0, rng.uniform(5, 25), (number.max() + 1, 1))
    shaded = colors[number] * (0.8 + 0.35 * np.minimum(border, 0.6))[..., None]
    joint = by_brightness(s.palette)[0 if rng.random() < 0.75 else -1] * rng.uniform(0.3, 1)
    ink = ((rng.uniform(0.06, 0.2) - border) * side / count * 0.7 + 0.5).clip(0, 1)
    picture = _inked(shaded, ink, joint)
    return _outlined(rng, s, picture, 0.008, 0.02) if rng.random() < 0.35 and count > 20 else picture


def ink(rng: np.random.Generator, s: Sketch) -> np.ndarray:
    """Lines of a brush or pen on paper, with a few washes."""
    dark, paper = by_brightness(s.palette)[[0, -1]]
    paper = 0.5 * paper + 0.5 * np.array([245, 238, 222])
    picture = np.broadcast_to(paper, s.flat.shape)
    if rng.random() < 0.6:
        strength = rng.uniform(0.25, 0.9) * (noise(rng, len(s.flat), 3) > rng.uniform(-0.8, 0.5))
        picture = _inked(picture, strength, s.flat)
    picture = _inked(picture, marks.outlines(rng, s.areas, rng.uniform(0.004, 0.03)), dark * 0.6)
    if rng.random() < 0.5:
        lines = marks.cut_lines(rng, _tone(rng, s) + 0.35, s.areas, rng.uniform(0.01, 0.03))
        picture = _inked(picture, lines, dark * 0.6)
    return marks.pen(picture, rng, dark * 0.6, int(rng.integers(1, 40)), rng.uniform(0.004, 0.03))


def wash(rng: np.random.Generator, s: Sketch) -> np.ndarray:
    """Transparent color with dark rims that runs over the edges of the areas, on paper."""
    paper = np.array([250, 246, 236]) * rng.uniform(0.9, 1)
    picture: np.ndarray = np.broadcast_to(paper, s.flat.shape)
    for radius in rng.uniform(0.003, 0.02, 2).tolist():
        soft = Image.fromarray(s.flat.astype(np.uint8)).filter(ImageFilter.GaussianBlur(radius * len(s.flat)))
        pigment = noise(rng, len(s.flat), rng.uniform(3, 7), 4)
        rim = np.exp(-(((pigment + 0.9) / 0.12) ** 2))
        amount = (0.45 * (pigment > -0.9) + 0.13 * pigment + 0.3 * rim).clip(0, 1)
        picture = picture * (1 - amount[..., None] * (1 - np.asarray(soft, np.float32) / 255))
    if rng.random() < 0.5:
        picture = _outlined(rng, s, picture, 0.002, 0.008)
    return picture + 4 * noise(rng, len(s.flat), 150)[..., None]


def ornament(rng: np.random.Generator, s: Sketch) -> np.ndarray:
    """Each area filled with a pattern of its own: stripes, rings, scales, checks, dots."""
    side = len(s.flat)
    x, y = coordinates(side)
    turn, bend = rng.uniform(0, 3), 0.35 * noise(rng, side, 4) * rng.choice([0, 1])
    u = (x * np.cos(turn) + y * np.sin(turn)) * rng.uniform(12, 45) + bend
    v = (y * np.cos(turn) - x * np.sin(turn)) * rng.uniform(12, 45) + bend
    rows = np.floor(v)
    patterns = [
        np.sin(np.pi * u),
        np.sin(np.pi * u) * np.sin(np.pi * v),
        np.hypot(u % 2 - 1, v % 2 - 1) - 0.6,
        np.sin(9 * np.hypot((u + rows % 2) % 2 - 1, v % 1)),
        np.sin(np.pi * (u + np.abs(v % 2 - 1))),
        np.sin(np.hypot(u - 9, v - 7) * 3),
        np.ones_like(u),
    ]
    choice = rng.integers(0, len(patterns), 256)[s.areas]
    ink = (np.choose(choice, patterns) * side / 60 + 0.5).clip(0, 1)
    other = s.palette[rng.integers(0, len(s.palette), 256)][s.areas]
    picture = _inked(s.flat, ink, other)
    return _outlined(rng, s, picture, 0.004, 0.018) if rng.random() < 0.8 else picture


TREATMENTS: dict[Treatment, float] = {
    poster: 1.2, cubist: 1.2, brushwork: 2.2, dots: 0.8, woodcut: 1.4, glass: 0.9, ink: 0.8, wash: 0.7, ornament: 1.0,
}  # fmt: skip
"""The treatments, and how often each is used beside the others: bold prints and strokes more than washes."""


def _inked(below: np.ndarray, ink: np.ndarray, color: np.ndarray) -> np.ndarray:
    return below + ink[..., None] * (color - below)


def _outlined(rng: np.random.Generator, s: Sketch, picture: np.ndarray, least: float, most: float) -> np.ndarray:
    color = by_brightness(s.palette)[0 if rng.random() < 0.8 else -1] * rng.uniform(0.2, 1)
    return _inked(picture, marks.outlines(rng, s.areas, rng.uniform(least, most)), color)


def _averages(picture: np.ndarray, number: np.ndarray) -> np.ndarray:
    """Return the mean color of each numbered cell."""
    flat = number.ravel()
    sizes = np.bincount(flat).clip(1)
    return np.stack([np.bincount(flat, picture[..., c].ravel()) / sizes for c in range(3)], 1)


def _tone(rng: np.random.Generator, s: Sketch) -> np.ndarray:
    """Return how light a print is, in [0, 1]: by area, with soft shadows."""
    light = rng.uniform(-0.1, 1.15, 256)[s.areas] + 0.18 * noise(rng, len(s.flat), rng.uniform(2, 6))
    return light.clip(0, 1)


def _relief(picture: np.ndarray, strength: float) -> np.ndarray:
    """Light thick paint from above left."""
    height = picture.mean(2)
    slope = np.zeros_like(height)
    slope[1:, 1:] = height[1:, 1:] - height[:-1, :-1]
    return picture + strength * slope.clip(-60, 60)[..., None]
