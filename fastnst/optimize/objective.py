"""The loss of one photograph's picture at one size: its styles, and whether it is taken in tiles."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from fastnst.images import resize
from fastnst.losses import Objective, PerceptualLoss, Region, TiledLoss, WholeLoss
from fastnst.losses.tiled import tiled_style_target
from fastnst.losses.whole import Autocast

WHOLE = 2**20
"""Pixels of the largest picture whose loss is computed in one piece by default."""

TILE_CPU, TILE_GPU = 256, 1024
"""Sides of tiles, pixels: small ones stay in a processor's caches, large ones keep a GPU busy."""


@dataclass(frozen=True)
class Style:
    """A picture to imitate.

    Args:
        picture: ``(1, 3, H, W)``, RGB in [0, 1], at the size whose strokes are wanted in the result.
        weight: Its share where there are several.
        mask: Where, ``(1, 1, H, W)`` in [0, 1], of the result's proportions; everywhere by default.
    """

    picture: Tensor
    weight: float = 1.0
    mask: Tensor | None = None


def make_objective(
    loss: PerceptualLoss,
    photo: Tensor,
    styles: Sequence[Region],
    tile: int | None,
    autocast: Autocast = nullcontext,
    content_scales: Mapping[str, float] | None = None,
) -> Objective:
    """Return the loss in one piece where that fits into memory, and in tiles elsewhere."""
    height, width = photo.shape[2:]
    if tile is None and (height * width <= WHOLE or not loss.style_loss.additive):
        return WholeLoss(loss, photo, styles, autocast, content_scales)
    if tile is not None and tile >= max(height, width):
        return WholeLoss(loss, photo, styles, autocast, content_scales)
    side = tile or (TILE_CPU if photo.device.type == "cpu" else TILE_GPU)
    return TiledLoss(loss, photo, styles, side, autocast, content_scales)


def make_regions(loss: PerceptualLoss, styles: Sequence[Style], height: int, width: int, scale: float) -> list[Region]:
    """Take the targets of styles for a picture of ``height`` x ``width``, which is ``scale`` of the whole."""
    total = sum(style.weight for style in styles)
    least = loss.min_style_size
    regions = []
    for style in styles:
        size = [max(least, round(side * scale)) for side in style.picture.shape[2:]]
        picture = resize(style.picture, *size).contiguous(memory_format=torch.channels_last)
        whole = size[0] * size[1] <= WHOLE or not loss.style_loss.additive
        target = loss.style_target(picture) if whole else tiled_style_target(loss, picture)
        mask = None if style.mask is None else resize(style.mask, height, width)
        regions.append(Region(target, style.weight / total, mask))
    return regions
