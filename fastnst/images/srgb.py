"""Turn a decoded picture of any mode into upright 8-bit sRGB.

Everything a file can be instead (rotated by EXIF, CMYK, 16 bit, transparent, in another color space) is settled here.
"""

import io
import logging
import struct

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps

log = logging.getLogger(__name__)

SETTLED = ("icc_profile", "transparency")
"""What :func:`to_srgb` has applied, so that nobody applies it once more."""


def to_srgb(image: Image.Image, name: str = "image") -> Image.Image:
    """Return a PIL image of any mode as upright 8-bit RGB in sRGB; an image returned before comes back the same."""
    if orientation(image) > 1:
        image = ImageOps.exif_transpose(image)  # before the colors are converted, for that forgets the EXIF
    profile = image.info.get("icc_profile")
    color, alpha = split(image)
    color = apply_profile(color, profile, name) if profile else color.convert("RGB")
    if alpha is not None and np.asarray(alpha).min() < 255:
        log.warning("%s: transparency is flattened onto white", name)
        color = Image.composite(color, Image.new("RGB", color.size, "white"), alpha)
    for key in SETTLED:
        color.info.pop(key, None)
    return color


def orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; a broken EXIF block is no EXIF block."""
    try:
        turn = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, EOFError, struct.error, Warning):
        return 1
    return turn if turn in range(1, 9) else 1


def split(image: Image.Image) -> tuple[Image.Image, Image.Image | None]:
    """Return the colors of a decoded picture in 8 bits, as ``L``, ``RGB`` or ``CMYK``, and its alpha, if it has any."""
    image = _eight_bits(image)
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    if image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("L" if image.mode in ("1", "LA", "La") else "RGB")
    return image, alpha


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image))
        top = 1.0 if values.max(initial=0) <= 1 else 255.0 if values.max() <= 255 else 65535.0
        return Image.fromarray((values.clip(0, top) * (255 / top)).round().astype(np.uint8))
    if image.mode == "I" or image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image).astype(np.int64).clip(0, 65535) / 257).round().astype(np.uint8))
    return image


def apply_profile(image: Image.Image, profile: bytes, name: str) -> Image.Image:
    """Convert from an ICC profile to sRGB; one that is broken, or of another color model, is taken as sRGB."""
    if image.mode == "L" and profile[16:20] == b"RGB ":
        image = image.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        log.warning("%s: its color profile cannot be used; taken as sRGB", name)
        return image.convert("RGB")
    assert converted is not None
    return converted
