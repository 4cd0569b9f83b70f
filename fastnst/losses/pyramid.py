"""A picture at several scales, each half of the one before."""

from collections.abc import Collection, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

SCALES: Mapping[int, float] = {1: 1.0, 2: 0.9, 4: 0.8}
"""Reductions at which a style is compared by default, and the weight of each."""


def reduced(images: Tensor, factor: int) -> Tensor:
    """Shrink ``(B, C, H, W)`` to ``(B, C, H/factor, W/factor)``, rounded up: each value is the mean of a square.

    Args:
        images: Of any range.
        factor: A power of two. Before each halving the last row or column of an odd side counts twice.
    """
    for _ in range(factor.bit_length() - 1):
        images = F.avg_pool2d(images, 2, ceil_mode=True, count_include_pad=False)
    return images


def pyramid(images: Tensor, factors: Collection[int]) -> dict[int, Tensor]:
    """Shrink ``(B, C, H, W)`` by each of some powers of two, every level made from the one before."""
    levels, before = {}, 1
    for factor in sorted(factors):
        images, before = reduced(images, factor // before), factor
        levels[factor] = images
    return levels


def gather(image: Tensor, gradients: Mapping[int, Tensor]) -> Tensor:
    """Return the gradient by a picture, of that by each level of its :func:`pyramid`."""
    picture = image.detach().requires_grad_()
    with torch.enable_grad():
        levels = pyramid(picture, gradients)
    grads = [gradients[factor] for factor in levels]
    (gradient,) = torch.autograd.grad(list(levels.values()), picture, grads)
    return gradient


def layer_at(layer: str, factor: int) -> str:
    """Name a layer of a reduced picture: ``relu3_1``, ``relu3_1@2``."""
    return layer if factor == 1 else f"{layer}@{factor}"
