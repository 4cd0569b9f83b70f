"""Strokes of another size: paint a picture that is smaller or larger, and bring it back to its own size."""

import math
from collections.abc import Callable

import numpy as np

from fastnst.errors import ConfigError
from fastnst.images.guided import guide
from fastnst.images.resample import resample
from fastnst.images.room import room_like
from fastnst.inference.pixels import ArrayPixels


def paint_at(
    paint: Callable[[ArrayPixels, ArrayPixels], None], values: np.ndarray, stroke: float = 1.0, size: int | None = None
) -> np.ndarray:
    """Paint an array ``(H, W, 3)`` with strokes ``stroke`` times as large; the result's longer side is ``size``.

    Where the painted picture is smaller than the result, what the photograph shows more finely is guided in.

    Raises:
        ConfigError: The stroke is not a number above zero, or the size not a whole one.
        ValueError: Another array.
    """
    if not 0 < stroke < math.inf or (size is not None and size < 1):
        raise ConfigError(f"a stroke and a size must be above zero, got {stroke:g} and {size}")
    ArrayPixels(values)  # which checks it
    factor = 1.0 if size is None else size / max(values.shape[:2])
    height, width = (max(1, round(factor * side)) for side in values.shape[:2])
    photo = resample(values, *(max(1, round(factor * side / stroke)) for side in values.shape[:2]))
    painted = room_like(photo)
    paint(ArrayPixels(photo), ArrayPixels(painted))
    if stroke <= 1:
        return resample(painted, height, width)
    return guide(painted, photo, resample(values, height, width))
