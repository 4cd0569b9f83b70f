"""The options of the functions of :mod:`fastnst.api`, called as on the command line; ``--help`` explains each."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from fastnst.errors import ConfigError
from fastnst.registry import guess

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image
    from torch import Tensor

    Picture = str | os.PathLike[str] | Image.Image | np.ndarray | Tensor

Path = str | os.PathLike[str]
Layers = Sequence[str] | Mapping[str, float]
Pixels = int | Literal["original"]
Precision = Literal["float32", "bfloat16"]

LAYERS = {"content_layers": "content", "style_layers": "style"}
"""What settings of the loss are called among other options."""


class LossOptions(TypedDict, total=False):
    """What is compared; see :class:`~fastnst.losses.LossConfig`."""

    style_weight: float
    tv: float
    backbone: str
    content_layers: Layers
    style_layers: Layers
    style_loss: str
    weights: Path
    units: Literal["relative", "raw"]
    scales: Mapping[int, float]
    content_scale: int
    pooling: Literal["max", "average"]
    padding: Literal["reflect", "zeros"]


class ComputingOptions(TypedDict, total=False):
    """Where, in which precision and from which seed to compute."""

    device: str
    precision: Precision
    seed: int


class TrainOptions(LossOptions, ComputingOptions, total=False):
    """Of a training."""

    val: Path
    resume: bool | Path
    overwrite: bool
    config: Path
    steps: int
    time_budget: str | float
    network: str
    init: Path
    lr: float
    steady: float
    style_size: Pixels
    size: int
    batch_size: int
    auto_batch: bool


class OptimizeOptions(LossOptions, ComputingOptions, total=False):
    """Of a picture that is optimized."""

    config: Path
    size: Pixels
    enlarge: bool
    canvas: Literal["content", "style"]
    style_size: Pixels
    mix: Sequence[float]
    mask: "Picture | Sequence[Picture]"
    color: Literal["style", "content"]
    color_by: Literal["luminance", "covariance", "histogram"]
    init: Path
    steps: int
    time_budget: str | float
    stages: int
    optimizer: Literal["lbfgs", "adam"]
    lr: float
    parameterization: Literal["pixels", "hrnet"]
    tile: int


class CompareOptions(ComputingOptions, total=False):
    """Of a comparison."""

    count: int
    sizes: Sequence[int]
    steps: int
    style: Path
    weights: Path


def take(options: Mapping[str, Any], kind: type, command: str) -> dict[str, Any]:
    """Return the options that were given, as jobs have them; ``None`` is not given, ``original`` is no size.

    Raises:
        TypeError: One that the command does not have.
    """
    known: frozenset[str] = kind.__optional_keys__  # type: ignore[attr-defined]
    for name in options:
        if name not in known:
            raise TypeError(f"fastnst.{command}() has no option {name!r}{guess(name, known)}")
    return {name: _plain(name, value) for name, value in options.items() if value is not None}


def _plain(name: str, value: Any) -> Any:
    if name in ("size", "style_size") and value == "original":
        return None
    if name == "time_budget":
        return str(value)
    if name in LAYERS and not isinstance(value, Mapping):
        return read_layers(value)
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def read_layers(given: str | Sequence[str] | Mapping[str, float]) -> dict[str, float]:
    """Return the weights of layers: of one, ``relu3_1``, or several, each perhaps with a weight, ``relu3_1:4``."""
    if isinstance(given, Mapping):
        return dict(given)
    split = [name.partition(":") for name in ([given] if isinstance(given, str) else given)]
    try:
        return {name: float(weight or 1) for name, _, weight in split}
    except ValueError:
        raise ConfigError(f"{given!r}: give layers as relu1_1 relu3_1, or relu1_1:1 relu3_1:4") from None


def take_loss(given: dict[str, Any]) -> dict[str, Any]:
    """Take the settings of the loss out of the options, by their names in the loss."""
    taken = {name: given.pop(name) for name in LossOptions.__optional_keys__ if name in given}
    return {LAYERS.get(name, name): dict(v) if isinstance(v, Mapping) else v for name, v in taken.items()}


def with_config(given: dict[str, Any], loss: dict[str, Any], command: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Put options and loss above those of the config that they name, if they do.

    Raises:
        ConfigError: No such config, or one that sets what the command does not have.
    """
    name = given.pop("config", None)
    if name is None:
        return given, loss
    from fastnst.assets import find_config, read_config

    settings = read_config(find_config(name, command))
    below = {LAYERS.get(key, key): value for key, value in settings.pop("loss", {}).items()}
    below |= {key: read_layers(below[key]) for key in LAYERS.values() if below.get(key) is not None}
    settings |= {key: "original" for key in ("size", "style_size") if key in settings and settings[key] is None}
    try:
        settings = take(settings, OptimizeOptions, command)
    except TypeError as error:
        raise ConfigError(f"config {name}: {error}") from None
    return settings | given, below | take_loss(settings) | loss
