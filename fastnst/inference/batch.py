"""Tensors of one picture or several."""

import torch
from torch import Tensor

from fastnst.inference.brush import Brush
from fastnst.inference.pixels import TensorPixels

MAX_BATCH_PIXELS = 2**22
"""Batches are split into parts of at most this many pixels, or single images, to bound memory."""


def paint_tensor(brush: Brush, image: Tensor) -> Tensor:
    """Paint ``(3, H, W)`` or ``(B, 3, H, W)``, RGB in [0, 1]; the result is such a tensor on the same device.

    Raises:
        ValueError: Another tensor.
    """
    if image.dim() not in (3, 4) or image.shape[-3] != 3 or not image.is_floating_point():
        raise ValueError(
            f"expected a floating-point tensor (3, H, W) or (B, 3, H, W), RGB in [0, 1], got {tuple(image.shape)} "
            f"of {image.dtype}"
        )
    batch = image if image.dim() == 4 else image[None]
    step = max(1, MAX_BATCH_PIXELS // (batch.shape[-1] * batch.shape[-2]))
    painted = torch.empty_like(batch)
    for part, result in zip(batch.split(step), painted.split(step), strict=True):
        if len(part) == 1:
            brush(TensorPixels(part[0]), TensorPixels(result[0]))
        else:
            result.copy_(brush.whole(part))
    return painted.view(image.shape)
