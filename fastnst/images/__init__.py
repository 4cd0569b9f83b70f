"""Pictures in and out: files, bytes, color, size."""

from fastnst.images.decode import EXTENSIONS, ImageError, open_image, to_srgb
from fastnst.images.geometry import cover, feather, fit, pad_to, resize
from fastnst.images.io import (
    WRITABLE,
    as_written,
    check_output,
    encode_image,
    read_image,
    to_pil,
    to_tensor,
    write_image,
)
from fastnst.images.listing import find_files
from fastnst.images.notes import read_note
from fastnst.images.packing import pack_image, unpack_image

__all__ = [
    "EXTENSIONS",
    "WRITABLE",
    "ImageError",
    "as_written",
    "check_output",
    "cover",
    "encode_image",
    "feather",
    "find_files",
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
