"""The loss of a picture of any size in tiles: value and gradient of the whole, without the activations of the whole."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import ClassVar

import torch
from torch import Tensor

from fastnst.devices import return_memory
from fastnst.errors import ConfigError
from fastnst.losses.level import Level, extents
from fastnst.losses.perceptual import PerceptualLoss, size_of
from fastnst.losses.pyramid import gather, layer_at, pyramid
from fastnst.losses.report import LossReport
from fastnst.losses.target import Region, Target
from fastnst.losses.whole import Autocast
from fastnst.tiles import tiles_for


@torch.no_grad()
def tiled_style_target(loss: PerceptualLoss, style: Tensor, tile: int = 256) -> Target:
    """Take the target of one style picture of any size, as ``loss.style_target`` does, tile by tile."""
    values = {}
    for factor, picture in pyramid(style, loss.style_scales(size_of(style))).items():
        for layer, summary in _summaries(loss, picture, tile).items():
            values[layer_at(layer, factor)] = summary
    return loss.scaled_style(values)


def _summaries(loss: PerceptualLoss, style: Tensor, tile: int) -> dict[str, Tensor]:
    strides, tiles = tiles_for(extents(loss, loss.style), style.shape[2], style.shape[3], tile)
    sums: dict[str, Tensor] = {}
    counts = dict.fromkeys(strides, 0)
    for part in tiles:
        for layer, maps in loss.backbone(part.cut(style), loss.style).items():
            own = part.core(maps, strides[layer])
            count = own[0, 0].numel()
            sums[layer] = sums.get(layer, 0) + count * loss.style_loss.summary(own)
            counts[layer] += count
    return {layer: total / counts[layer] for layer, total in sums.items()}


class TiledLoss:
    """The loss of one picture of any size and its gradient, computed with the activations of one tile.

    Gram matrices, means and covariances are averages over positions. A first pass sums them over all tiles; the
    derivative of the loss by each entry of the sum follows; a second pass propagates it back through the backbone,
    every position being counted by exactly one tile, and adds up the gradients where windows overlap. The result is
    that of the whole picture, up to rounding, for half as much arithmetic again.

    Every scale of the loss is a picture with tiles of its own: reduced as a whole, which takes three values a pixel.

    Memory grows with the picture all the same, if slowly: the picture and its gradient at every scale, and the
    photograph's content layers stay whole, in the precision of the backbone: 16 values a pixel for relu3_1, or 4 where
    content is compared at 1/2. The activations of all layers, which exist for one tile at a time, are some 400 values a
    pixel for VGG-19 through relu3_1.

    Args:
        loss: The loss.
        photo: Photograph ``(1, 3, H, W)``, RGB in [0, 1], on the device of the loss.
        styles: What is imitated; a mask has the size of the photograph.
        tile: Side of a tile's core, pixels.
        autocast: Makes the context in which the backbone computes.
        content_scales: From :meth:`PerceptualLoss.content_scales`; measured on ``photo`` by default.

    Raises:
        ConfigError: The style loss is not a sum over positions.
    """

    tiled: ClassVar[bool] = True

    def __init__(
        self,
        loss: PerceptualLoss,
        photo: Tensor,
        styles: Sequence[Region],
        tile: int = 256,
        autocast: Autocast = nullcontext,
        content_scales: Mapping[str, float] | None = None,
    ) -> None:
        if not loss.style_loss.additive:
            raise ConfigError("this style loss sorts the whole picture and cannot be taken in tiles; choose another")
        self.loss = loss
        shares = loss.style_scales(size_of(photo), [region.style for region in styles])
        at = loss.scale_of_content(size_of(photo)) if loss.content else 1
        self.levels = {
            factor: Level(loss, level, styles, factor, shares.get(factor, 0.0), factor == at, tile, autocast)
            for factor, level in pyramid(photo, {1, at, *shares}).items()
            if (factor == at and loss.content) or factor in shares or loss.tv
        }
        if content_scales is not None and loss.content:
            self.levels[at].scales = content_scales

    def __call__(self, image: Tensor) -> tuple[LossReport, Tensor]:
        """Return the report on ``(1, 3, H, W)``, RGB around [0, 1], and the gradient of its total, of that shape."""
        terms: dict[str, Tensor] = {}
        gradients = {}
        for factor, picture in pyramid(image.detach(), self.levels).items():
            found, gradients[factor] = self.levels[factor](picture)
            terms |= found
        gradient = gather(image, gradients)
        return_memory()  # of tiles, before the caller needs it for pictures
        return LossReport(_ordered(terms)), gradient


def _ordered(terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Put terms into the order that the loss of the whole has: content, style, variation."""
    kinds = ("content", "style", "tv")
    return dict(sorted(terms.items(), key=lambda item: kinds.index(item[0].partition("/")[0])))
