"""A convolution with reflected borders, as networks and backbones have it."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Convolution(nn.Conv2d):
    """``nn.Conv2d`` that pads no more than it must: not at all by 0 pixels, and under autocast in reduced precision.

    ``nn.Conv2d`` copies its input to reflect 0 pixels of it, and autocast on a CPU pads in float32, which converts
    features to and fro. The result is the same, since padding computes nothing.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.padding_mode != "reflect":
            return super().forward(x)
        padded = border(x, self._reversed_padding_repeated_twice, "reflect")
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def border(x: Tensor, sides: list[int], mode: Literal["reflect", "replicate"]) -> Tensor:
    """Pad ``(B, C, H, W)`` in the precision that a convolution behind it computes in, which under autocast is another.

    Args:
        x: Of any range.
        sides: Left, right, above, below, in pixels.
        mode: As in ``F.pad``.
    """
    kind = x.device.type
    mixed = torch.is_autocast_enabled(kind) and x.dtype == torch.float32
    x = x.to(torch.get_autocast_dtype(kind)) if mixed else x
    if not any(sides):
        return x
    with torch.autocast(kind, enabled=False):
        return F.pad(x, sides, mode=mode)
