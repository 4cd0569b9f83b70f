"""Cut a PNG file into files of some rows each.

The rows of a PNG that is not interlaced come one after another, and each says how it differs from the row above: behind
that row, any band of rows is a PNG of its own, and everything else that a PNG may be (a palette, 16 bits, a profile) is
Pillow's business as in any file.

Source: PNG (Third Edition), W3C 2025, sections 5, 9 and 11.
"""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar

import numpy as np
from PIL.ImageFile import ImageFile
from PIL.PngImagePlugin import PngImageFile

from fastnst.images.depth import decode_deep
from fastnst.images.salvage import CHANNELS, SIGNATURE, chunk

LARGEST = 2**24
"""Bytes of a chunk that is no pixels."""

PIECE = 2**20
"""Bytes that are read or unpacked at once."""

OF_PIXELS = (b"PLTE", b"tRNS", b"iCCP")
"""Chunks that say what the values of pixels mean; a strip has them too."""

Header = tuple[int, int, int, int]
"""Width, height, bits of a value, and type of color."""


@dataclass(frozen=True)
class PngStrips:
    """A PNG file in strips.

    Args:
        path: Of the file.
        header: Of the file.
        chunks: What it holds beside its pixels: kinds and contents.
        places: Where the pixels are: first byte and length.
    """

    path: Path
    header: Header
    chunks: list[tuple[bytes, bytes]]
    places: list[tuple[int, int]]

    mends: ClassVar[bool] = True

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.header[:2]

    def image(self) -> ImageFile:
        """Return an image of one pixel that has everything else that the file says."""
        _, _, bits, color = self.header
        row = np.zeros((1, _row_bytes(1, bits, color)), np.uint8)
        image = PngImageFile(io.BytesIO(_png((1, 1, bits, color), self.chunks, row)))
        image.load()
        return image

    def cut(self, bytes_of_strip: int) -> Iterator[tuple[slice, bytes]]:
        """Yield rows, and a file of their pixels; see :meth:`fastnst.images.strips.Strips.cut`."""
        width, height, bits, color = self.header
        length, pixel = _row_bytes(width, bits, color), max(1, bits * CHANNELS[color] // 8)
        chunks = [(kind, body) for kind, body in self.chunks if kind in OF_PIXELS]
        step, above = max(1, bytes_of_strip // length), np.zeros(length, np.uint8)
        with self.path.open("rb") as file:
            packed = _Unpacked(file, self.places)
            for top in range(0, height, step):
                count = min(step, height - top)
                rows = _unfiltered(packed.take(count * (length + 1)), above, pixel)
                above = rows[-1]
                yield slice(top, top + count), _png((width, count, bits, color), chunks, rows)


def find_png_strips(path: Path, file: BinaryIO, least: int) -> PngStrips | None:
    """Say how to cut a file of so many pixels or more; not at all if it is animated, interlaced, cut off, or no PNG."""
    if file.read(len(SIGNATURE)) != SIGNATURE:
        return None
    header: Header | None = None
    chunks: list[tuple[bytes, bytes]] = []
    places: list[tuple[int, int]] = []
    place, size = len(SIGNATURE), path.stat().st_size
    while place + 12 <= size:
        file.seek(place)
        length, kind = struct.unpack(">I4s", file.read(8))
        place += 12 + length
        if place > size or kind == b"acTL" or (kind != b"IDAT" and length > LARGEST):
            return None
        if header is None:
            header = _header(kind, file.read(length), least)
            if header is None:
                return None
        elif kind == b"IDAT":
            places.append((place - length - 4, length))
        elif kind == b"IEND":
            return PngStrips(path, header, chunks, places)
        else:
            chunks.append((kind, file.read(length)))
    return None


def _header(kind: bytes, body: bytes, least: int) -> Header | None:
    """Return the header of a picture that is worth cutting, and may be."""
    if kind != b"IHDR" or len(body) != 13:
        return None
    width, height, bits, color, _, _, interlaced = struct.unpack(">IIBBBBB", body)
    if width * height < least or interlaced or color not in CHANNELS or bits not in (1, 2, 4, 8, 16):
        return None
    return width, height, bits, color


def _row_bytes(width: int, bits: int, color: int) -> int:
    return -(-width * bits * CHANNELS[color] // 8)


class _Unpacked:
    """The pixels of a file as they were before they were packed, from the first to the last."""

    def __init__(self, file: BinaryIO, places: list[tuple[int, int]]) -> None:
        self._pieces, self._held = _unpack(file, places), bytearray()

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        while len(self._held) < count:
            piece = next(self._pieces, None)
            if piece is None:
                raise ValueError("truncated")
            self._held += piece
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken


def _unpack(file: BinaryIO, places: list[tuple[int, int]]) -> Iterator[bytes]:
    unpack = zlib.decompressobj()
    try:
        for start, length in places:
            file.seek(start)
            while length > 0:
                packed = file.read(min(length, PIECE))
                length -= len(packed) or length
                more = True
                while more:
                    found = unpack.decompress(packed, PIECE)
                    packed, more = unpack.unconsumed_tail, len(found) == PIECE
                    yield found
    except zlib.error:
        raise ValueError("its data is damaged") from None


def _unfiltered(filtered: bytes, above: np.ndarray, pixel: int) -> np.ndarray:
    """Undo the filters of rows, as bytes ``(rows, length)``; filters see nothing but the bytes of a pixel."""
    length = len(above)
    count = len(filtered) // (length + 1)
    color = {1: 0, 2: 4, 3: 2, 4: 6, 6: 2, 8: 6}[pixel]
    header = length // pixel, count + 1, 8 if pixel <= 4 else 16, color
    data = _file(header, [], b"\0" + above.tobytes() + filtered)
    image = PngImageFile(io.BytesIO(data))
    if pixel > 4:
        deep = decode_deep(image, lambda: PngImageFile(io.BytesIO(data)), "strip")
        assert deep is not None, "16 bits"
        return np.ascontiguousarray(deep.astype(">u2")).view(np.uint8).reshape(count + 1, length)[1:]
    image.load()
    return np.asarray(image).reshape(count + 1, length)[1:]


def _png(header: Header, chunks: list[tuple[bytes, bytes]], rows: np.ndarray) -> bytes:
    """Return a file of rows as they are, without filters."""
    return _file(header, chunks, np.pad(rows, ((0, 0), (1, 0))).tobytes())


def _file(header: Header, chunks: list[tuple[bytes, bytes]], rows: bytes) -> bytes:
    first = struct.pack(">IIBBBBB", *header, 0, 0, 0)
    every = [(b"IHDR", first), *chunks, (b"IDAT", zlib.compress(rows, 0)), (b"IEND", b"")]
    return SIGNATURE + b"".join(chunk(kind, body) for kind, body in every)
