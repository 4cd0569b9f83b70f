"""The plan of a sweep: its axes, and every combination of them."""

from dataclasses import dataclass, field, replace
from itertools import product

from fastnst.errors import ConfigError
from fastnst.losses import LossConfig
from fastnst.optimize import OptimizeConfig
from fastnst.optimize.descent import Method

Layers = dict[str, float]
Value = str | float | int | None


@dataclass(frozen=True)
class Setting:
    """One combination.

    Args:
        size: Longer side of both pictures at most, pixels.
        loss: The objective.
        init: The picture to begin with, as :func:`~fastnst.optimize.first_picture` knows it.
        optimizer: ``lbfgs`` or ``adam``.
        lr: Step size; the optimizer's own by default.
    """

    size: int
    loss: LossConfig
    init: str
    optimizer: Method
    lr: float | None

    def objective(self) -> dict[str, Value]:
        """Return the values of the axes that make losses comparable or not."""
        return {
            "size": self.size,
            "backbone": self.loss.backbone,
            "content_layers": _name(self.loss.content),
            "style_layers": _name(self.loss.style),
            "style_weight": self.loss.style_weight,
        }

    def values(self) -> dict[str, Value]:
        """Return the value of every axis."""
        return self.objective() | {"init": self.init, "optimizer": self.optimizer, "lr": self.lr}


@dataclass(frozen=True)
class SweepJob:
    """One photograph and one style, optimized under every combination of settings; plain data.

    Args:
        content: The photograph, a file.
        style: The picture imitated, a file.
        sizes: Axis: longer side of both pictures at most, pixels.
        backbones: Axis: names.
        content_layers: Axis: weights by layer; ``None`` stands for the backbone's own choice.
        style_layers: Axis: likewise.
        style_weights: Axis.
        inits: Axis: pictures to begin with.
        optimizers: Axis.
        lrs: Axis: step sizes; ``None`` stands for the optimizer's own.
        loss: All other settings of the objective.
        config: All other settings of the optimization; it works at the full size only unless this says how many stages.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.

    Raises:
        ConfigError: An axis without values, or one file of weights for several backbones.
    """

    content: str
    style: str
    sizes: tuple[int, ...] = (256,)
    backbones: tuple[str, ...] = ("compact",)
    content_layers: tuple[Layers | None, ...] = (None,)
    style_layers: tuple[Layers | None, ...] = (None,)
    style_weights: tuple[float, ...] = (3.0, 10.0, 30.0, 100.0)
    inits: tuple[str, ...] = ("content",)
    optimizers: tuple[Method, ...] = ("lbfgs", "adam")
    lrs: tuple[float | None, ...] = (None,)
    loss: LossConfig = field(default_factory=LossConfig)
    config: OptimizeConfig = field(default_factory=lambda: OptimizeConfig(steps=60))
    device: str | None = None

    def __post_init__(self) -> None:
        if empty := [name for name, value in vars(self).items() if value == ()]:
            raise ConfigError(f"{empty[0]}: an axis of a sweep needs at least one value")
        if self.loss.weights is not None and len(set(self.backbones)) > 1:
            raise ConfigError("a file of weights is of one backbone; sweep over several without it")

    def settings(self) -> list[Setting]:
        """Return every combination, smallest size first."""
        objectives = product(
            sorted(self.sizes), self.backbones, self.content_layers, self.style_layers, self.style_weights
        )
        return [
            Setting(size, self._loss(backbone, content, style, weight), init, optimizer, lr)
            for size, backbone, content, style, weight in objectives
            for init, optimizer, lr in product(self.inits, self.optimizers, self.lrs)
        ]

    def _loss(self, backbone: str, content: Layers | None, style: Layers | None, weight: float) -> LossConfig:
        chosen = LossConfig(backbone)
        return replace(
            self.loss,
            backbone=backbone,
            content=chosen.content if content is None else content,
            style=chosen.style if style is None else style,
            style_weight=weight,
        )


def varying(settings: list[Setting]) -> list[str]:
    """Name the axes that have more than one value; layers only if they are not those of each backbone alone."""
    rows = [setting.values() for setting in settings]
    counts = {name: len({row[name] for row in rows}) for name in rows[0]}
    pairs = {name: len({(row["backbone"], row[name]) for row in rows}) for name in ("content_layers", "style_layers")}
    return [name for name, count in counts.items() if count > 1 and pairs.get(name) != counts["backbone"]]


def label(setting: Setting, axes: list[str]) -> str:
    """Name a combination by its values on some axes, by style weight and optimizer if there are none."""
    values = setting.values()
    return ", ".join(_written(axis, values[axis]) for axis in axes or ["style_weight", "optimizer"])


def _written(axis: str, value: Value) -> str:
    before = {"style_weight": "weight ", "lr": "lr ", "init": "from "}.get(axis, "")
    text = "default" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return f"{before}{text}{' px' if axis == 'size' else ''}"


def _name(layers: Layers) -> str:
    """Write ``relu1_1+relu2_1``, with weights where they differ."""
    alike = len(set(layers.values())) < 2
    return "+".join(layer if alike else f"{layer}:{weight:g}" for layer, weight in layers.items())
