"""Pictures in and out: files, bytes, color, size."""

from fastnst.images.geometry import fit, pad_to, resize
from fastnst.images.io import (
    EXTENSIONS,
    WRITABLE,
    ImageError,
    check_output,
    open_image,
    read_image,
    to_pil,
    to_srgb,
    to_tensor,
    write_image,
)

__all__ = [
    "EXTENSIONS",
    "WRITABLE",
    "ImageError",
    "check_output",
    "fit",
    "open_image",
    "pad_to",
    "read_image",
    "resize",
    "to_pil",
    "to_srgb",
    "to_tensor",
    "write_image",
]
