"""Cut large files into files of some rows each, so that they are decoded without ever being whole in memory.

Pillow decodes a file at once, at four bytes a pixel, beside the file's own bytes and the array that is made of it. PNG
and TIFF allow to make of some rows a file of their own, which Pillow decodes as any other, whatever it holds. JPEG and
WebP do not; a file of these is decoded whole.

Other libraries read strips of more formats (libvips, by pyvips). They would decode every format a second way, with
other pixels and other errors for the same files, and bring decoders of dozens of formats into a program that reads
files of strangers. What they would save is the four bytes a pixel of a large JPEG, which has at most 65,535 a side.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Protocol

from PIL.ImageFile import ImageFile

from fastnst.images.png_strips import find_png_strips
from fastnst.images.tiff_strips import find_tiff_strips

LARGE = 2**25
"""Pixels from which on a picture is decoded by strips."""

STRIP = 2**24
"""Bytes of a strip before it is packed."""


class Strips(Protocol):
    """A file that can be cut.

    Attributes:
        mends: Whether something is left of it when it is damaged.
    """

    mends: ClassVar[bool]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as stored."""

    def image(self) -> ImageFile:
        """Return an image that says everything but the pixels: orientation, EXIF, XMP."""

    def cut(self, bytes_of_strip: int) -> Iterator[tuple[slice, bytes]]:
        """Yield rows, and a file of their pixels, in order.

        Raises:
            OSError, SyntaxError, ValueError: The file is damaged.
        """


def find_strips(source: object) -> Strips | None:
    """Say how to cut a file; nothing of what is not the path of a large PNG or TIFF that can be cut."""
    if not isinstance(source, str | os.PathLike) or not Path(source).is_file():
        return None
    with Path(source).open("rb") as file:
        found = find_png_strips(Path(source), file, LARGE)
        return found or find_tiff_strips(Path(source), file, LARGE)
