"""Pictures that are not files: what programs hold in their hands."""

from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from fastnst.images.io import to_pil


def as_image(given: Any) -> Image.Image:
    """Return a picture as a PIL image.

    Args:
        given: A PIL image, which is returned as it is; an array ``(H, W, 3)`` or ``(H, W)`` of uint8; or one tensor
            ``(3, H, W)`` or ``(1, 3, H, W)``, RGB in [0, 1].

    Raises:
        TypeError: Something else.
        ValueError: An array or a tensor of another kind.
    """
    if isinstance(given, Image.Image):
        return given
    if isinstance(given, Tensor):
        if given.dim() not in (3, 4) or given.shape[-3] != 3 or not given.is_floating_point():
            wanted = "a floating-point tensor (3, H, W), RGB in [0, 1]"
            raise ValueError(f"expected {wanted}, got {tuple(given.shape)} of {given.dtype}")
        return to_pil(given)
    if isinstance(given, np.ndarray):
        if given.dtype != np.uint8 or given.shape[2:] not in ((), (3,)) or given.ndim not in (2, 3):
            raise ValueError(f"expected an array (H, W, 3) of uint8, got {given.shape} of {given.dtype}")
        return Image.fromarray(given)
    raise TypeError(f"expected a path, a PIL image, an array or a tensor, got {type(given).__name__}")
