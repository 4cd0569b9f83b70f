"""Pictures drawn by a program in bold styles: strokes, prints, mosaics, facets, inks; no two alike, no files needed.

Paintings in public collections are mostly old masters. These are what such a set lacks.
"""

from typing import TypeVar

import numpy as np
from PIL import Image

from fastnst.assets.drawings.palette import pick_palette
from fastnst.assets.drawings.scenes import SCENES
from fastnst.assets.drawings.treatments import TREATMENTS, sketch

__all__ = ["draw"]

T = TypeVar("T")

LEAST_CONTRAST = 26
"""Deviation of brightness, in [0, 255], that every picture has."""

MIXED_SHARE = 0.2
"""Share of pictures in which two techniques meet, each in half of the areas."""


def draw(seed: int, size: int = 512) -> Image.Image:
    """Draw the picture of that number: a random scene in a random palette and technique.

    The same seed and size give the same picture, and another size nearly the same one larger or smaller.

    Args:
        seed: 0 or more.
        size: Side of the square picture, pixels.
    """
    rng = np.random.default_rng((seed, 0xD2A3))
    palette = pick_palette(rng)
    start = sketch(_pick(rng, SCENES)(rng, 2 * size), palette, rng)
    picture = _pick(rng, TREATMENTS)(rng, start)
    if rng.random() < MIXED_SHARE:
        some = np.isin(start.areas, rng.permutation(256)[:128])[..., None]
        picture = np.where(some, _pick(rng, TREATMENTS)(rng, start), picture)
    picture = _legible(picture)
    return Image.fromarray(picture.clip(0, 255).round().astype(np.uint8))


def _legible(picture: np.ndarray) -> np.ndarray:
    """Strengthen a picture whose colors happen to be nearly the same."""
    deviation = picture.mean(2).std()
    if deviation >= LEAST_CONTRAST:
        return picture
    mean = picture.mean((0, 1))
    return mean.clip(60, 195) + (picture - mean) * min(LEAST_CONTRAST / deviation, 6)


def _pick(rng: np.random.Generator, weighted: dict[T, float]) -> T:
    chances = np.array(list(weighted.values()))
    return list(weighted)[rng.choice(len(chances), p=chances / chances.sum())]
