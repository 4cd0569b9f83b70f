"""A network that is trained on one photograph alone, and keeps its edges: photorealistic style transfer."""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.networks._base import NETWORKS, TransformationNetwork
from fastnst.networks.layers import conv

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Of ImageNet, in whose units the source works; what a backbone does to its images is the backbone's own affair."""


class Bottleneck(nn.Module):
    """Add a narrow 3x3 convolution between two of 1x1 to what comes in; every one is normalized, without affine."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        narrow = channels // 4
        self.reduce, self.look = conv(channels_in, narrow, 1), conv(narrow, narrow, 3)
        self.expand = conv(narrow, channels, 1)
        self.shortcut = conv(channels_in, channels, 1) if channels_in != channels else None

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(_normalize(self.reduce(x)))
        y = F.relu(_normalize(self.look(y)))
        y = F.relu(_normalize(self.expand(y)))
        return F.relu(y + (x if self.shortcut is None else _normalize(self.shortcut(x))))


@NETWORKS.register("hrnet")
class HRNet(TransformationNetwork):
    """Exchange features among full, half and quarter resolution; the full one is never left.

    64,607 parameters, 35 kMAC per pixel. Trained from random weights on a single pair of pictures, it is a prior: what
    it can paint is what convolutions make of the photograph, so edges stay and noise does not come.

    Departs from the source in what lets it work at any size: reflected borders, and sides padded to multiples of four.

    Source: Li, Lu, Qi. High-Resolution Network for Photorealistic Style Transfer. arXiv:1904.11617, figure 2, as in the
    authors' program, without the layers that it defines and never uses.
    """

    size_multiple: ClassVar[int] = 4
    min_size: ClassVar[int] = 8
    receptive_field = 27

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.config = {}
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        self.full1, self.full2 = Bottleneck(3, 16), Bottleneck(16, 32)
        self.half1, self.half2 = conv(16, 32, 3, 2), Bottleneck(32, 32)
        self.full2_to_half, self.full2_to_quarter = conv(32, 32, 3, 2), conv(32, 32, 3, 4)
        self.half1_to_quarter = conv(32, 32, 3, 2)
        self.full3, self.full4 = Bottleneck(32, 32), Bottleneck(64, 64)
        self.merge = nn.Sequential(Bottleneck(192, 64), Bottleneck(64, 32), Bottleneck(32, 16))
        self.output = conv(16, 3, 3)

    def paint(self, images: Tensor) -> Tensor:
        dtype = self.full1.reduce.weight.dtype
        full1 = self.full1(((images - self.mean) / self.std).to(dtype))
        full2, half1 = self.full2(full1), self.half1(full1)
        full3 = torch.cat([self.full3(full2), _up(half1, 2)], 1)
        half = torch.cat([self.full2_to_half(full2), self.half2(half1)], 1)
        quarter = torch.cat([self.full2_to_quarter(full2), self.half1_to_quarter(half1)], 1)
        merged = self.merge(torch.cat([self.full4(full3), _up(half, 2), _up(quarter, 4)], 1))
        return self.output(merged.to(self.output.weight.dtype)) * self.std + self.mean


def _normalize(x: Tensor) -> Tensor:
    """Normalize every channel of every image, by the faster kernel of a CPU; see :class:`layers.InstanceNorm`."""
    if x.device.type == "cpu" and len(x) == 1 and torch.is_grad_enabled():
        return F.batch_norm(x, None, None, training=True)
    return F.instance_norm(x)


def _up(x: Tensor, scale: int) -> Tensor:
    return F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
