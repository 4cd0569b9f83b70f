"""Maps of a whole picture, in memory as far as it goes and in a temporary file beyond."""

import tempfile
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor

from fastnst.memory import scratch_folder


@dataclass
class _Band:
    """Some rows of a map, ``(rows, W, C)``, or where they are in the file."""

    first: int
    shape: tuple[int, int, int]
    values: Tensor | None
    place: int = 0


class Store:
    """Keep maps by bands of rows.

    The file has no name, so nothing is left of it when the process ends, however it ends. It is read and written rather
    than mapped: pages of a mapped file would count as memory of the process.

    Args:
        memory: Bytes that are kept in memory at most.
    """

    def __init__(self, memory: float) -> None:
        self.memory, self.used = memory, 0.0
        self._bands: dict[Hashable, list[_Band]] = {}
        self._dtypes: dict[Hashable, torch.dtype] = {}
        self._file: BinaryIO | None = None
        self._end = 0
        self._free: dict[int, list[int]] = {}

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *error: object) -> None:
        self._bands.clear()
        if self._file is not None:
            self._file.close()

    def put(self, key: Hashable, first: int, band: Tensor) -> None:
        """Keep rows of a map, which follow those before.

        Args:
            key: Of the map.
            first: Number of the first row.
            band: ``(rows, W, C)``; not to be changed afterwards.

        Raises:
            OSError: There is no room in the file's folder.
        """
        found = _Band(first, (band.shape[0], band.shape[1], band.shape[2]), band)
        if self.used + band.nbytes <= self.memory:
            self.used += band.nbytes
        else:
            free = self._free.get(band.nbytes)
            found.place = free.pop() if free else self._end
            self._end = max(self._end, found.place + band.nbytes)
            self._write(band, found.place)
            found.values = None
        self._bands.setdefault(key, []).append(found)
        self._dtypes[key] = band.dtype

    def read(self, key: Hashable, rows: slice, columns: slice) -> Tensor:
        """Return a window of a map as ``(1, C, rows, columns)``, channels last; it may be changed."""
        bands = self._bands[key]
        width, channels = columns.stop - columns.start, bands[0].shape[2]
        window = torch.empty(rows.stop - rows.start, width, channels, dtype=self._dtypes[key], device="cpu")
        for band in bands:
            top, bottom = max(rows.start, band.first), min(rows.stop, band.first + band.shape[0])
            if top < bottom:
                part = window[top - rows.start : bottom - rows.start]
                if band.values is not None:
                    part.copy_(band.values[top - band.first : bottom - band.first, columns])
                else:
                    self._read(band, top - band.first, columns.start, part)
        return window.permute(2, 0, 1)[None]

    def forget(self, key: Hashable, before: int | None = None) -> None:
        """Free the bands of a map that end before a row, or all."""
        left = []
        for band in self._bands.get(key, []):
            if before is not None and band.first + band.shape[0] > before:
                left.append(band)
                continue
            size = band.shape[0] * band.shape[1] * band.shape[2] * self._dtypes[key].itemsize
            if band.values is None:
                self._free.setdefault(size, []).append(band.place)
            else:
                self.used -= size
        self._bands[key] = left

    def _write(self, band: Tensor, place: int) -> None:
        file = self._opened()
        try:
            file.seek(place)
            rest = _bytes(band)
            while len(rest):
                rest = rest[file.write(rest) :]
        except OSError as error:
            size = f"{self._end / 1e9:.1f} GB of features"
            raise OSError(
                f"cannot keep {size} in {scratch_folder()} ({error.strerror}); set TMPDIR to a folder with more room, "
                f"or give --statistics thumbnail or more --memory"
            ) from error

    def _read(self, band: _Band, row: int, column: int, part: Tensor) -> None:
        """Fill ``(rows, columns, C)`` from the file, beginning at a row and a column of a band."""
        file, (_, width, channels) = self._opened(), band.shape
        pixel = channels * part.element_size()
        pieces = [part] if part.shape[1] == width else part.split(1)
        for piece in pieces:
            file.seek(band.place + (row * width + column) * pixel)
            rest = _bytes(piece)
            while len(rest):
                rest = rest[file.readinto(rest) or len(rest) :]  # type: ignore[attr-defined]  # unbuffered files have it
            row += piece.shape[0]

    def _opened(self) -> BinaryIO:
        if self._file is None:
            file = tempfile.TemporaryFile(buffering=0, dir=scratch_folder())  # noqa: SIM115 (see __exit__)
            self._file = cast(BinaryIO, file)
        return self._file


def _bytes(values: Tensor) -> memoryview:
    array: Any = values.view(torch.uint8).numpy()
    return memoryview(array).cast("B")
