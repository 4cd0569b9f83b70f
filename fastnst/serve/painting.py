"""The stages of a request: read, paint, together with others, finish, write."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal

import numpy as np

from fastnst import __version__
from fastnst.images import MOVING, WRITABLE, ImageError, Picture, read_pictures
from fastnst.images.alpha import bleed
from fastnst.images.decode import picture_size
from fastnst.images.encode import LARGEST, encoded
from fastnst.images.recolor import Color, keep_colors
from fastnst.images.resample import resample
from fastnst.inference.picture import resized

Format = Literal["png", "jpg", "webp", "gif", "tif"]

NAME = "image"
"""What a picture is called in messages: names of clients' files are not repeated."""


class TooLargeError(ImageError):
    """A picture has more pixels than may be."""


@dataclass(frozen=True)
class Wish:
    """How a picture is to be painted.

    Args:
        color: Whose colors the result has.
        size: Longer side of the result, pixels; that of the picture by default.
        format: Of the file that is answered.
    """

    color: Color = "style"
    size: int | None = None
    format: Format = "png"

    @property
    def kind(self) -> str:
        """The format as :mod:`fastnst.images` names it."""
        return WRITABLE[f".{self.format}"]

    @property
    def media_type(self) -> str:
        """The format as HTTP names it."""
        return f"image/{self.kind.lower()}"


def measure(file: BinaryIO, wish: Wish, most: int) -> int:
    """Return the pixels that a picture, or its result, takes, by its header; or as many as its file has place for.

    Raises:
        TooLargeError: They are more than ``most``, or a side is more than the format holds.
        ImageError: It is no picture of a known format.
    """
    width, height, frames = picture_size(file, 2**62)
    frames = frames if wish.kind in MOVING else 1
    scale = 1.0 if wish.size is None else wish.size / max(width, height)
    result = width * height * scale**2
    pixels = round(max(width * height, result) * frames)
    if pixels > most:
        what = f"{width}x{height}" + (f" in {frames} frames" if frames > 1 else "")
        what += f" painted at {wish.size}" if result > width * height else ""
        raise TooLargeError(f"{NAME}: {what} is more than the {most / 1e6:g} megapixels this server takes; reduce it")
    side = round(scale * max(width, height))
    if side > LARGEST.get(wish.kind, side):
        raise TooLargeError(f"{NAME}: {wish.format} holds at most {LARGEST[wish.kind]} pixels a side; ask for png")
    return max(pixels, file.tell() // 3)


def read(file: BinaryIO, wish: Wish, most: int) -> tuple[list[Picture], np.ndarray | None]:
    """Decode a picture, and return what the network sees of it; or the frames of an animation, and nothing else.

    Raises:
        ImageError: It cannot be read.
    """
    pictures = read_pictures(file, NAME, still=wish.kind not in MOVING, max_pixels=most)
    return pictures, _photo(pictures[0], wish) if len(pictures) == 1 else None


def _photo(picture: Picture, wish: Wish) -> np.ndarray:
    """Return what the network sees of a picture ``(H, W, 3)``, in the size of the result."""
    values = picture.values if picture.alpha is None else bleed(picture.values, picture.alpha)
    scale = 1.0 if wish.size is None else wish.size / max(values.shape[:2])
    height, width = (max(1, round(scale * side)) for side in values.shape[:2])
    return resample(values, height, width)


def finish(picture: Picture, photo: np.ndarray, painted: np.ndarray, wish: Wish) -> Picture:
    """Give a painting the colors that are wished, and the picture's transparency and notes."""
    if wish.color == "content":
        painted = keep_colors(painted, photo, "luminance")
    alpha = None if picture.alpha is None else resized(picture.alpha, *painted.shape[:2])
    return replace(picture, values=painted, alpha=alpha)


def write(pictures: Sequence[Picture], wish: Wish, settings: dict[str, object]) -> bytes:
    """Return the file of a painting, with a note of how it was made."""
    return encoded(
        pictures, wish.kind, {"fastnst": __version__, "settings": {k: v for k, v in settings.items() if v is not None}}
    )
