"""A network that is trained on a single photograph and keeps its edges: photorealistic style transfer."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.networks._base import NETWORKS, TransformationNetwork
from fastnst.networks.layers import Block, Chain, conv, conv_norm
from fastnst.networks.norm import Apply, own

MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)
"""Of ImageNet, in whose units the source works; independent of how a loss backbone normalizes its images."""


class Bottleneck(Block):
    """Add a narrow 3x3 convolution between two of 1x1 to the input; all are normalized, without scale and shift."""

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        narrow = channels // 4
        self.body = Chain(
            *conv_norm(channels_in, narrow, 1, affine=False),
            nn.ReLU(inplace=True),
            *conv_norm(narrow, narrow, 3, affine=False),
            nn.ReLU(inplace=True),
            *conv_norm(narrow, channels, 1, affine=False),
            nn.ReLU(inplace=True),
        )
        self.shortcut = Chain(*conv_norm(channels_in, channels, 1, affine=False) if channels_in != channels else ())

    def forward(self, x: Tensor, norms: Apply = own) -> Tensor:
        return F.relu(self.body(x, norms) + self.shortcut(x, norms))


@NETWORKS.register("hrnet")
class HRNet(TransformationNetwork):
    """Exchange features among full, half and quarter resolution; the full one is never left.

    64,607 parameters, 35 kMAC per pixel. Trained from random weights on a single pair of pictures, it is a prior: it
    can only paint what convolutions make of the photograph, so edges are kept and no noise appears.

    Departs from the source to work at any size: reflected borders, and sides padded to multiples of four.

    Source: Li, Lu, Qi. High-Resolution Network for Photorealistic Style Transfer. arXiv:1904.11617, figure 2, as in the
    authors' program, without the layers that it defines and never uses.
    """

    size_multiple = 4
    min_size = 8
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
        self.merge = Chain(Bottleneck(192, 64), Bottleneck(64, 32), Bottleneck(32, 16))
        self.output = conv(16, 3, 3)
        for _, norm in self.named_norms():
            norm.eps = 1e-5  # as in the source

    def transform(self, images: Tensor, norms: Apply) -> Tensor:
        dtype = self.half1.weight.dtype
        full1 = self.full1(((images - self.mean) / self.std).to(dtype), norms)
        full2, half1 = self.full2(full1, norms), self.half1(full1)
        full3 = torch.cat([self.full3(full2, norms), _up(half1, 2)], 1)
        half = torch.cat([self.full2_to_half(full2), self.half2(half1, norms)], 1)
        quarter = torch.cat([self.full2_to_quarter(full2), self.half1_to_quarter(half1)], 1)
        merged = self.merge(torch.cat([self.full4(full3, norms), _up(half, 2), _up(quarter, 4)], 1), norms)
        return self.output(merged.to(self.output.weight.dtype)) * self.std + self.mean


def _up(x: Tensor, scale: int) -> Tensor:
    return F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
