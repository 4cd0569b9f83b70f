"""A convolution with reflected borders, as networks and backbones have it."""

from typing import Any, Literal, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

FEW = 4
"""Channels, as of pictures, to which a gradient is led back by products in place of a convolution."""


class Convolution(nn.Conv2d):
    """``nn.Conv2d`` that pads no more than it must: not at all by 0 pixels, and under autocast in reduced precision.

    ``nn.Conv2d`` copies its input to reflect 0 pixels of it, and autocast on a CPU pads in float32, which converts
    features to and fro. The result is the same, since padding computes nothing.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.padding_mode != "reflect":
            return super().forward(x)
        padded = border(x, self._reversed_padding_repeated_twice, "reflect")
        if self._frozen_on_pictures(padded):
            bias = None if self.bias is None else self.bias.to(padded.dtype)
            return cast(Tensor, _OnPictures.apply(padded, self.weight.to(padded.dtype), bias))
        return F.conv2d(padded, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)

    def _frozen_on_pictures(self, x: Tensor) -> bool:
        """Tell whether only the gradient by a picture is wanted, which a CPU computes slowly as a convolution."""
        plain = self.groups == 1 and {*self.stride, *self.dilation} == {1} and self.in_channels <= FEW
        return plain and x.device.type == "cpu" and x.requires_grad and not self.weight.requires_grad


class _OnPictures(torch.autograd.Function):
    """Convolve pictures; backward, one product for each tap and channel, shifted and added: half the time."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(weight)
        with torch.autocast(x.device.type, enabled=False):
            return F.conv2d(x, weight, bias)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]  # torch does not type it
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        channels, (rows, columns), (height, width) = weight.shape[1], weight.shape[2:], grad.shape[2:]
        taps = weight.permute(1, 2, 3, 0).flatten(0, 2)  # (C*K*K, C')
        products = (taps @ grad.permute(0, 2, 3, 1).flatten(1, 2).mT).unflatten(1, (channels, rows, columns))
        products = products.unflatten(-1, (height, width))  # (B, C, K, K, H, W)
        wide = torch.promote_types(grad.dtype, torch.float32)
        total = products.new_zeros(len(grad), channels, height + rows - 1, width + columns - 1, dtype=wide)
        for row in range(rows):
            for column in range(columns):
                total[..., row : row + height, column : column + width] += products[:, :, row, column]
        return total.to(grad.dtype), None, None


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
