"""Statistics of feature maps and images, as plain functions."""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

MAX_PARTS, PART = 32, 2048
"""Most parts of a sum in reduced precision, and the fewest positions in one."""


def gram(features: Tensor) -> Tensor:
    """Correlate the channels of ``(B, C, H, W)``: ``(B, C, C)``, divided by the positions ``H * W``.

    Features in bfloat16 or half precision are multiplied as they are and summed in float32; any other precision is
    kept. Fastest in channels-last layout, which neither this nor the gradient copies.

    Source: Gatys, Ecker, Bethge. CVPR 2016, eq. 3, there without the division.
    """
    with torch.autocast(features.device.type, enabled=False):
        return cast(Tensor, _Gram.apply(features))


class _Gram(torch.autograd.Function):
    """One product forward, and one backward in place of two, because a Gram matrix is symmetric."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        ctx.save_for_backward(features)
        pixels = _pixels(features)
        return _correlate(pixels) / pixels.shape[1]

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (features,) = ctx.saved_tensors
        pixels = _pixels(features)
        symmetric = (grad + grad.mT) / pixels.shape[1]
        mixed = pixels @ symmetric.to(pixels.dtype)
        return mixed.unflatten(1, features.shape[2:]).permute(0, 3, 1, 2)


def _pixels(features: Tensor) -> Tensor:
    """View ``(B, C, H, W)`` in channels-last layout as ``(B, H*W, C)``."""
    return features.permute(0, 2, 3, 1).flatten(1, 2)


def _correlate(pixels: Tensor) -> Tensor:
    """Sum the outer products of ``(B, P, C)`` over ``P``.

    A product in reduced precision is rounded once, at its end; so it is taken in parts that are added in float32.
    """
    if pixels.is_cuda and pixels.dtype in (torch.bfloat16, torch.float16):
        return torch.bmm(pixels.mT, pixels, out_dtype=torch.float32)
    if pixels.dtype != torch.bfloat16:
        pixels = pixels.float() if pixels.dtype == torch.float16 else pixels
        return pixels.mT @ pixels
    batch, positions, channels = pixels.shape
    parts = max((n for n in range(1, MAX_PARTS + 1) if positions % n == 0 and positions // n >= PART), default=1)
    split = pixels.reshape(batch * parts, positions // parts, channels)
    return (split.mT @ split).view(batch, parts, channels, channels).float().sum(1)


def weighted_gram(features: Tensor, weights: Tensor | None) -> Tensor:
    """Correlate channels as :func:`gram` does, each position counting by ``weights`` ``(1, 1, H, W)``."""
    if weights is None:
        return gram(features)
    share = weights / weights.mean().clamp_min(1e-30)
    return gram(features * share.sqrt().to(features.dtype))


def weighted_mean(features: Tensor, weights: Tensor | None) -> Tensor:
    """Average ``(B, C, H, W)`` over positions, each counting by ``weights`` ``(1, 1, H, W)``: ``(B, C)``."""
    if weights is None:
        return features.mean((2, 3))
    return (features * weights).sum((2, 3)) / weights.sum().clamp_min(1e-30)


def root(matrices: Tensor) -> Tensor:
    """Return the square roots of symmetric positive matrices ``(B, C, C)``; negative eigenvalues count as 0."""
    values, vectors = torch.linalg.eigh(matrices)
    return vectors * values.clamp_min(0).sqrt()[:, None] @ vectors.mT


def projections(features: Tensor) -> Tensor:
    """Sort the feature vectors ``(B, C, P)`` along C random directions from a fixed seed: ``(B, C, P)``."""
    channels = features.shape[1]
    draw = torch.randn(channels, channels, generator=torch.Generator().manual_seed(channels), dtype=torch.float64)
    directions = draw / draw.norm(dim=1, keepdim=True)
    with torch.autocast(features.device.type, enabled=False):
        values = wide(features)
        return (directions.to(values) @ values).sort(dim=2).values


def quantiles(ordered: Tensor, count: int) -> Tensor:
    """Resample sorted values ``(B, C, P)`` to ``(B, C, count)``, linearly between their ranks."""
    if ordered.shape[2] == count:
        return ordered
    return F.interpolate(ordered, count, mode="linear", align_corners=False)


def mean_square(x: Tensor) -> Tensor:
    """Average the squares of all values, summed in float32 whatever the precision of ``x``: a scalar."""
    return torch.linalg.vector_norm(x, dtype=torch.promote_types(x.dtype, torch.float32)).square() / x.numel()


def wide(features: Tensor) -> Tensor:
    """Raise reduced precision to float32 and leave any other."""
    return features.to(torch.promote_types(features.dtype, torch.float32))


def total_variation(images: Tensor) -> Tensor:
    """Average the squared differences of neighboring values, vertical plus horizontal: a scalar.

    Args:
        images: ``(B, 3, H, W)``, RGB in [0, 1]; a one-pixel side has no neighbors and adds nothing.
    """
    images = images.float()
    down = (images[..., 1:, :] - images[..., :-1, :]).square()
    right = (images[..., :, 1:] - images[..., :, :-1]).square()
    return sum((d.mean() for d in (down, right) if d.numel()), images.new_zeros(()))
