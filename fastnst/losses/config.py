"""Which features are compared and how much each counts, as plain data."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from fastnst.backbones import BACKBONES, DEFAULT_LAYERS, FeatureExtractor, Padding, Pooling, build_backbone
from fastnst.errors import ConfigError
from fastnst.losses.perceptual import PerceptualLoss, Units
from fastnst.losses.pyramid import SCALES
from fastnst.losses.style import STYLE_LOSSES

OWN_LAYERS = cast("dict[str, float]", None)
"""Stands for the backbone's own choice of layers until a config is made; then there is always a dictionary."""


@dataclass(frozen=True)
class LossConfig:
    """Which features are compared and how much each counts; plain data, the same for every command.

    Args:
        backbone: Frozen network whose features are compared, e.g. ``compact`` or ``vgg19``.
        content: Weight of each content layer; the backbone's own choice of layers, at 1 each, by default.
        style: Weight of each style layer, likewise; in relative units only their proportions count.
        style_loss: Statistic compared in the style layers.
        style_weight: Factor on all style terms; more is more painting and less photograph. In relative units 10 keeps
            faces and houses whole, 30 paints boldly, 100 keeps little of the photograph.
        tv: Weight of the total variation of the painting in [0, 1], which smooths.
        units: ``relative``: weights mean the same everywhere; ``raw``: the plain convention that papers' weights
            refer to.
        scales: Reductions of the pictures (1, 2, 4 or another power of two) at which style is compared, and the weight
            of each: large strokes and areas are seen at 1/2 and 1/4. In relative units only their proportions count. A
            picture too small for one (16 to 64 px at 1/4, by backbone and layers) does without, the others share its
            weight.
        content_scale: Reduction at which content is compared: at 1/2 outlines may move a little.
        pooling: Of the backbone: ``max`` as trained, or ``average``.
        padding: Of the backbone: ``reflect``, or ``zeros`` as VGG was trained, which draws a gray frame around what is
            painted.
        weights: File with the backbone's weights, in place of the usual places.
    """

    backbone: str = "compact"
    content: dict[str, float] = OWN_LAYERS
    style: dict[str, float] = OWN_LAYERS
    style_loss: str = "gram"
    style_weight: float = 10.0
    tv: float = 5.0
    units: Units = "relative"
    scales: dict[int, float] = field(default_factory=lambda: dict(SCALES))
    content_scale: int = 2
    pooling: Pooling = "max"
    padding: Padding = "reflect"
    weights: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        self._fill_layers()
        object.__setattr__(self, "scales", read_scales(self.scales))
        for kind, known in (("units", Units), ("pooling", Pooling), ("padding", Padding)):
            if (given := getattr(self, kind)) not in get_args(known):
                raise ConfigError(f"{kind} {given!r}: must be {' or '.join(get_args(known))}")
        if not is_scale(self.content_scale):
            raise ConfigError(f"content_scale {self.content_scale!r}: must be 1, 2, 4 or another power of two")
        weights = [*self.content.values(), *self.style.values(), self.style_weight, self.tv]
        if not all(0 <= weight < float("inf") for weight in weights):
            raise ConfigError(f"loss weights must be finite and not negative, got {weights}")
        if not any(self.content.values()) and not any(self.style.values()):
            raise ConfigError("the loss compares nothing: give at least one content or style layer")

    @classmethod
    def from_metadata(cls, loss: Mapping[str, Any], weights: str | os.PathLike[str] | None = None) -> "LossConfig":
        """Return the loss that a checkpoint names; files older than scales were trained at one.

        Args:
            loss: From :meth:`describe`, perhaps with more that is no setting of the loss.
            weights: File with the backbone's weights.
        """
        known = {key: value for key, value in loss.items() if key in cls.__dataclass_fields__}
        before: dict[str, Any] = {"scales": {1: 1.0}, "content_scale": 1}
        return cls(**(before | known | {"weights": weights}))

    def _fill_layers(self) -> None:
        BACKBONES[self.backbone]  # raises for an unknown name
        chosen = DEFAULT_LAYERS[self.backbone]
        for kind, layers in (("content", chosen.content), ("style", chosen.style)):
            if getattr(self, kind) is None:
                object.__setattr__(self, kind, dict.fromkeys(layers, 1.0))

    def build(self, backbone: FeatureExtractor | None = None) -> PerceptualLoss:
        """Make the loss, with its backbone's weights loaded.

        Args:
            backbone: One that is there already, from a loss that differs in weights alone.

        Raises:
            ConfigError: An unknown name or layer, or no weights.
        """
        style_loss = STYLE_LOSSES[self.style_loss]()
        layers = {*self.content, *self.style}
        backbone = backbone or build_backbone(self.backbone, layers, self.weights, self.pooling, self.padding)
        weights = self.content, self.style, style_loss, self.style_weight, self.tv, self.units
        return PerceptualLoss(backbone, *weights, self.scales, self.content_scale)

    def describe(self) -> dict[str, Any]:
        """Return plain data for a checkpoint, without the path of this machine's weights file."""
        return {key: value for key, value in vars(self).items() if key != "weights"}


def is_scale(factor: object) -> bool:
    """Tell whether a number is a power of two: 1, 2, 4, ..."""
    return type(factor) is int and factor > 0 and not factor & (factor - 1)


def read_scales(scales: Mapping[Any, float]) -> dict[int, float]:
    """Check scales, whose keys may be words as in JSON, and put them in order.

    Raises:
        ConfigError: A key is no power of two, a weight is negative or not finite, or all are zero.
    """
    try:
        read = {int(key) if isinstance(key, str) else key: float(weight) for key, weight in scales.items()}
    except (AttributeError, TypeError, ValueError):
        read = {}
    if not all(is_scale(key) and 0 <= weight < math.inf for key, weight in read.items()) or not any(read.values()):
        raise ConfigError(
            f"scales {scales!r}: give powers of two with weights that are not negative, such as {dict(SCALES)}"
        )
    return dict(sorted(read.items()))
