"""Where a backbone's weights come from: a file, a folder, the package, the cache, or torchvision's download."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from urllib.error import URLError

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fastnst.backbones._extractor import BACKBONES, FeatureExtractor, Padding, Pooling
from fastnst.errors import ConfigError, first_line
from fastnst.plain import PlainError, load_plain
from fastnst.registry import unknown

FOLDER_VARIABLE = "FASTNST_WEIGHTS"

SHA256 = {
    "397923af": "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
    "dcbb9e9d": "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44",
    "b8a52dc0": "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
}
"""Of torchvision's files, by the part of it that is in their names; of others that part is checked alone."""


def build_backbone(
    name: str,
    layers: Iterable[str],
    weights: str | os.PathLike[str] | None = None,
    pooling: Pooling = "max",
    padding: Padding = "zeros",
) -> FeatureExtractor:
    """Make the frozen backbone ``name`` as deep as the deepest of ``layers``, with its weights.

    Args:
        name: One of :data:`BACKBONES`.
        layers: What will be asked of it; what lies deeper is left out.
        weights: A ``.safetensors`` or weights-only ``.pth`` file with torchvision's keys; it may hold the first layers
            only. Without it: ``$FASTNST_WEIGHTS/<name>.safetensors``, the bundled weights (``compact``), the
            torch hub cache, torchvision's download.
        pooling: ``"max"`` as trained, or ``"average"``.
        padding: Of the 3x3 convolutions: ``"zeros"`` as trained, or ``"reflect"``, which keeps borders clean.

    Raises:
        ConfigError: An unknown name or layer, no weights to be had, or weights that do not fit.
    """
    backbone = BACKBONES[name](pooling, padding)
    for layer in layers:
        if layer not in backbone.stages:
            raise ConfigError(unknown(f"layer of {name}", layer, backbone.stages))
    keys = _torchvision_keys(backbone)
    deepest = max(backbone.layers.index(layer) for layer in layers)
    for stage in backbone.layers[deepest + 1 :]:
        del backbone.stages[stage]
    source, state = _find(name, weights)
    _fill(backbone, {own: keys[own] for own in backbone.stages.state_dict()}, state, source)
    return backbone


def _torchvision_keys(backbone: FeatureExtractor) -> dict[str, str]:
    """Map our parameter names to torchvision's, which number the same modules in the same order."""
    stages = backbone.stages
    return {
        f"{stage}.{key}": f"features.{number}.{key}"
        for number, (stage, module) in enumerate(stages.items())
        for key in module.state_dict()
    }


def _fill(backbone: FeatureExtractor, keys: dict[str, str], state: dict[str, Tensor], source: str) -> None:
    own = backbone.stages.state_dict()
    for key, theirs in keys.items():
        layer = key.split(".")[0]
        if theirs not in state:
            held = [stage for stage in backbone.layers if keys.get(f"{stage}.weight") in state]
            raise ConfigError(
                f"{source} does not hold {layer} ({theirs}) of {backbone.name}; its convolutions end with "
                f"{held[-1] if held else 'none'}: choose earlier layers, or give complete weights"
            )
        if state[theirs].shape != own[key].shape:
            raise ConfigError(
                f"{source} does not fit {backbone.name}: {theirs} is {tuple(state[theirs].shape)}, "
                f"not {tuple(own[key].shape)}"
            )
    backbone.stages.load_state_dict({key: state[theirs].float() for key, theirs in keys.items()})
    backbone.requires_grad_(False)


def _find(name: str, weights: str | os.PathLike[str] | None) -> tuple[str, dict[str, Tensor]]:
    """Return where the weights were found, for messages, and the weights."""
    if weights is not None:
        if not Path(weights).is_file():
            raise ConfigError(f"backbone weights {weights}: no such file")
        return str(weights), _read(Path(weights))
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder and (path := Path(folder) / f"{name}.safetensors").is_file():
        return str(path), _read(path)
    packaged = Path(__file__).parent / "weights" / f"{name}.safetensors"
    if packaged.is_file():
        return str(packaged), _read(packaged)
    url = _url(name)
    cached = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    if cached.is_file():
        return str(cached), _read(cached)
    return url, _download(name, url, cached)


def _url(name: str) -> str:
    from torchvision import models

    return {
        "vgg16": models.VGG16_Weights.IMAGENET1K_V1,
        "vgg16_caffe": models.VGG16_Weights.IMAGENET1K_FEATURES,
        "vgg19": models.VGG19_Weights.IMAGENET1K_V1,
        "squeezenet1_0": models.SqueezeNet1_0_Weights.IMAGENET1K_V1,
        "squeezenet1_1": models.SqueezeNet1_1_Weights.IMAGENET1K_V1,
    }[name].url


def _download(name: str, url: str, cached: Path) -> dict[str, Tensor]:
    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(cached), _digest(url), progress=sys.stderr.isatty())
    except (URLError, OSError, RuntimeError) as error:
        reason = getattr(error, "reason", None) or first_line(error)
        raise ConfigError(
            f"no weights for {name}: download of {url} failed ({reason}); on a machine with a network, fetch that file "
            f"and put it at {cached}, or give its path as loss.weights, or name a folder with {name}.safetensors in "
            f"{FOLDER_VARIABLE}"
        ) from None
    return _read(cached)


def _digest(url: str) -> str:
    """Return what the SHA-256 of a download begins with: all of it where it is known, else the part in its name."""
    part = Path(url).stem.rpartition("-")[2]
    return SHA256.get(part, part)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            with safe_open(path, framework="pt") as file:
                return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
        state = load_plain(path)
    except PlainError as error:
        if error.program:
            raise ConfigError(f"{path}: refused, it is not a plain file of weights (it may contain code)") from None
        raise ConfigError(f"{path}: cannot be read as weights ({error}); fetch it again") from None
    except (SafetensorError, OSError) as error:
        raise ConfigError(f"{path}: cannot be read as weights ({first_line(error)}); fetch it again") from None
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ConfigError(f"{path}: does not hold a table of weights")
    return state
