"""The pictures of a job: read, resized, and recolored where the photograph's colors are kept."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor

from fastnst.errors import ConfigError
from fastnst.images import cover, fit, read_image, resize
from fastnst.images.color import gray, luma, match_covariance, match_histogram, with_luma
from fastnst.images.recolor import ColorMethod

Source = str | bytes
"""A picture: its path, or the bytes of a file."""

CanvasShape = Literal["content", "style"]


def label(source: Source) -> str:
    """Name a picture in messages and on the command line; bytes came from standard input."""
    return source if isinstance(source, str) else "-"


def stem(source: Source) -> str:
    """Name a picture in the names of files."""
    return Path(source).stem if isinstance(source, str) else "picture"


def read_content(source: Source, size: int | None, enlarge: bool, shape: tuple[int, int] | None = None) -> Tensor:
    """Read a photograph at the size of the result.

    Args:
        source: The photograph.
        size: Longer side, pixels; its own by default.
        enlarge: Whether a smaller picture is enlarged to ``size``.
        shape: Height and width whose proportions the result has, cut out of the middle; the photograph's by default.
    """
    image = read_image(source)
    if shape is not None:
        scale = min(image.shape[2] / shape[0], image.shape[3] / shape[1])
        height, width = (max(1, round(side * scale)) for side in shape)  # the largest such rectangle inside
    else:
        height, width = image.shape[2:]
    longer = max(height, width)
    wanted = longer if size is None else size if enlarge else min(size, longer)
    if shape is not None:
        return cover(image, *(max(1, round(side * wanted / longer)) for side in (height, width)))
    return fit(image, longer=wanted)


def check_size(image: Tensor, name: str, least: int) -> None:
    """Refuse a picture that is too small for the loss.

    Raises:
        ConfigError: A side is shorter than ``least``.
    """
    height, width = image.shape[2:]
    if min(height, width) < least:
        raise ConfigError(f"{name}: {height}x{width} is too small, the loss needs {least}x{least} at least; enlarge it")


@dataclass(frozen=True)
class Colors:
    """How a result gets its colors.

    Args:
        photo: The photograph, RGB in [0, 1].
        method: How its colors are kept; nothing where the result has the style's.
    """

    photo: Tensor
    method: ColorMethod | None

    def content(self) -> Tensor:
        """Return the photograph as it is compared."""
        return gray(self.photo) if self.method == "luminance" else self.photo

    def style(self, picture: Tensor) -> Tensor:
        """Return a style picture as it is compared."""
        if self.method is None:
            return picture
        if self.method == "luminance":
            return gray(picture)
        match = match_covariance if self.method == "covariance" else match_histogram
        return match(picture, self.photo)

    def first(self, picture: Tensor) -> Tensor:
        """Return a picture to begin with, as it is optimized."""
        return gray(picture) if self.method == "luminance" else picture

    def result(self, image: Tensor) -> Tensor:
        """Return what was optimized as it is shown."""
        if self.method != "luminance":
            return image
        return with_luma(resize(self.photo, *image.shape[2:]), luma(image))
