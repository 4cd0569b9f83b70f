"""Between picture files and image tensors.

Inside fastnst an image is a float tensor ``(B, 3, H, W)``, RGB, sRGB-encoded, in [0, 1].
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fastnst.images.decode import Source, open_image, to_srgb
from fastnst.images.encode import encoded, write_pictures
from fastnst.images.picture import Picture, from_image


def to_tensor(image: Image.Image) -> Tensor:
    """Turn a PIL image into ``(1, 3, H, W)``, RGB in [0, 1]."""
    pixels = torch.from_numpy(np.array(to_srgb(image)))  # (H, W, 3)
    return pixels.permute(2, 0, 1)[None].float() / 255


def to_pil(image: Tensor) -> Image.Image:
    """Turn one image, ``(1, 3, H, W)`` or ``(3, H, W)``, into an 8-bit PIL image; values are clamped to [0, 1]."""
    if image.dim() == 4:
        if image.shape[0] != 1:
            raise ValueError(f"one image wanted, got a batch of {image.shape[0]}")
        image = image[0]
    pixels = image.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8)
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().cpu().numpy())


def as_written(image: Tensor) -> Tensor:
    """Return what a file of 8 bits keeps of an image: clipped to [0, 1] and rounded."""
    return (image.float().clamp(0, 1) * 255).round() / 255


def read_image(source: Source) -> Tensor:
    """Read a picture as ``(1, 3, H, W)``, RGB in [0, 1]; see :func:`open_image` for what is accepted."""
    return to_tensor(open_image(source))


def encode_image(image: Tensor | Image.Image, fmt: str = "PNG", note: dict[str, Any] | None = None) -> bytes:
    """Return the bytes of a picture file.

    Args:
        image: A PIL image or one image tensor, RGB in [0, 1].
        fmt: ``PNG``, ``JPEG``, ``WEBP``, ``TIFF`` or ``GIF``.
        note: How it was made; plain data that goes into the file, for :func:`read_note`.

    Raises:
        ValueError: Another format.
    """
    return encoded([_picture(image)], fmt, note)


def write_image(image: Tensor | Image.Image, path: str | Path, note: dict[str, Any] | None = None) -> None:
    """Write a picture by the extension of ``path``, see :func:`check_output`; complete or not at all.

    Args:
        image: A PIL image or one image tensor, RGB in [0, 1].
        path: Where to; parent folders are made.
        note: As of :func:`encode_image`.
    """
    write_pictures([_picture(image)], path, note)


def _picture(image: Tensor | Image.Image) -> Picture:
    return from_image(to_pil(image) if isinstance(image, Tensor) else image)
