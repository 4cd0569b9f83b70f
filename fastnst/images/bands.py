"""Rows of large pictures, some at a time, so that what is computed of them needs little memory."""

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from fastnst.images.room import room

PIXELS = 2**20
"""Of a band; a computation may hold some 20 times its values."""


def bands(height: int, width: int, pixels: int = PIXELS) -> Iterator[slice]:
    """Yield the rows of one band after the other."""
    rows = max(1, pixels // max(1, width))
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def array_of(image: Image.Image) -> np.ndarray:
    """Return the values of an image of 8 bits a channel, ``(H, W)`` or ``(H, W, C)``; Pillow would copy them twice."""
    width, height = image.size
    if width * height <= PIXELS:
        return np.asarray(image)
    channels = len(image.getbands())
    values = room((height, width, channels) if channels > 1 else (height, width), np.uint8)
    for rows in bands(height, width):
        values[rows] = np.asarray(image.crop((0, rows.start, width, rows.stop)))
    return values


def to_eight_bits(values: np.ndarray) -> np.ndarray:
    """Round 16-bit values to 8 bits; others come back as they are."""
    if values.dtype == np.uint8:
        return values
    rounded = room(values.shape, np.uint8)
    for rows in bands(*values.shape[:2]):
        rounded[rows] = (values[rows].astype(np.uint32) * 255 + 32895) >> 16
    return rounded


def enlarged_rows(image: Tensor, rows: slice, height: int, width: int) -> np.ndarray:
    """Return some rows of an image ``(1, C, h, w)`` enlarged to ``height`` x ``width``, as ``(rows, width, C)``."""
    if image.shape[2:] == (height, width):
        return image[0, :, rows].permute(1, 2, 0).numpy()
    vertical = ((torch.arange(rows.start, rows.stop) + 0.5) * (2 / height) - 1)[:, None].expand(-1, width)
    across = ((torch.arange(width) + 0.5) * (2 / width) - 1)[None].expand(len(vertical), -1)
    grid = torch.stack([across, vertical], 2)[None]
    found = F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return found[0].permute(1, 2, 0).numpy()
