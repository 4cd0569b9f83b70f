"""Pictures in and out: files, bytes, color, size."""

from fastnst.images.decode import EXTENSIONS, MAX_PIXELS, open_image, to_srgb
from fastnst.images.encode import MOVING, WRITABLE, check_output, encode_pictures, write_pictures
from fastnst.images.errors import ImageError
from fastnst.images.geometry import cover, feather, fit, pad_to, resize
from fastnst.images.io import as_written, encode_image, read_image, to_pil, to_tensor, write_image
from fastnst.images.listing import find_files
from fastnst.images.masks import read_mask
from fastnst.images.notes import read_note
from fastnst.images.packing import pack_image, unpack_image
from fastnst.images.picture import Picture, from_image, read_pictures

__all__ = [
    "EXTENSIONS",
    "MAX_PIXELS",
    "MOVING",
    "WRITABLE",
    "ImageError",
    "Picture",
    "as_written",
    "check_output",
    "cover",
    "encode_image",
    "encode_pictures",
    "feather",
    "find_files",
    "fit",
    "from_image",
    "open_image",
    "pack_image",
    "pad_to",
    "read_image",
    "read_mask",
    "read_note",
    "read_pictures",
    "resize",
    "to_pil",
    "to_srgb",
    "to_tensor",
    "unpack_image",
    "write_image",
    "write_pictures",
]
