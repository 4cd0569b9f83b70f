"""Masks: where a style is painted."""

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from fastnst.errors import ConfigError
from fastnst.images.color import luma
from fastnst.images.decode import Source, label
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
        ConfigError: It is all black.
        ImageError: It cannot be read.
    """
    mask, name = luma(read_image(source)), label(source)
    if not float(mask.max()):
        raise ConfigError(f"{name}: a mask that is all black paints nothing; white paints, black keeps")
    if abs(mask.shape[3] / mask.shape[2] * height / width - 1) > 0.02:
        log.warning("%s: %dx%d is stretched to %dx%d", name, mask.shape[3], mask.shape[2], width, height)
    return feather(resize(mask, height, width))


def opacities(masks: Sequence[Tensor]) -> list[Tensor]:
    """Return how opaque layers are, each laid over those before, so that each mask gets its share.

    Where masks overlap, they share what is there: together they are at most the whole.

    Args:
        masks: ``(1, 1, H, W)`` in [0, 1], of one size.
    """
    total = torch.stack(list(masks)).sum(0).clamp_min(1)
    left, found = torch.ones_like(total), []
    for mask in reversed(masks):
        share = mask / total
        found.append((share / left.clamp_min(1e-6)).clamp(0, 1))
        left = left - share
    return found[::-1]
