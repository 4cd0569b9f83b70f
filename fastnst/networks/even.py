"""Pictures of one color, which have nothing to normalize by."""

import torch
from torch import Tensor

from fastnst.images import pad_to
from fastnst.networks._base import TransformationNetwork
from fastnst.networks.norm import InstanceNorm


def are_even(images: Tensor) -> Tensor:
    """Say of each of ``(B, 3, H, W)`` whether it is of one color; ``(B,)``."""
    corner, row = images[..., :1, :1], images[..., :1, :]
    found = (row == corner).flatten(1).all(1)
    return found & (images == corner).flatten(1).all(1) if found.any() else found


@torch.no_grad()
def even_colors(network: TransformationNetwork) -> Tensor:
    """Return the colors ``(2, 3)``, RGB around [0, 1], that a network paints a black and a white picture in.

    What enters a norm is even then, so the norm returns its shift, whatever the color: only what is added of the
    photograph itself differs, and linearly, so other colors lie between these two. Computed as other pictures are, the
    norms would divide rounding errors by hardly more than the root of their eps, one norm after another, until a
    network as deep as ``lite`` paints a pattern of nothing else, another one on every machine.
    """
    weight = next(network.parameters())
    ends = weight.new_tensor([0.0, 1.0], dtype=torch.float32).view(2, 1, 1, 1).expand(2, 3, 1, 1)
    return network.transform(pad_to(ends, network.size_multiple, network.min_size), _shift).mean((2, 3))


def paint_even(network: TransformationNetwork, images: Tensor) -> Tensor:
    """Return the color ``(B, 3, 1, 1)``, RGB in [0, 1], that a network paints each of ``(B, 3, H, W)`` of one color in.

    That of other images is taken for the color of their corner.
    """
    black, white = even_colors(network)[:, :, None, None]
    return torch.lerp(black, white, images[..., :1, :1].to(black)).clamp(0, 1)


def scale_mask(network: TransformationNetwork) -> Tensor:
    """Say of each number of a style code ``(K,)`` whether it is a scale, 1, or a shift, 0.

    A code whose scales are 0 paints any picture of one color in that of :func:`paint_even`, without rounding errors.
    """
    norms = [norm for _, norm in network.named_norms() if norm.weight is not None]
    return torch.cat([torch.tensor([[1.0], [0.0]]).expand(2, norm.channels).flatten() for norm in norms])


def _shift(norm: InstanceNorm, x: Tensor) -> Tensor:
    zero = torch.zeros_like(x)
    return zero if norm.bias is None else zero + norm.bias.view(1, -1, 1, 1).to(x.dtype)
