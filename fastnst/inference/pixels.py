"""Pictures that are read and painted window by window, whatever holds them."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from fastnst.images import pad_to

WHITE = {"uint8": 255, "uint16": 65535}
"""The value of white for each kind of pixel."""


class Pixels(Protocol):
    """A picture to be read in windows.

    Attributes:
        height: Pixels.
        width: Pixels.
    """

    height: int
    width: int

    def read(self, rows: slice, columns: slice) -> Tensor:
        """Return a window as ``(1, 3, rows, columns)``, float32, RGB in [0, 1]."""


class Canvas(Protocol):
    """A picture to be written in windows."""

    def write(self, row: int, column: int, window: Tensor) -> None:
        """Take ``(1, 3, h, w)``, RGB around [0, 1], whose first pixel belongs at a row and a column."""


class ArrayPixels:
    """Read and write an array ``(H, W, 3)`` of uint8 or uint16.

    Raises:
        ValueError: Another array.
    """

    def __init__(self, values: np.ndarray) -> None:
        if values.ndim != 3 or values.shape[2] != 3 or values.dtype.name not in WHITE or not values.size:
            raise ValueError(
                f"expected an array (H, W, 3) of uint8 or uint16, RGB, got {values.shape} of {values.dtype}"
            )
        self.values, self.white = values, WHITE[values.dtype.name]
        self.height, self.width = values.shape[:2]

    def read(self, rows: slice, columns: slice) -> Tensor:
        window = torch.from_numpy(self.values[rows, columns].astype(np.float32))
        return window.permute(2, 0, 1)[None].div_(self.white)

    def write(self, row: int, column: int, window: Tensor) -> None:
        levels = window[0].permute(1, 2, 0).clamp(0, 1).mul(self.white).round().cpu().numpy()
        self.values[row : row + levels.shape[0], column : column + levels.shape[1]] = levels


class TensorPixels:
    """Read and write one image ``(3, H, W)`` of floating-point numbers."""

    def __init__(self, image: Tensor) -> None:
        self.image = image
        self.height, self.width = image.shape[-2:]

    def read(self, rows: slice, columns: slice) -> Tensor:
        return self.image[None, :, rows, columns].float()

    def write(self, row: int, column: int, window: Tensor) -> None:
        height, width = window.shape[-2:]
        self.image[:, row : row + height, column : column + width] = window[0].clamp(0, 1)


class Padded:
    """A picture extended at the right and the bottom as :func:`~fastnst.images.pad_to` does it.

    Args:
        pixels: The picture.
        multiple: Sides become multiples of this.
        least: And at least this.
    """

    def __init__(self, pixels: Pixels, multiple: int, least: int) -> None:
        self.pixels = pixels
        self._rows = _places(pixels.height, multiple, least)
        self._columns = _places(pixels.width, multiple, least)
        self.height, self.width = len(self._rows), len(self._columns)

    def read(self, rows: slice, columns: slice) -> Tensor:
        wanted = self._rows[rows], self._columns[columns]
        spans = [slice(int(places.min()), int(places.max()) + 1) for places in wanted]
        window = self.pixels.read(*spans)
        for axis, places, span in zip((2, 3), wanted, spans, strict=True):
            if rows.stop > self.pixels.height or columns.stop > self.pixels.width:
                window = window.index_select(axis, (places - span.start).to(window.device))
        return window


def _places(side: int, multiple: int, least: int) -> Tensor:
    """Return which row of a picture each row of the extended one repeats."""
    numbers = torch.arange(side, dtype=torch.float64, device="cpu").view(1, 1, side, 1)
    return pad_to(numbers, multiple, least)[0, 0, :, 0].long()
