"""SqueezeNet 1.0 and 1.1 by layer name: ``conv1``, ``relu1``, ``pool1``, ``fire2``, ...

Source: Iandola et al. SqueezeNet. arXiv:1602.07360, figure 2 (1.0) and the authors' later release (1.1).
"""

import torch
from torch import Tensor, nn

from fastnst.backbones._extractor import FeatureExtractor, Padding, Pooling, pool, register_backbone
from fastnst.convolution import Convolution

FIRES = {
    2: (64, 16, 64),
    3: (128, 16, 64),
    4: (128, 32, 128),
    5: (256, 32, 128),
    6: (256, 48, 192),
    7: (384, 48, 192),
    8: (384, 64, 256),
    9: (512, 64, 256),
}
"""Channels in, squeezed, and of either expansion; version 1.0 enters fire2 with 96."""


class Fire(nn.Module):
    """Squeeze by 1x1, expand by 1x1 and 3x3 side by side; the result is what follows the last ReLU."""

    def __init__(self, channels_in: int, squeezed: int, expanded: int, padding: Padding) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels_in, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = Convolution(squeezed, expanded, 3, padding=1, padding_mode=padding)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1).relu()


def stages(conv1: nn.Conv2d, pools: set[int], pooling: Pooling, padding: Padding) -> dict[str, nn.Module]:
    """Lay out a SqueezeNet whose pooling layers follow ``conv1`` and the fire modules numbered in ``pools``."""
    named: dict[str, nn.Module] = {"conv1": conv1, "relu1": nn.ReLU(inplace=False)}
    named["pool1"] = pool(3, pooling, ceil_mode=True)
    for number, (channels_in, squeezed, expanded) in FIRES.items():
        named[f"fire{number}"] = Fire(conv1.out_channels if number == 2 else channels_in, squeezed, expanded, padding)
        if number in pools:
            named[f"pool{number}"] = pool(3, pooling, ceil_mode=True)
    return named


@register_backbone("squeezenet1_0", content=("fire2",), style=("relu1", "fire3", "fire4", "fire5"))
def squeezenet1_0(pooling: Pooling, padding: Padding) -> FeatureExtractor:
    """Seven-pixel first layer, pooling behind fire4 and fire8."""
    return FeatureExtractor("squeezenet1_0", stages(nn.Conv2d(3, 96, 7, stride=2), {4, 8}, pooling, padding))


@register_backbone("squeezenet1_1", content=("fire2",), style=("relu1", "fire3", "fire4", "fire5"))
def squeezenet1_1(pooling: Pooling, padding: Padding) -> FeatureExtractor:
    """Three-pixel first layer, pooling behind fire3 and fire5; 2.4 times cheaper than 1.0."""
    return FeatureExtractor("squeezenet1_1", stages(nn.Conv2d(3, 64, 3, stride=2), {3, 5}, pooling, padding))
