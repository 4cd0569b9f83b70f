"""Photographs of phones in the format HEIC; needs the extra ``heic``."""

import io

from PIL.ImageFile import ImageFile

from fastnst.images.errors import ImageError

BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
"""What a file says it is. Source: ISO/IEC 23008-12, annex B; the last two may hold AVIF, which is tried before."""


def is_heic(data: bytes) -> bool:
    """Tell whether a file claims to be HEIC, by its first bytes."""
    return data[4:8] == b"ftyp" and data[8:12] in BRANDS


def open_heic(data: bytes, name: str) -> ImageFile:
    """Open a HEIC file; its primary picture is decoded by ``load``.

    Raises:
        ImageError: The extra is not installed.
    """
    try:
        from pillow_heif.as_plugin import HeifImageFile
    except ImportError:
        raise ImageError(f"{name}: is a HEIC picture, which needs an extra; pip install 'fastnst[heic]'") from None
    image: ImageFile = HeifImageFile(io.BytesIO(data), "")
    return image
