"""Resize large pictures band by band, to the bit as if at once."""

import math

import numpy as np
from PIL import Image

from fastnst.images.room import room

BAND = 256
"""Rows of the result that are computed at once."""

SUPPORT = 2
"""Pixels to either side that bicubic interpolation looks at, at the lower resolution."""


def resample(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize an array ``(H, W, 3)`` of uint8 or uint16 by bicubic interpolation, without aliasing.

    Returns ``values`` itself where it has the size already.
    """
    if values.shape[:2] == (height, width):
        return values
    result = room((height, width, 3), values.dtype)
    for first in range(0, height, BAND):
        rows = slice(first, min(first + BAND, height))
        result[rows] = resample_rows(values, height, width, rows).clip(0, np.iinfo(values.dtype).max).round()
    return result


def resample_rows(values: np.ndarray, height: int, width: int, rows: slice) -> np.ndarray:
    """Return some rows of :func:`resample`'s result as float32, neither clipped nor rounded."""
    scale = values.shape[0] / height
    around = math.ceil(SUPPORT * max(1.0, scale)) + 1
    first = max(0, math.floor(rows.start * scale) - around)
    source = values[first : math.ceil(rows.stop * scale) + around]
    box = (0, rows.start * scale - first, values.shape[1], min(rows.stop * scale - first, source.shape[0]))
    size = (width, rows.stop - rows.start)
    bands = [
        Image.fromarray(source[..., channel].astype(np.float32)).resize(size, Image.Resampling.BICUBIC, box)
        for channel in range(values.shape[2])
    ]
    return np.stack([np.asarray(band) for band in bands], axis=2)
