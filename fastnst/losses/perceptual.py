"""The perceptual loss, which training, optimization and comparison share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.backbones import FeatureExtractor
from fastnst.losses.functional import mean_square, total_variation
from fastnst.losses.style import StyleLoss

Units = Literal["relative", "raw"]
Number = TypeVar("Number", float, Tensor)


@dataclass(frozen=True)
class Target:
    """What a picture is compared with, by layer.

    Args:
        values: Features of the photographs, or statistics of the style.
        scales: What a squared difference is divided by, one number per layer.
    """

    values: Mapping[str, Tensor]
    scales: Mapping[str, float]


@dataclass(frozen=True)
class Region:
    """One of several styles that share a picture.

    Args:
        style: What is imitated.
        weight: How much of the style terms it gets; those of a picture add up to one, for terms of
            the usual size.
        mask: Where, ``(1, 1, H, W)`` in [0, 1] of any size; everywhere by default.
    """

    style: Target
    weight: float = 1.0
    mask: Tensor | None = None

    def weights(self, size: tuple[int, int], device: torch.device) -> Tensor | None:
        """Return how much each position of a layer of this height and width counts; nothing where all count alike."""
        return None if self.mask is None else F.interpolate(self.mask.float(), size, mode="area").to(device)


@dataclass(frozen=True)
class LossReport:
    """Weighted loss terms by path (``content/relu3_1``, ``style/relu1_1``, ``tv``); they add up to the loss."""

    terms: Mapping[str, Tensor]

    @property
    def total(self) -> Tensor:
        """The loss, a scalar."""
        return torch.stack(tuple(self.terms.values())).sum()

    def part(self, kind: str) -> Tensor:
        """Sum the terms of one kind: ``content``, ``style`` or ``tv``."""
        return by_kind(self.terms).get(kind, self.total.new_zeros(()))


def by_kind(terms: Mapping[str, Number]) -> dict[str, Number]:
    """Sum terms by the first part of their path: ``content``, ``style``, ``tv``."""
    sums: dict[str, Number] = {}
    for path, term in terms.items():
        kind = path.partition("/")[0]
        sums[kind] = sums[kind] + term if kind in sums else term
    return sums


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
            layer weights as shares of one; 1 then means "as wrong as a blank picture", for any backbone, layers,
            style picture and size. ``"raw"`` is the plain convention that papers' weights refer to.
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
    ) -> None:
        super().__init__()
        self.backbone, self.style_loss = backbone, style_loss
        self.units, self.tv = units, tv
        self.content = _shares(content) if units == "relative" else dict(content)
        shares = _shares(style) if units == "relative" else dict(style)
        self.style = {layer: style_weight * weight for layer, weight in shares.items()}

    @torch.no_grad()
    def content_target(self, photos: Tensor, scales: Mapping[str, float] | None = None) -> Target:
        """Take the features of photographs ``(B, 3, H, W)``, computed no deeper than the content layers.

        Args:
            photos: RGB in [0, 1].
            scales: From :meth:`content_scales`; measured on ``photos`` themselves by default.
        """
        features = self.backbone(photos, self.content)
        return Target(features, scales if scales is not None else self._content_scales(features))

    @torch.no_grad()
    def content_scales(self, photos: Tensor) -> dict[str, float]:
        """Measure the mean square of photographs' features, which makes content terms comparable."""
        return self._content_scales(self.backbone(photos, self.content))

    @torch.no_grad()
    def style_target(self, style: Tensor) -> Target:
        """Take the statistics of style pictures ``(S, 3, H, W)``, RGB in [0, 1], and the scale of each layer."""
        features = self.backbone(style, self.style)
        return self.scaled_style({layer: self.style_loss.target(maps) for layer, maps in features.items()})

    def scaled_style(self, values: Mapping[str, Tensor]) -> Target:
        """Measure the scale of each layer's style: its distance from a blank picture's."""
        if self.units == "raw":
            return Target(values, dict.fromkeys(values, 1.0))
        blank = {layer: self.style_loss.distance(torch.zeros_like(value), value) for layer, value in values.items()}
        return Target(values, {layer: _positive(distance) for layer, distance in blank.items()})

    def forward(self, stylized: Tensor, content: Target, style: Target | Sequence[Region]) -> LossReport:
        """Compare stylized images ``(B, 3, H, W)``, RGB around [0, 1], with both targets.

        Args:
            stylized: The images.
            content: From :meth:`content_target`.
            style: From :meth:`style_target`, or several with the share and the place of each.
        """
        features = self.backbone(stylized, {*self.content, *self.style})
        regions = [Region(style)] if isinstance(style, Target) else style
        terms = {
            f"content/{layer}": weight / content.scales[layer] * _distance(features[layer], content.values[layer])
            for layer, weight in self.content.items()
        }
        terms |= {f"style/{layer}": self._style_term(layer, features[layer], regions) for layer in self.style}
        if self.tv:
            terms["tv"] = self.tv * total_variation(stylized)
        return LossReport(terms)

    def _style_term(self, layer: str, features: Tensor, regions: Sequence[Region]) -> Tensor:
        size = features.shape[2], features.shape[3]
        summaries = [self.style_loss.summary(features, region.weights(size, features.device)) for region in regions]
        return self.style_term(layer, summaries, regions)

    def style_term(self, layer: str, summaries: Sequence[Tensor], regions: Sequence[Region]) -> Tensor:
        """Return the weighted term of a layer from one summary of the picture's features per region."""
        parts = [
            self.style[layer] * region.weight / region.style.scales[layer]
            * self.style_loss.distance(summary, region.style.values[layer])
            for summary, region in zip(summaries, regions, strict=True)
        ]  # fmt: skip
        return torch.stack(parts).sum() if len(parts) > 1 else parts[0]

    def _content_scales(self, features: Mapping[str, Tensor]) -> dict[str, float]:
        if self.units == "raw":
            return dict.fromkeys(features, 1.0)
        return {layer: _positive(maps.float().square().mean()) for layer, maps in features.items()}


def _shares(weights: Mapping[str, float]) -> dict[str, float]:
    total = sum(weights.values())
    return {layer: weight / total for layer, weight in weights.items()} if total else dict(weights)


def _distance(features: Tensor, target: Tensor) -> Tensor:
    return mean_square(features - target)


def _positive(value: Tensor) -> float:
    """Make a scale of a measured mean square; features that are all zero leave the difference as it is."""
    return float(value) or 1.0
