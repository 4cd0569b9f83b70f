"""Pictures in and out: files, bytes, color, size."""

from fastnst.images.geometry import cover, feather, fit, pad_to, resize
from fastnst.images.io import (
    EXTENSIONS,
    WRITABLE,
    ImageError,
    as_written,
    check_output,
    open_image,
    pack_image,
    read_image,
    read_note,
    to_pil,
    to_srgb,
    to_tensor,
    unpack_image,
    write_image,
)

__all__ = [
    "EXTENSIONS",
    "WRITABLE",
    "ImageError",
    "as_written",
    "check_output",
    "cover",
    "feather",
    "fit",
    "open_image",
    "pack_image",
    "pad_to",
    "read_image",
    "read_note",
    "resize",
    "to_pil",
    "to_srgb",
    "to_tensor",
    "unpack_image",
    "write_image",
]
