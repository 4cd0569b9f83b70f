"""Masks: where a style is painted."""

import logging

from torch import Tensor

from fastnst.images.color import luma
from fastnst.images.decode import Source, label
from fastnst.images.errors import ImageError
from fastnst.images.geometry import feather, resize
from fastnst.images.io import read_image

log = logging.getLogger(__name__)


def read_mask(source: Source, height: int, width: int) -> Tensor:
    """Read a mask as ``(1, 1, H, W)`` in [0, 1], its edges softened; another shape is stretched.

    Args:
        source: A picture: white paints, black keeps.
        height: Of the picture that it is for, or of a smaller copy.
        width: Of the same.

    Raises:
        ImageError: It cannot be read, or is all black.
    """
    mask, name = luma(read_image(source)), label(source)
    if not float(mask.max()):
        raise ImageError(f"{name}: a mask that is all black paints nothing; white paints, black keeps")
    if abs(mask.shape[3] / mask.shape[2] * height / width - 1) > 0.02:
        log.warning("%s: %dx%d is stretched to %dx%d", name, mask.shape[3], mask.shape[2], width, height)
    return feather(resize(mask, height, width))


def shares(masks: list[Tensor]) -> list[Tensor]:
    """Return what each of several masks of one size gets where they overlap: together at most the whole."""
    total = sum(masks[1:], masks[0]).clamp_min(1)
    return [mask / total for mask in masks]
