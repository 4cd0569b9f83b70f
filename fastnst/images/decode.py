"""Open any picture file: which formats there are, how large a picture may be, and what is wrong with a broken one.

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

from PIL import (  # each registers its decoder
    AvifImagePlugin,  # noqa: F401
    BmpImagePlugin,  # noqa: F401
    GifImagePlugin,  # noqa: F401
    Image,
    JpegImagePlugin,  # noqa: F401
    PngImagePlugin,  # noqa: F401
    TiffImagePlugin,  # noqa: F401
    UnidentifiedImageError,
    WebPImagePlugin,  # noqa: F401
)
from PIL.ImageFile import ImageFile

from fastnst.errors import first_line
from fastnst.images.errors import ImageError
from fastnst.images.heic import is_heic, open_heic
from fastnst.images.jpeg import MOST_SCANS, has_too_many_scans
from fastnst.images.srgb import to_srgb
from fastnst.images.strips import find_strips

log = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "GIF")
"""What may be opened: formats whose decoders are fuzzed. EPS or PDF would start other programs. HEIC is an extra."""

EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".png", ".apng", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".gif", ".heic", ".heif"}
)

MAX_PIXELS = 178_000_000
"""A picture whose header claims more is refused before it is decoded, unless more is allowed."""

Source = str | os.PathLike[str] | bytes | BinaryIO
"""A path, the bytes of a file, or an open binary file, which is read from its beginning if it can be rewound."""


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
    name = name or label(source)
    image = decode(source, name)
    with reported(name):
        if frame_count(image) > 1:
            log.warning("%s: animated; the first frame is used", name)
        return to_srgb(image, name)


def decode(source: Source, name: str | None = None) -> Image.Image:
    """Decode a picture file and leave it as it is: in its own mode, orientation and color space.

    Raises:
        ImageError: As :func:`open_image`.
    """
    name = name or label(source)
    with reported(name):
        image = identify(read_bytes(source, name), name)
        image.load()  # verify() would accept a truncated JPEG
        return image


def picture_size(
    source: Source, max_pixels: int = MAX_PIXELS, remedy: str = "reduce it first", name: str | None = None
) -> tuple[int, int, int]:
    """Return what the header of a picture file states: width and height before orientation, and the count of frames.

    Raises:
        ImageError: Missing, empty, too large, or not a picture of an allowed format.
    """
    name = name or label(source)
    with reported(name):
        if strips := find_strips(source):
            check_size(*strips.size, name, max_pixels, remedy)
            return *strips.size, 1
        image = identify(read_bytes(source, name), name, max_pixels, remedy)
        return *image.size, frame_count(image)


def identify(data: bytes, name: str, max_pixels: int = MAX_PIXELS, remedy: str = "reduce it first") -> ImageFile:
    """Tell of what format and size a picture is; its pixels are decoded later, by ``load``.

    Args:
        data: The bytes of a file.
        name: What to call it in messages.
        max_pixels: How large it may be.
        remedy: What to do about one that is larger.

    Raises:
        ImageError: It is too large.
        UnidentifiedImageError: No picture of an allowed format.
    """
    image = _opened(data, name)
    check_size(*image.size, name, max_pixels, remedy)
    if image.format in ("JPEG", "MPO") and has_too_many_scans(data):
        raise ImageError(f"{name}: a JPEG of more than {MOST_SCANS} scans, made to take long; save it anew")
    return image


def check_size(width: int, height: int, name: str, max_pixels: int, remedy: str) -> None:
    """Refuse a picture that is too large.

    Raises:
        ImageError: It is.
    """
    if width * height > max_pixels:
        raise ImageError(f"{name}: {width}x{height} is more than {max_pixels / 10**6:g} megapixels; {remedy}")


def frame_count(image: Image.Image) -> int:
    """Count the frames of an animation; the pages of a TIFF, and further views in a JPEG or a HEIC, are none."""
    return getattr(image, "n_frames", 1) if image.format in ("GIF", "PNG", "WEBP", "AVIF") else 1


def label(source: Source) -> str:
    """Name a source in messages."""
    return str(source) if isinstance(source, str | os.PathLike) else "image data"


@contextmanager
def reported(name: str, remedy: str = "") -> Iterator[None]:
    """Turn what a decoder raises into an :class:`ImageError` that names the file, and what may help."""
    try:
        yield
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise ImageError(f"{name}: is a folder, not a picture") from None
    except PermissionError:
        raise ImageError(f"{name}: may not be read; change its permissions") from None
    except UnidentifiedImageError:
        raise ImageError(f"{name}: not a picture of a known format ({', '.join(FORMATS)})") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):  # a decoder's own check
        raise ImageError(f"{name}: more than Pillow takes in one piece; reduce it first") from None
    except (OSError, ValueError, SyntaxError, TypeError, EOFError, ArithmeticError, LookupError) as error:
        raise _unreadable(name, error, remedy) from error
    except (MemoryError, RuntimeError, struct.error, Warning) as error:
        raise _unreadable(name, error, remedy) from error


def _unreadable(name: str, error: BaseException, remedy: str) -> ImageError:
    told = getattr(error, "strerror", None) or first_line(error)
    reason = "truncated" if "truncated" in str(error) else told
    reason = "its data is damaged" if reason.startswith("decoder error") else reason
    return ImageError(f"{name}: cannot be read as a picture ({reason}){remedy and '; ' + remedy}")


def read_bytes(source: Source, name: str) -> bytes:
    """Return the bytes of a file, which must be there and hold any."""
    data = _read(source)
    if not data:
        raise ImageError(f"{name}: the file is empty")
    return data


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


def _opened(data: bytes, name: str) -> ImageFile:
    """Do what ``Image.open`` does for :data:`FORMATS`, but for its check of the size."""
    for known in FORMATS:
        if known not in Image.OPEN:
            continue
        factory, accept = Image.OPEN[known]
        likely = accept is None or accept(data[:16])
        if not likely or isinstance(likely, str):  # a text says that this Pillow lacks the decoder
            continue
        try:
            image: ImageFile = factory(io.BytesIO(data), "")
            return image
        except (SyntaxError, IndexError, TypeError, struct.error):  # as Pillow: it may still be another format
            continue
    if is_heic(data):
        return open_heic(data, name)
    raise UnidentifiedImageError
