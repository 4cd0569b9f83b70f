"""Statistics of feature maps and images, as plain functions."""

import torch
from torch import Tensor


def gram(features: Tensor) -> Tensor:
    """Correlate the channels of ``(B, C, H, W)``: ``(B, C, C)``, divided by the positions ``H * W``.

    Computed in float32 whatever the precision of the features: sums over a hundred thousand positions overflow half
    precision and lose most of bfloat16's eight bits.

    Source: Gatys, Ecker, Bethge. CVPR 2016, eq. 3, there without the division.
    """
    with torch.autocast(features.device.type, enabled=False):
        flat = features.flatten(2)  # (B, C, H*W)
        flat = flat if flat.dtype == torch.float64 else flat.float()
        return flat @ flat.mT / flat.shape[2]


def total_variation(images: Tensor) -> Tensor:
    """Average the squared differences of neighboring values, vertical plus horizontal: a scalar.

    Args:
        images: ``(B, 3, H, W)``, RGB in [0, 1]; a one-pixel side has no neighbors and adds nothing.
    """
    images = images.float()
    down = (images[..., 1:, :] - images[..., :-1, :]).square()
    right = (images[..., :, 1:] - images[..., :, :-1]).square()
    return sum((d.mean() for d in (down, right) if d.numel()), images.new_zeros(()))
