"""Decode any picture file into an upright 8-bit sRGB image.

Everything a file can be instead (rotated by EXIF, CMYK, 16 bit, transparent, in another color space) is settled here.

Pillow's limit on the size of a picture is a global variable, and at half of it ``Image.open`` warns through Python's
global list of warning filters; neither can be set for one call where threads run. So :func:`decode` asks the decoders
of :data:`FORMATS` directly and applies :data:`MAX_PIXELS` itself. Other warnings of Pillow (of a damaged EXIF block,
say) go where the program sends its warnings.
"""

import io
import logging
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import (  # each registers its decoder
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    ImageCms,
    ImageOps,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)

from fastnst.errors import first_line

log = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "GIF")
"""What may be opened: formats whose decoders are fuzzed. EPS or PDF would start other programs."""

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".gif"})

MAX_PIXELS = 178_000_000
"""A picture whose header claims more is refused before it is decoded."""

Source = str | os.PathLike[str] | bytes | BinaryIO
"""A path, the bytes of a file, or an open binary file, which is read from its beginning if it can be rewound."""

SETTLED = ("icc_profile", "transparency")
"""What :func:`to_srgb` has applied, so that nobody applies it once more."""


class ImageError(ValueError):
    """A file cannot be used as a picture; the message names it and states the reason."""


def open_image(source: Source, name: str | None = None) -> Image.Image:
    """Read a picture of any kind as an upright 8-bit sRGB image.

    EXIF orientation is applied, an embedded ICC profile is converted to sRGB, 16-bit values are scaled, the first
    frame of an animation is taken, and transparency is flattened onto white with a note in the log.

    Args:
        source: A path, the bytes of a file, or an open binary file.
        name: What to call it in messages; the path by default.

    Raises:
        ImageError: Missing, empty, truncated, too large, or not a picture of an allowed format.
    """
    name = name or _name(source)
    image = decode(source, name)
    with _reported(name):
        if getattr(image, "n_frames", 1) > 1:
            log.warning("%s: animated; the first frame is used", name)
        return to_srgb(image, name)


def decode(source: Source, name: str | None = None) -> Image.Image:
    """Decode a picture file and leave it as it is: in its own mode, orientation and color space.

    Raises:
        ImageError: As :func:`open_image`.
    """
    name = name or _name(source)
    with _reported(name):
        image = _opened(source, name)
        image.load()  # verify() would accept a truncated JPEG
        return image


def picture_size(source: Source) -> tuple[int, int]:
    """Return the width and height that the header of a picture file states, before orientation; decodes nothing.

    Raises:
        ImageError: Missing, empty, too large, or not a picture of an allowed format.
    """
    name = _name(source)
    with _reported(name):
        return _opened(source, name).size


def _opened(source: Source, name: str) -> Image.Image:
    data = _read(source)
    if not data:
        raise ImageError(f"{name}: the file is empty")
    image = _identify(data)
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(f"{name}: {image.width}x{image.height} is {_LIMIT}")
    return image


_LIMIT = f"more than {MAX_PIXELS // 10**6} megapixels; reduce it first"


def _name(source: Source) -> str:
    return str(source) if isinstance(source, str | os.PathLike) else "image data"


@contextmanager
def _reported(name: str) -> Iterator[None]:
    """Turn what a decoder raises into an :class:`ImageError` that names the file."""
    try:
        yield
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise ImageError(f"{name}: is a folder, not a picture") from None
    except UnidentifiedImageError:
        raise ImageError(f"{name}: not a picture of a known format ({', '.join(FORMATS)})") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # a decoder's own check
        raise ImageError(f"{name}: {_LIMIT}") from None
    except (OSError, ValueError, SyntaxError, TypeError, EOFError, ArithmeticError, LookupError) as error:
        raise _unreadable(name, error) from error
    except (MemoryError, RuntimeError, struct.error, Warning) as error:
        raise _unreadable(name, error) from error


def _unreadable(name: str, error: BaseException) -> ImageError:
    reason = "truncated" if "truncated" in str(error) else first_line(error)
    return ImageError(f"{name}: cannot be read as a picture ({reason})")


def _read(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if path.exists() and not path.is_file() and not path.is_dir():
            raise ImageError(f"{path}: is not a regular file")
        return path.read_bytes()
    if source.seekable():
        source.seek(0)
    return source.read()


def _identify(data: bytes) -> Image.Image:
    """Do what ``Image.open`` does for :data:`FORMATS`, but for its check of the size."""
    for name in FORMATS:
        if name not in Image.OPEN:
            continue
        factory, accept = Image.OPEN[name]
        likely = accept is None or accept(data[:16])
        if not likely or isinstance(likely, str):  # a text says that this Pillow lacks the decoder
            continue
        try:
            return factory(io.BytesIO(data), "")
        except (SyntaxError, IndexError, TypeError, struct.error):  # as Pillow: it may still be another format
            continue
    raise UnidentifiedImageError


def to_srgb(image: Image.Image, name: str = "image") -> Image.Image:
    """Return a PIL image of any mode as upright 8-bit RGB in sRGB; an image returned before comes back the same."""
    profile = image.info.get("icc_profile")
    image = _upright(image)
    image = _eight_bits(image)
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    if image.mode not in ("L", "RGB", "CMYK"):
        image = image.convert("L" if image.mode in ("1", "LA", "La") else "RGB")
    image = _apply_profile(image, profile, name) if profile else image.convert("RGB")
    if alpha is not None and np.asarray(alpha).min() < 255:
        log.warning("%s: transparency is flattened onto white", name)
        image = Image.composite(image, Image.new("RGB", image.size, "white"), alpha)
    for key in SETTLED:
        image.info.pop(key, None)
    return image


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, EOFError, Warning):
        return image  # a broken EXIF block is no EXIF block


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image))
        top = 1.0 if values.max(initial=0) <= 1 else 255.0 if values.max() <= 255 else 65535.0
        return Image.fromarray((values.clip(0, top) * (255 / top)).round().astype(np.uint8))
    if image.mode == "I" or image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image).astype(np.int64).clip(0, 65535) / 257).round().astype(np.uint8))
    return image


def _apply_profile(image: Image.Image, profile: bytes, name: str) -> Image.Image:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        log.warning("%s: its color profile cannot be used; taken as sRGB", name)
        return image.convert("RGB")
    assert converted is not None
    return converted
