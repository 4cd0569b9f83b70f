"""Cut a TIFF file into files of some rows each: its strips, or rows of its tiles, are packed one by one.

Source: TIFF 6.0, Adobe 1992, sections 3 and 15.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

from PIL import TiffTags
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from fastnst.images.metadata import Broken

WIDTH, HEIGHT, BITS, COMPRESSION, SAMPLES, ROWS, PLANES = 256, 257, 258, 259, 277, 278, 284
STRIPS, TILES = (273, 279), (324, 325)
"""Where strips and tiles begin, and how many bytes they have."""

TILE_SIZE = (322, 323)

FORMAT, FLOATS = 339, 3
"""The kind of the values: what stands for white among fractions is told by all of them."""

OF_PIXELS = (WIDTH, BITS, COMPRESSION, 262, 266, SAMPLES, PLANES, 317, 320, *TILE_SIZE, 338, FORMAT, 34675)
"""What says what the values of pixels mean; a strip has it too."""

PLAIN = 1
PACKED = (PLAIN, 5, 8, 32773, 32946)
"""Ways of packing that are the same for every strip: none, LZW, deflate, run lengths."""

START = 8
HEADERS = {b"II": b"II*\0" + struct.pack("<I", START), b"MM": b"MM\0*" + struct.pack(">I", START)}
"""By the order of bytes."""


@dataclass(frozen=True)
class TiffStrips:
    """A TIFF file in strips or tiles.

    Args:
        path: Of the file.
        size: Width and height.
        order: The two letters that the file begins with.
        tags: By number, those of :data:`OF_PIXELS`.
        kinds: Their types.
        rows: Of a strip, or of a tile.
        places: Where the blocks of each band of so many rows are: first byte and length.
    """

    path: Path
    size: tuple[int, int]
    order: bytes
    tags: dict[int, Any]
    kinds: dict[int, int]
    rows: int
    places: list[list[tuple[int, int]]]

    mends: ClassVar[bool] = False

    def image(self) -> ImageFile:
        """Return the file's image, which is not decoded."""
        return TiffImageFile(self.path)

    def cut(self, bytes_of_strip: int) -> Iterator[tuple[slice, bytes]]:
        """Yield rows, and a file of their pixels; see :meth:`fastnst.images.strips.Strips.cut`."""
        width, height = self.size
        bits = self.tags.get(BITS, (1,))[0] * self.tags.get(SAMPLES, 1)
        step = max(1, bytes_of_strip * 8 // (width * bits * self.rows))
        with self.path.open("rb") as file:
            for first in range(0, len(self.places), step):
                places = [place for band in self.places[first : first + step] for place in band]
                top, bottom = first * self.rows, min(height, (first + step) * self.rows)
                yield slice(top, bottom), self._file(bottom - top, [_read(file, *place) for place in places])

    def _file(self, height: int, blocks: Sequence[bytes]) -> bytes:
        directory = ImageFileDirectory_v2(HEADERS[self.order])
        own = {**self.tags, HEIGHT: height} | ({} if TILE_SIZE[0] in self.tags else {ROWS: self.rows})
        for tag, value in own.items():
            directory.tagtype[tag] = self.kinds.get(tag, TiffTags.LONG)
            directory[tag] = value
        begin = 0  # Pillow counts where strips are from the directory's end, and tiles from the beginning
        if TILE_SIZE[0] in self.tags:
            begin = START + len(self._with_places(directory, blocks, 0))
        return HEADERS[self.order] + self._with_places(directory, blocks, begin) + b"".join(blocks)

    def _with_places(self, directory: ImageFileDirectory_v2, blocks: Sequence[bytes], begin: int) -> bytes:
        sizes = [len(block) for block in blocks]
        starts = accumulate(sizes[:-1], initial=begin)
        for tag, value in zip(TILES if TILE_SIZE[0] in self.tags else STRIPS, (starts, sizes), strict=True):
            directory.tagtype[tag] = TiffTags.LONG
            directory[tag] = tuple(value)
        data: bytes = directory.tobytes(START)
        return data


def _read(file: BinaryIO, start: int, length: int) -> bytes:
    file.seek(start)
    data = file.read(length)
    if len(data) < length:
        raise ValueError("truncated")
    return data


def find_tiff_strips(path: Path, file: BinaryIO, least: int) -> TiffStrips | None:
    """Say how to cut a file of at least so many pixels: not at all if its channels are apart, or all in one piece."""
    file.seek(0)
    order = file.read(4)
    if order not in (b"II*\0", b"MM\0*"):
        return None
    try:
        with TiffImageFile(path) as image:
            found = dict(image.tag_v2)
            kinds = dict(image.tag_v2.tagtype)
        return _strips(path, order[:2], found, kinds, least)
    except (*Broken, IndexError, OverflowError, ZeroDivisionError):
        return None  # the whole is read, and tells what is wrong


def _strips(path: Path, order: bytes, found: dict[int, Any], kinds: dict[int, int], least: int) -> TiffStrips | None:
    width, height = int(found[WIDTH]), int(found[HEIGHT])
    if width * height < least or found.get(COMPRESSION, PLAIN) not in PACKED or found.get(PLANES, 1) != 1:
        return None
    if FLOATS in found.get(FORMAT, ()):
        return None
    tags = {tag: found[tag] for tag in OF_PIXELS if tag in found}
    tiled = TILE_SIZE[0] in found
    rows = int(found[TILE_SIZE[1]] if tiled else min(height, found.get(ROWS, height)))
    across = -(-width // int(found[TILE_SIZE[0]])) if tiled else 1
    places = list(zip(*(found[tag] for tag in (TILES if tiled else STRIPS)), strict=True))
    if len(places) == 1 and found.get(COMPRESSION, PLAIN) == PLAIN and not tiled:
        length, rows = places[0][1] // height, 1
        places = [(places[0][0] + row * length, length) for row in range(height)]
    bands = [places[first : first + across] for first in range(0, len(places), across)]
    if len(bands) < 2 or len(bands) != -(-height // rows):
        return None
    return TiffStrips(path, (width, height), order, tags, kinds, rows, bands)
