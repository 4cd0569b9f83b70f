"""Between picture files and image tensors.

Inside fastnst an image is a float tensor ``(B, 3, H, W)``, RGB, sRGB-encoded, in [0, 1].
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fastnst.atomic import replacing
from fastnst.images.decode import Source, open_image, to_srgb
from fastnst.images.notes import noted

WRITABLE = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}

ENCODING: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {"compress_level": 4},
    "WEBP": {"quality": 95},
}
"""Options of Pillow for each format that is written."""


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


def check_output(path: str | Path) -> str:
    """Return the format that ``path`` asks for by its extension.

    Raises:
        ValueError: The extension is not one we write.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in WRITABLE:
        raise ValueError(f"{path}: cannot write {suffix or 'a file without extension'}; use {', '.join(WRITABLE)}")
    return WRITABLE[suffix]


def encode_image(image: Tensor | Image.Image, fmt: str = "PNG", note: dict[str, Any] | None = None) -> bytes:
    """Return the bytes of a picture file.

    Args:
        image: A PIL image or one image tensor, RGB in [0, 1].
        fmt: ``PNG``, ``JPEG`` or ``WEBP``.
        note: How it was made; plain data that goes into the file, for :func:`read_note`.

    Raises:
        ValueError: Another format.
    """
    if fmt not in ENCODING:
        raise ValueError(f"cannot write {fmt}; use {', '.join(ENCODING)}")
    picture = to_pil(image) if isinstance(image, Tensor) else image
    data = io.BytesIO()
    picture.save(data, format=fmt, **ENCODING[fmt], **(noted(fmt, note) if note is not None else {}))
    return data.getvalue()


def write_image(image: Tensor | Image.Image, path: str | Path, note: dict[str, Any] | None = None) -> None:
    """Write a picture as PNG, JPEG or WebP by the extension of ``path``; complete or not at all.

    Args:
        image: A PIL image or one image tensor, RGB in [0, 1].
        path: Where to; parent folders are made.
        note: As of :func:`encode_image`.
    """
    data = encode_image(image, check_output(path), note)
    with replacing(path) as temporary:
        temporary.write_bytes(data)
