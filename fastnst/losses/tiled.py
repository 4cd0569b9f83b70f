"""The loss of a picture of any size in tiles: value and gradient of the whole, in the memory of a tile."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor

from fastnst.devices import return_memory
from fastnst.errors import ConfigError
from fastnst.losses.perceptual import LossReport, PerceptualLoss, Region, Target
from fastnst.losses.whole import Autocast

Span = tuple[int, int]


@dataclass(frozen=True)
class Tile:
    """A window of a picture, and the core inside it that this tile answers for; ``(first, behind the last)`` pixels."""

    rows: Span
    columns: Span
    core_rows: Span
    core_columns: Span
    height: int
    width: int

    def cut(self, image: Tensor) -> Tensor:
        """Cut the window out of ``(B, C, H, W)``."""
        return image[..., slice(*self.rows), slice(*self.columns)]

    def first(self, stride: int) -> tuple[int, int]:
        """Return row and column of the core's first position in a layer of the whole picture."""
        return self.core_rows[0] // stride, self.core_columns[0] // stride

    def core(self, features: Tensor, stride: int) -> Tensor:
        """Take the positions that only this tile answers for out of a layer's ``(B, C, h, w)`` of the window."""
        rows = _positions(self.rows, self.core_rows, self.height, stride)
        columns = _positions(self.columns, self.core_columns, self.width, stride)
        return features[..., rows, columns]


def plan_tiles(height: int, width: int, core: int, halo: int) -> list[Tile]:
    """Cover a picture with tiles whose cores do not overlap.

    Args:
        height: Of the picture, pixels.
        width: Of the picture, pixels.
        core: Side of a core, pixels; a multiple of every layer's stride.
        halo: Pixels that a window extends beyond its core, unless the picture ends; likewise a multiple.
    """
    rows, columns = _spans(height, core, halo), _spans(width, core, halo)
    return [Tile(r, c, core_r, core_c, height, width) for r, core_r in rows for c, core_c in columns]


def _spans(side: int, core: int, halo: int) -> list[tuple[Span, Span]]:
    starts = list(range(0, side, core))
    if len(starts) > 1 and side - starts[-1] <= halo:  # a last core too thin for the deeper layers
        starts.pop()
    ends = [*starts[1:], side]
    return [
        ((max(0, start - halo), min(side, end + halo)), (start, end)) for start, end in zip(starts, ends, strict=True)
    ]


def _positions(window: Span, core: Span, side: int, stride: int) -> slice:
    start = (core[0] - window[0]) // stride
    return slice(start, None if core[1] == side else start + (core[1] - core[0]) // stride)


def _tiling(
    loss: PerceptualLoss, layers: Collection[str], image: Tensor, tile: int
) -> tuple[Mapping[str, int], list[Tile]]:
    """Return the stride of each layer, and tiles whose windows hold all that the deepest layer sees."""
    extents = {layer: loss.backbone.extent(layer) for layer in layers}
    strides = {layer: stride for layer, (stride, _) in extents.items()}
    step = max(strides.values())
    halo = _up(max(margin for _, margin in extents.values()), step)
    return strides, plan_tiles(image.shape[2], image.shape[3], _up(tile, step), halo)


@torch.no_grad()
def tiled_style_target(loss: PerceptualLoss, style: Tensor, tile: int = 256) -> Target:
    """Take the target of one style picture of any size, as ``loss.style_target`` does, in the memory of a tile."""
    strides, tiles = _tiling(loss, loss.style, style, tile)
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
    """Judge one picture of any size under a loss, and give its gradient, in the memory of one tile.

    Gram matrices, means and covariances are averages over positions. A first pass sums them over all tiles; what each
    entry of the sum is worth follows from the loss; a second pass carries that back through the backbone, every
    position being counted by exactly one tile, and adds up the gradients where windows overlap. The result is that of
    the whole picture, up to rounding, for half as much arithmetic again.

    Args:
        loss: The objective.
        photo: Photograph ``(1, 3, H, W)``, RGB in [0, 1], on the device of the loss.
        styles: What is imitated; a mask has the size of the photograph.
        tile: Side of a tile's core, pixels.
        autocast: Makes the context in which the backbone computes.
        content_scales: From :meth:`PerceptualLoss.content_scales`; measured on ``photo`` by default.

    Raises:
        ConfigError: The style loss is not a sum over positions.
    """

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
        self.strides, self.tiles = _tiling(loss, {*loss.content, *loss.style}, photo, tile)
        self.content: list[dict[str, Tensor]] = []
        self.sizes: dict[str, tuple[int, int]] = {}
        self._look(photo)
        self.scales = content_scales if content_scales is not None else self._measured()

    def __call__(self, image: Tensor) -> tuple[LossReport, Tensor]:
        """Return the report on ``(1, 3, H, W)``, RGB around [0, 1], and the gradient of its total, of that shape."""
        style, slopes = self._style(image)
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
                carried = [self._carried(layer, features[layer], tile, slopes) for layer in self.loss.style]
                torch.stack([*parts.values(), tv, *carried]).sum().backward()
            assert window.grad is not None
            tile.cut(gradient).add_(window.grad)
            content = {layer: total + parts[layer].detach() for layer, total in content.items()}
            variation = variation + tv.detach()
        return_memory()  # of tiles, before the caller needs it for pictures
        terms = {f"content/{layer}": value for layer, value in content.items()} | style
        return LossReport(terms | ({"tv": variation} if self.loss.tv else {})), gradient

    @torch.no_grad()
    def _look(self, photo: Tensor) -> None:
        """Keep the content layers of the photograph, and measure every layer."""
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

    def _measured(self) -> dict[str, float]:
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
        """Return the style terms, and the slope of each by each region's summary per position of weight one."""
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
        terms, slopes = {}, {}
        for layer in self.loss.style:
            keys = [(layer, number) for number in range(len(self.styles))]
            with torch.enable_grad():
                summaries = [(sums[key] / mass[key]).requires_grad_() for key in keys]
                term = self.loss.style_term(layer, summaries, self.styles)
                slopes[layer] = [
                    g / mass[key] for g, key in zip(torch.autograd.grad(term, summaries), keys, strict=True)
                ]
            terms[f"style/{layer}"] = term.detach()
        return terms, slopes

    def _summary(self, maps: Tensor, region: Region, tile: Tile, layer: str) -> tuple[Tensor, Tensor]:
        """Return the summary of a tile's features, and how much of the picture it speaks for."""
        weights = region.weights(self.sizes[layer], maps.device)
        if weights is not None:
            top, left = tile.first(self.strides[layer])
            weights = weights[..., top : top + maps.shape[2], left : left + maps.shape[3]]
        share = maps.new_tensor(maps[0, 0].numel(), dtype=torch.float32) if weights is None else weights.sum()
        return self.loss.style_loss.summary(maps, weights), share

    def _carried(self, layer: str, maps: Tensor, tile: Tile, slopes: dict[str, list[Tensor]]) -> Tensor:
        """Return a number whose gradient is that of the layer's style terms."""
        parts = []
        for region, slope in zip(self.styles, slopes[layer], strict=True):
            summary, share = self._summary(maps, region, tile, layer)
            parts.append((slope * summary).sum() * share)
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


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
