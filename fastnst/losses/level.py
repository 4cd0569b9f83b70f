"""One scale of a picture in tiles: its terms, and their gradient by its pixels."""

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor

from fastnst.losses.functional import wide
from fastnst.losses.perceptual import PerceptualLoss
from fastnst.losses.pyramid import layer_at
from fastnst.losses.target import Region
from fastnst.losses.whole import Autocast
from fastnst.tiles import Tile, tiles_for


class Level:
    """One scale of a picture in tiles, which :class:`~fastnst.losses.TiledLoss` adds up.

    Args:
        loss: The loss.
        photo: Photograph of this scale, ``(1, 3, H, W)``, RGB in [0, 1].
        styles: What is imitated.
        factor: The reduction that this scale is.
        share: Weight of the style at this scale; no style is compared without.
        content: Whether content is compared at this scale.
        tile: Side of a tile's core, pixels of this scale.
        autocast: Makes the context in which the backbone computes.
    """

    def __init__(
        self,
        loss: PerceptualLoss,
        photo: Tensor,
        styles: Sequence[Region],
        factor: int,
        share: float,
        content: bool,
        tile: int,
        autocast: Autocast,
    ) -> None:
        self.loss, self.styles, self.factor, self.share, self.autocast = loss, styles, factor, share, autocast
        self.content_layers = tuple(loss.content) if content else ()
        self.style_layers = tuple(loss.style) if share else ()
        self.layers = {*self.content_layers, *self.style_layers}
        self.tv = loss.tv if factor == 1 else 0.0
        self.strides, self.tiles = tiles_for(extents(loss, self.layers), photo.shape[2], photo.shape[3], tile)
        self.content: list[dict[str, Tensor]] = []
        self.sizes: dict[str, tuple[int, int]] = {}
        self._measure(photo)
        self.scales: Mapping[str, float] = self._content_scales()

    def __call__(self, image: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Return the terms of ``(1, 3, H, W)``, and the gradient of their sum, of that shape."""
        style, derivatives = self._style(image)
        terms = {f"content/{layer}": image.new_zeros(()) for layer in self.content_layers} | style
        terms |= {"tv": image.new_zeros(())} if self.tv else {}
        gradient = torch.zeros_like(image)
        for number, tile in enumerate(self.tiles):
            window = tile.cut(image).detach().clone(memory_format=torch.channels_last).requires_grad_()
            with torch.enable_grad():
                parts, carriers = self._parts(window, tile, number, derivatives)
                torch.stack([*parts.values(), *carriers]).sum().backward()
            assert window.grad is not None
            tile.cut(gradient).add_(window.grad)
            terms |= {path: terms[path] + part.detach() for path, part in parts.items()}
        return terms, gradient

    def _parts(
        self, window: Tensor, tile: Tile, number: int, derivatives: Mapping[str, list[Tensor]]
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        """Return what a tile adds to the terms of content and variation, and what has the gradient of the styles."""
        with self.autocast():
            features = self._features(window, tile, self.layers)
        parts = {f"content/{layer}": self._content(layer, features[layer], number) for layer in self.content_layers}
        if self.tv:
            parts["tv"] = self.tv * _variation(window, tile)
        return parts, [self._propagated(layer, features[layer], tile, derivatives) for layer in self.style_layers]

    @torch.no_grad()
    def _measure(self, photo: Tensor) -> None:
        """Keep the content layers of the photograph, and the size of every layer."""
        for tile in self.tiles:
            with self.autocast():
                features = self._features(tile.cut(photo), tile, self.layers)
            self.content.append({layer: features[layer] for layer in self.content_layers})
            for layer, maps in features.items():
                top, left = tile.first(self.strides[layer])
                self.sizes[layer] = top + maps.shape[2], left + maps.shape[3]  # the last tile is the corner

    def _features(self, window: Tensor, tile: Tile, layers: Collection[str]) -> dict[str, Tensor]:
        features = self.loss.backbone(window, layers) if layers else {}
        return {layer: tile.core(maps, self.strides[layer]) for layer, maps in features.items()}

    def _content_scales(self) -> dict[str, float]:
        raw = self.loss.units == "raw"
        return {layer: 1.0 if raw else self._mean_square(layer) for layer in self.content_layers}

    def _mean_square(self, layer: str) -> float:
        sums = [wide(part[layer]).square().sum((0, 2, 3)) for part in self.content]
        total = float(torch.stack(sums).cpu().double().sum())  # there, for MPS has no float64
        return total / self._values(layer) or 1.0

    def _values(self, layer: str) -> int:
        height, width = self.sizes[layer]
        return height * width * self.content[0][layer].shape[1]

    @torch.no_grad()
    def _style(self, image: Tensor) -> tuple[dict[str, Tensor], dict[str, list[Tensor]]]:
        """Return the style terms, and the derivative of each by each region's summary, per position of weight one."""
        terms, derivatives = {}, {}
        for layer, (sums, masses) in self._sums(image).items():
            with torch.enable_grad():
                summaries = [(total / mass).requires_grad_() for total, mass in zip(sums, masses, strict=True)]
                term = self.loss.style_term(layer, self.factor, self.share, summaries, self.styles)
                slopes = torch.autograd.grad(term, summaries)
            derivatives[layer] = [slope / mass for slope, mass in zip(slopes, masses, strict=True)]
            terms[f"style/{layer_at(layer, self.factor)}"] = term.detach()
        return terms, derivatives

    def _sums(self, image: Tensor) -> dict[str, tuple[list[Tensor], list[Tensor]]]:
        """Add up, by layer, each region's summaries of all tiles, and their shares."""
        count = len(self.styles)
        totals = {layer: ([image.new_zeros(())] * count, [image.new_zeros(())] * count) for layer in self.style_layers}
        for tile in self.tiles if self.style_layers else ():
            with self.autocast():
                features = self._features(tile.cut(image), tile, self.style_layers)
            for layer, (sums, masses) in totals.items():
                for number, region in enumerate(self.styles):
                    summary, share = self._summary(features[layer], region, tile, layer)
                    sums[number], masses[number] = sums[number] + share * summary, masses[number] + share
        return totals

    def _summary(self, maps: Tensor, region: Region, tile: Tile, layer: str) -> tuple[Tensor, Tensor]:
        """Return the summary of a tile's features, and its share: the sum of the weights of its positions."""
        weights = region.weights(self.sizes[layer], maps.device)
        if weights is not None:
            top, left = tile.first(self.strides[layer])
            weights = weights[..., top : top + maps.shape[2], left : left + maps.shape[3]]
        share = maps.new_tensor(maps[0, 0].numel(), dtype=torch.float32) if weights is None else weights.sum()
        return self.loss.style_loss.summary(maps, weights), share

    def _propagated(self, layer: str, maps: Tensor, tile: Tile, derivatives: Mapping[str, list[Tensor]]) -> Tensor:
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


def extents(loss: PerceptualLoss, layers: Collection[str]) -> dict[str, tuple[int, int]]:
    """Return stride and margin of layers, pixels."""
    return {layer: loss.backbone.extent(layer) for layer in layers}
