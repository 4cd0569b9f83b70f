"""The frozen network whose features are compared (the loss network, phi, of the papers)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from fastnst.convolution import Convolution
from fastnst.errors import ConfigError
from fastnst.registry import Registry, unknown

Features = dict[str, Tensor]
Pooling = Literal["max", "average"]
Padding = Literal["zeros", "reflect"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class FeatureExtractor(nn.Module):
    """Name the intermediate results of a frozen feed-forward network.

    Args:
        name: What the network is called in messages.
        stages: Its layers in order, by literature name: ``conv1_1``, ``relu1_1``, ``pool1``, ...
        mean: Subtracted from RGB in [0, 1] before the first layer.
        std: Divides what is left.

    Always in eval mode and without gradients for its own parameters, whatever a parent module is told.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        stages: Mapping[str, nn.Module],
        mean: tuple[float, float, float] = IMAGENET_MEAN,
        std: tuple[float, float, float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        self.name = name
        self.stages = nn.ModuleDict(stages)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.train(False)

    def train(self, mode: bool = True) -> "FeatureExtractor":
        """Stay in eval mode."""
        return super().train(False)

    def forward(self, images: Tensor, layers: Iterable[str]) -> Features:
        """Return every layer asked for in one pass, and compute nothing beyond the deepest.

        Args:
            images: ``(B, 3, H, W)``, RGB in [0, 1].
            layers: Names out of :attr:`layers`.

        Raises:
            ConfigError: A layer is unknown, or the images are too small for it.
        """
        wanted = set(layers)
        self._check(images, wanted)
        features: Features = {}
        x, kept = (images - self.mean) / self.std, False
        for name, stage in self.stages.items():
            if len(features) == len(wanted):
                break
            x = x.relu_() if isinstance(stage, nn.ReLU) and not kept else stage(x)
            kept = name in wanted
            if kept:
                features[name] = x
        return features

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of all layers, shallow to deep."""
        return tuple(self.stages)

    def min_size(self, layers: Iterable[str]) -> int:
        """Return the shortest side, in pixels, of an image that has a value in each of ``layers``."""
        wanted = set(layers)
        depth = max((i for i, name in enumerate(self.stages) if name in wanted), default=-1)
        stages = list(self.stages.values())[: depth + 1]
        side = 1
        while not _survives(stages, side):
            side += 1
        return side

    def extent(self, layer: str) -> tuple[int, int]:
        """Return the stride of a layer in pixels, and the margin: how far its positions see beyond their own square."""
        stages = list(self.stages.values())[: list(self.stages).index(layer) + 1]
        stride, before, field = 1, 0, 1
        for module in (m for stage in stages for m in _sizing(stage)):
            kernel, step, padding = _geometry(module)
            before += padding * stride
            field += (kernel - 1) * stride
            stride *= step
        return stride, max(before, field - before - stride, 0)

    def _check(self, images: Tensor, wanted: set[str]) -> None:
        for layer in wanted - set(self.stages):
            raise ConfigError(unknown(f"layer of {self.name}", layer, self.stages))
        height, width = images.shape[-2:]
        # The bound is searched for once only: any image of 224 pixels passes through any classifier.
        if min(height, width) < 224 and min(height, width) < (least := self.min_size(wanted)):
            raise ConfigError(
                f"image is {height}x{width}, but {list(wanted)[-1]} of {self.name} needs at least {least}x{least}; "
                f"enlarge it or choose earlier layers"
            )


Factory = Callable[[Pooling, Padding], FeatureExtractor]

BACKBONES: Registry[Factory] = Registry("backbone")
"""Factories of whole networks without weights, by the name that configs and checkpoints use."""


@dataclass(frozen=True)
class DefaultLayers:
    """Layers that a backbone is compared in unless a loss names others."""

    content: tuple[str, ...]
    style: tuple[str, ...]


DEFAULT_LAYERS: dict[str, DefaultLayers] = {}
"""By the name of the backbone."""


def register_backbone(name: str, content: tuple[str, ...], style: tuple[str, ...]) -> Callable[[Factory], Factory]:
    """Decorate a factory to make it known as ``name``, with the layers it is compared in by default."""
    DEFAULT_LAYERS[name] = DefaultLayers(content, style)
    return BACKBONES.register(name)


def conv_relu(block: str, channels_in: int, channels: int, padding: Padding) -> dict[str, nn.Module]:
    """Name a 3x3 convolution and its ReLU, which is not in place so that both results keep their meaning."""
    conv = Convolution(channels_in, channels, 3, padding=1, padding_mode=padding)
    return {f"conv{block}": conv, f"relu{block}": nn.ReLU(inplace=False)}


def pool(kernel: int, pooling: Pooling, ceil_mode: bool = False) -> nn.Module:
    """Halve the resolution by maximum, as trained, or by average, as Gatys et al. prefer."""
    kind = nn.MaxPool2d if pooling == "max" else nn.AvgPool2d
    return kind(kernel, stride=2, ceil_mode=ceil_mode)


def _survives(stages: Iterable[nn.Module], side: int) -> bool:
    """Tell whether a square image of ``side`` pixels leaves at least one value behind every stage."""
    for stage in stages:
        for module in _sizing(stage):
            kernel, stride, padding = _geometry(module)
            if getattr(module, "padding_mode", "zeros") == "reflect" and side <= padding:
                return False
            spare = side + 2 * padding - kernel
            if spare < 0:
                return False
            side = (-(-spare // stride) if getattr(module, "ceil_mode", False) else spare // stride) + 1
    return True


def _sizing(stage: nn.Module) -> list[nn.Module]:
    """List the modules of a stage that change or limit sizes, in order."""
    return [m for m in stage.modules() if isinstance(m, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d)]


def _geometry(module: nn.Module) -> tuple[int, int, int]:
    """Return kernel, stride and padding of a convolution or a pooling."""
    kernel, stride, padding = (_first(getattr(module, key)) for key in ("kernel_size", "stride", "padding"))
    return kernel, stride, padding


def _first(value: int | tuple[int, ...]) -> int:
    return value if isinstance(value, int) else value[0]
