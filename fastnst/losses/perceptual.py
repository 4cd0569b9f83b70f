"""The perceptual loss, which training, optimization and comparison share."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from fastnst.backbones import FeatureExtractor
from fastnst.losses.functional import mean_square, total_variation
from fastnst.losses.pyramid import layer_at, pyramid, reduced
from fastnst.losses.report import LossReport
from fastnst.losses.style import StyleLoss
from fastnst.losses.target import Region, Target

Units = Literal["relative", "raw"]
Size = tuple[int, int]
Key = TypeVar("Key", str, int)

ONE_SCALE: Mapping[int, float] = {1: 1.0}


class PerceptualLoss(nn.Module):
    """Judge stylized images by the features of a frozen backbone.

    Without memory: what to compare with is an argument, made by :meth:`content_target` and :meth:`style_target`.

    Args:
        backbone: Frozen feature network, at least as deep as the layers below.
        content: Weight of each content layer, a mean squared difference of features.
        style: Weight of each style layer.
        style_loss: The distance used in every style layer.
        style_weight: Factor on all style terms.
        tv: Weight of the total variation of the stylized image in [0, 1].
        units: ``"relative"`` divides each content term by the mean square of photographs' features and each style term
            by the distance of the style from a blank statistic (for Gram: the mean square of its entries), and takes
            the weights of layers and of scales as shares of one; 1 then means "as wrong as a blank picture", for any
            backbone, layers, scales, style picture and size. ``"raw"`` is the plain convention that papers' weights
            refer to.
        scales: Reductions of the pictures (powers of two) at which style is compared, and the weight of each. A
            picture that is too small for one, or whose style is, does without; the others share its weight.
        content_scale: Reduction at which content is compared; a picture too small for it takes the nearest that it has.

    Source of several scales: Snelgrove. High-Resolution Multi-Scale Neural Texture Synthesis. SIGGRAPH Asia 2017.
    """

    def __init__(
        self,
        backbone: FeatureExtractor,
        content: Mapping[str, float],
        style: Mapping[str, float],
        style_loss: StyleLoss,
        style_weight: float = 1.0,
        tv: float = 0.0,
        units: Units = "relative",
        scales: Mapping[int, float] = ONE_SCALE,
        content_scale: int = 1,
    ) -> None:
        super().__init__()
        self.backbone, self.style_loss = backbone, style_loss
        self.units, self.tv, self.content_scale = units, tv, content_scale
        self.content = self._weights(content)
        self.style = {layer: style_weight * weight for layer, weight in self._weights(style).items()}
        self.scales = {factor: weight for factor, weight in sorted(self._weights(scales).items()) if weight}

    def _weights(self, weights: Mapping[Key, float]) -> dict[Key, float]:
        """Return weights as this loss's units have them: as shares of one, or as they are."""
        total = sum(weights.values()) if self.units == "relative" else 0.0
        return {key: weight / total for key, weight in weights.items()} if total else dict(weights)

    @property
    def min_size(self) -> int:
        """Shortest side, in pixels, of a picture that can be compared at one scale at least."""
        return max(self._least_content, self.min_style_size)

    @property
    def min_style_size(self) -> int:
        """Shortest side, in pixels, of a style picture."""
        return min(self.scales) * (self._least_style - 1) + 1

    def style_scales(self, size: Size, styles: Sequence[Target] = ()) -> dict[int, float]:
        """Return the weight of each scale that a picture of height and width has, and every one of its styles."""
        if not self.style or len(self.scales) == 1:
            return dict(self.scales) if self.style else {}
        layer, first = next(iter(self.style)), min(self.scales)
        kept = {
            factor: weight
            for factor, weight in self.scales.items()
            if factor == first
            or (_fits(size, factor, self._least_style) and all(layer_at(layer, factor) in s.values for s in styles))
        }
        more = sum(self.scales.values()) / sum(kept.values())
        return {factor: weight * more for factor, weight in kept.items()}

    def scale_of_content(self, size: Size) -> int:
        """Return the reduction at which the content of pictures of this height and width is compared."""
        factor = self.content_scale
        while factor > 1 and not _fits(size, factor, self._least_content):
            factor //= 2
        return factor

    @torch.no_grad()
    def content_target(self, photos: Tensor, scales: Mapping[str, float] | None = None) -> Target:
        """Take the features of photographs ``(B, 3, H, W)``, at one scale and no deeper than the content layers.

        Args:
            photos: RGB in [0, 1].
            scales: From :meth:`content_scales`; measured on ``photos`` themselves by default.
        """
        features = self._content_features(photos)
        return Target(features, scales if scales is not None else self._content_scales(features))

    @torch.no_grad()
    def content_scales(self, photos: Tensor) -> dict[str, float]:
        """Measure the mean square of photographs' features, which makes content terms comparable."""
        return self._content_scales(self._content_features(photos))

    @torch.no_grad()
    def style_target(self, style: Tensor) -> Target:
        """Take the statistics of style pictures ``(S, 3, H, W)``, RGB in [0, 1], and the scale of each layer.

        Of pictures of several sizes, take one each and :func:`~fastnst.losses.stack_targets` of them.
        """
        values = {}
        for factor, pictures in pyramid(style, self.style_scales(size_of(style))).items():
            for layer, maps in self.backbone(pictures, self.style).items():
                values[layer_at(layer, factor)] = self.style_loss.target(maps)
        return self.scaled_style(values)

    def scaled_style(self, values: Mapping[str, Tensor]) -> Target:
        """Measure the scale of each layer's style: its distance from a blank picture's; of several styles, ``(S,)``."""
        if self.units == "raw":
            return Target(values, dict.fromkeys(values, 1.0))
        blank = {layer: self.style_loss.distance(torch.zeros_like(value), value) for layer, value in values.items()}
        return Target(values, {layer: _positive(distance) for layer, distance in blank.items()})

    def forward(self, stylized: Tensor, content: Target, style: Target | Sequence[Region]) -> LossReport:
        """Compare stylized images ``(B, 3, H, W)``, RGB around [0, 1], with both targets.

        Args:
            stylized: The images.
            content: From :meth:`content_target`, of photographs of their size.
            style: From :meth:`style_target`, or several with the share and the place of each.
        """
        regions = [Region(style)] if isinstance(style, Target) else style
        size = size_of(stylized)
        at, shares = self.scale_of_content(size), self.style_scales(size, [region.style for region in regions])
        features = self._features(stylized, at, shares)
        terms = {}
        for layer, weight in self.content.items():
            distance = mean_square(features[at][layer] - content.values[layer])
            terms[f"content/{layer}"] = weight / content.scales[layer] * distance
        for factor, share in shares.items():
            for layer in self.style:
                term = self._style_term(layer, factor, share, features[factor][layer], regions)
                terms[f"style/{layer_at(layer, factor)}"] = term
        if self.tv:
            terms["tv"] = self.tv * total_variation(stylized)
        return LossReport(terms)

    def style_term(
        self, layer: str, factor: int, share: float, summaries: Sequence[Tensor], regions: Sequence[Region]
    ) -> Tensor:
        """Return the weighted term of a layer at a scale from one summary of the picture's features per region.

        Args:
            layer: By name.
            factor: Reduction of the picture.
            share: Weight of this scale.
            summaries: A region each.
            regions: Their styles and weights.
        """
        path, parts = layer_at(layer, factor), []
        for summary, region in zip(summaries, regions, strict=True):
            distance = self.style_loss.distance(summary, region.style.values[path])  # (B,)
            parts.append((region.weight / region.style.scales[path] * distance).mean())
        return self.style[layer] * share * (torch.stack(parts).sum() if len(parts) > 1 else parts[0])

    def _features(self, images: Tensor, at: int, shares: Mapping[int, float]) -> dict[int, dict[str, Tensor]]:
        """Return all layers at all scales, by one pass for each scale and no deeper than needed there."""
        wanted = {factor: set(self.style) for factor in shares}
        if self.content:
            wanted[at] = wanted.get(at, set()) | set(self.content)
        return {factor: self.backbone(level, wanted[factor]) for factor, level in pyramid(images, wanted).items()}

    def _style_term(self, layer: str, factor: int, share: float, features: Tensor, regions: Sequence[Region]) -> Tensor:
        size = size_of(features)
        summaries = [self.style_loss.summary(features, region.weights(size, features.device)) for region in regions]
        return self.style_term(layer, factor, share, summaries, regions)

    def _content_features(self, photos: Tensor) -> dict[str, Tensor]:
        at = self.scale_of_content(size_of(photos))
        return self.backbone(reduced(photos, at), self.content) if self.content else {}

    def _content_scales(self, features: Mapping[str, Tensor]) -> dict[str, float]:
        if self.units == "raw":
            return dict.fromkeys(features, 1.0)
        return {layer: float(maps.float().square().mean()) or 1.0 for layer, maps in features.items()}

    @cached_property
    def _least_content(self) -> int:
        return self.backbone.min_size(self.content)

    @cached_property
    def _least_style(self) -> int:
        return self.backbone.min_size(self.style)


def size_of(images: Tensor) -> Size:
    """Return height and width."""
    return images.shape[2], images.shape[3]


def _fits(size: Size, factor: int, least: int) -> bool:
    return -(-min(size) // factor) >= least


def _positive(distance: Tensor) -> float | Tensor:
    """Make a scale of measured distances, ``(S,)``; features that are all zero leave the difference as it is."""
    return float(distance) or 1.0 if len(distance) == 1 else torch.where(distance > 0, distance, 1.0)
