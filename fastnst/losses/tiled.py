"""The loss of a picture of any size in tiles: value and gradient of the whole, without the activations of the whole."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from typing import ClassVar

import torch
from torch import Tensor

from fastnst.devices import return_memory
from fastnst.errors import ConfigError
from fastnst.losses.perceptual import LossReport, PerceptualLoss, Region, Target
from fastnst.losses.tiles import Tile, tiles_for
from fastnst.losses.whole import Autocast


@torch.no_grad()
def tiled_style_target(loss: PerceptualLoss, style: Tensor, tile: int = 256) -> Target:
    """Take the target of one style picture of any size, as ``loss.style_target`` does, tile by tile."""
    strides, tiles = tiles_for(_extents(loss, loss.style), style.shape[2], style.shape[3], tile)
    sums: dict[str, Tensor] = {}
    counts = dict.fromkeys(strides, 0)
    for part in tiles:
        for layer, maps in loss.backbone(part.cut(style), loss.style).items():
            own = part.core(maps, strides[layer])
            count = own[0, 0].numel()
            sums[layer] = sums.get(layer, 0) + count * loss.style_loss.summary(own)
            counts[layer] += count
    return loss.scaled_style({layer: total / counts[layer] for layer, total in sums.items()})


class TiledLoss:
    """The loss of one picture of any size and its gradient, computed with the activations of one tile.

    Gram matrices, means and covariances are averages over positions. A first pass sums them over all tiles; the
    derivative of the loss by each entry of the sum follows; a second pass propagates it back through the backbone,
    every position being counted by exactly one tile, and adds up the gradients where windows overlap. The result is
    that of the whole picture, up to rounding, for half as much arithmetic again.

    Memory grows with the picture all the same, if slowly: the picture, its gradient, and the photograph's content
    layers stay whole, 16 values a pixel for relu3_1, in the precision of the backbone. The activations of all layers,
    which exist for one tile at a time, are some 400 values a pixel for VGG-19 through relu3_1.

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
        self.loss, self.styles, self.autocast = loss, styles, autocast
        self.strides, self.tiles = tiles_for(
            _extents(loss, {*loss.content, *loss.style}), photo.shape[2], photo.shape[3], tile
        )
        self.content: list[dict[str, Tensor]] = []
        self.sizes: dict[str, tuple[int, int]] = {}
        self._measure(photo)
        self.scales = content_scales if content_scales is not None else self._scales()

    def __call__(self, image: Tensor) -> tuple[LossReport, Tensor]:
        """Return the report on ``(1, 3, H, W)``, RGB around [0, 1], and the gradient of its total, of that shape."""
        style, derivatives = self._style(image)
        content = dict.fromkeys(self.loss.content, image.new_zeros(()))
        variation = image.new_zeros(())
        gradient = torch.zeros_like(image)
        for number, tile in enumerate(self.tiles):
            window = tile.cut(image).detach().clone(memory_format=torch.channels_last).requires_grad_()
            with torch.enable_grad():
                with self.autocast():
                    features = self._features(window, tile, {*self.loss.content, *self.loss.style})
                parts = {layer: self._content(layer, features[layer], number) for layer in self.loss.content}
                tv = self.loss.tv * _variation(window, tile)
                styles = [self._propagated(layer, features[layer], tile, derivatives) for layer in self.loss.style]
                torch.stack([*parts.values(), tv, *styles]).sum().backward()
            assert window.grad is not None
            tile.cut(gradient).add_(window.grad)
            content = {layer: total + parts[layer].detach() for layer, total in content.items()}
            variation = variation + tv.detach()
        return_memory()  # of tiles, before the caller needs it for pictures
        terms = {f"content/{layer}": value for layer, value in content.items()} | style
        return LossReport(terms | ({"tv": variation} if self.loss.tv else {})), gradient

    @torch.no_grad()
    def _measure(self, photo: Tensor) -> None:
        """Keep the content layers of the photograph, and the size of every layer."""
        for tile in self.tiles:
            with self.autocast():
                features = self._features(tile.cut(photo), tile, self.strides)
            self.content.append({layer: features[layer] for layer in self.loss.content})
            for layer, maps in features.items():
                top, left = tile.first(self.strides[layer])
                self.sizes[layer] = top + maps.shape[2], left + maps.shape[3]  # the last tile is the corner

    def _features(self, window: Tensor, tile: Tile, layers: Collection[str]) -> dict[str, Tensor]:
        features = self.loss.backbone(window, layers) if layers else {}
        return {layer: tile.core(maps, self.strides[layer]) for layer, maps in features.items()}

    def _scales(self) -> dict[str, float]:
        raw = self.loss.units == "raw"
        return {layer: 1.0 if raw else self._mean_square(layer) for layer in self.loss.content}

    def _mean_square(self, layer: str) -> float:
        total = sum(float(part[layer].double().square().sum()) for part in self.content)
        return total / self._values(layer) or 1.0

    def _values(self, layer: str) -> int:
        height, width = self.sizes[layer]
        return height * width * self.content[0][layer].shape[1]

    @torch.no_grad()
    def _style(self, image: Tensor) -> tuple[dict[str, Tensor], dict[str, list[Tensor]]]:
        """Return the style terms, and the derivative of each by each region's summary, per position of weight one."""
        sums: dict[tuple[str, int], Tensor] = {}
        mass: dict[tuple[str, int], Tensor] = {}
        for tile in self.tiles if self.loss.style else ():
            with self.autocast():
                features = self._features(tile.cut(image), tile, self.loss.style)
            for layer, maps in features.items():
                for number, region in enumerate(self.styles):
                    summary, share = self._summary(maps, region, tile, layer)
                    key = layer, number
                    sums[key] = sums.get(key, 0) + share * summary
                    mass[key] = mass.get(key, 0) + share
        terms, derivatives = {}, {}
        for layer in self.loss.style:
            keys = [(layer, number) for number in range(len(self.styles))]
            with torch.enable_grad():
                summaries = [(sums[key] / mass[key]).requires_grad_() for key in keys]
                term = self.loss.style_term(layer, summaries, self.styles)
                derivatives[layer] = [
                    g / mass[key] for g, key in zip(torch.autograd.grad(term, summaries), keys, strict=True)
                ]
            terms[f"style/{layer}"] = term.detach()
        return terms, derivatives

    def _summary(self, maps: Tensor, region: Region, tile: Tile, layer: str) -> tuple[Tensor, Tensor]:
        """Return the summary of a tile's features, and its share: the sum of the weights of its positions."""
        weights = region.weights(self.sizes[layer], maps.device)
        if weights is not None:
            top, left = tile.first(self.strides[layer])
            weights = weights[..., top : top + maps.shape[2], left : left + maps.shape[3]]
        share = maps.new_tensor(maps[0, 0].numel(), dtype=torch.float32) if weights is None else weights.sum()
        return self.loss.style_loss.summary(maps, weights), share

    def _propagated(self, layer: str, maps: Tensor, tile: Tile, derivatives: dict[str, list[Tensor]]) -> Tensor:
        """Return a number whose gradient is that of the layer's style terms."""
        parts = []
        for region, derivative in zip(self.styles, derivatives[layer], strict=True):
            summary, share = self._summary(maps, region, tile, layer)
            parts.append((derivative * summary).sum() * share)
        return torch.stack(parts).sum()

    def _content(self, layer: str, maps: Tensor, number: int) -> Tensor:
        difference = (maps - self.content[number][layer]).float()
        return self.loss.content[layer] / self.scales[layer] * difference.square().sum() / self._values(layer)


def _variation(window: Tensor, tile: Tile) -> Tensor:
    """Return what a tile's core adds to the total variation of the picture: differences to below and to the right."""
    (top, bottom), (left, right) = tile.core_rows, tile.core_columns
    top, bottom = top - tile.rows[0], bottom - tile.rows[0]
    left, right = left - tile.columns[0], right - tile.columns[0]
    down = window[..., top : bottom + 1, left:right].diff(dim=2).square().sum()
    across = window[..., top:bottom, left : right + 1].diff(dim=3).square().sum()
    counts = max(1, 3 * (tile.height - 1) * tile.width), max(1, 3 * tile.height * (tile.width - 1))
    return down / counts[0] + across / counts[1]


def _extents(loss: PerceptualLoss, layers: Collection[str]) -> dict[str, tuple[int, int]]:
    return {layer: loss.backbone.extent(layer) for layer in layers}
