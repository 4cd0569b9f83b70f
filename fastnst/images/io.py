"""The one door between picture files and image tensors.

Inside fastnst an image is a float tensor ``(B, 3, H, W)``, RGB, sRGB-encoded, in [0, 1]. Everything a file can be
instead (rotated by EXIF, CMYK, 16 bit, transparent, in another color space) is settled here, once.
"""

import base64
import io
import json
import logging
import os
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from PIL import ExifTags, Image, ImageCms, ImageOps, PngImagePlugin, UnidentifiedImageError
from torch import Tensor

from fastnst.atomic import replacing
from fastnst.errors import first_line

log = logging.getLogger(__name__)

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "GIF")
"""What may be opened: formats whose decoders are fuzzed. EPS or PDF would start other programs."""

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif", ".bmp", ".tif", ".tiff", ".gif"})
WRITABLE = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
NOTE = "fastnst"
"""Key of what fastnst notes in a picture: in a PNG's text, and in the note itself."""

MAX_PIXELS = 178_000_000
"""A picture that claims more is refused before it is decoded (Pillow's own limit for an error)."""

Source = str | os.PathLike[str] | bytes | BinaryIO


class ImageError(ValueError):
    """A file cannot be used as a picture; the message names it and says why."""


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
    name = name or (str(source) if isinstance(source, str | os.PathLike) else "image data")
    try:
        data = _read(source)
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            warnings.filterwarnings("ignore", category=UserWarning)
            return to_srgb(_decode(data, name), name)
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"{name}: no such file") from None
    except IsADirectoryError:
        raise ImageError(f"{name}: is a folder, not a picture") from None
    except UnidentifiedImageError:
        raise ImageError(f"{name}: not a picture of a known format ({', '.join(FORMATS)})") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(f"{name}: more than {Image.MAX_IMAGE_PIXELS} pixels; reduce it first") from None
    except (OSError, ValueError, SyntaxError, TypeError, EOFError, OverflowError, MemoryError) as error:
        reason = "truncated" if "truncated" in str(error) else first_line(error)
        raise ImageError(f"{name}: cannot be read as a picture ({reason})") from error


def _read(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        if path.exists() and not path.is_file() and not path.is_dir():
            raise ImageError(f"{path}: is not a regular file")
        return path.read_bytes()
    return source.read()


def _decode(data: bytes, name: str) -> Image.Image:
    if not data:
        raise ImageError(f"{name}: the file is empty")
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    if image.width * image.height > MAX_PIXELS:
        raise ImageError(f"{name}: {image.width}x{image.height} is more than {MAX_PIXELS // 10**6} megapixels")
    image.load()  # verify() would accept a truncated JPEG
    if getattr(image, "n_frames", 1) > 1:
        log.warning("%s: animated; the first frame is used", name)
    return image


def to_srgb(image: Image.Image, name: str = "image") -> Image.Image:
    """Bring a PIL image of any mode to upright 8-bit RGB in sRGB."""
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
    return image


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except (OSError, ValueError, SyntaxError, TypeError, KeyError, EOFError):  # a broken EXIF block is no EXIF block
        return image


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
    """Read a picture file as ``(1, 3, H, W)``, RGB in [0, 1]; see :func:`open_image` for what is accepted."""
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


def write_image(image: Tensor | Image.Image, path: str | Path, note: dict[str, Any] | None = None) -> None:
    """Write a picture as PNG, JPEG or WebP by the extension of ``path``; complete or not at all.

    Args:
        image: A PIL image or one image tensor, RGB in [0, 1].
        path: Where to; parent folders are made.
        note: How it was made; plain data that goes into the file, for :func:`read_note`.
    """
    fmt = check_output(path)
    picture = to_pil(image) if isinstance(image, Tensor) else image
    options: dict[str, Any] = {
        "JPEG": {"quality": 95, "subsampling": 0}, "WEBP": {"quality": 95}, "PNG": {"compress_level": 4}
    }[fmt]  # fmt: skip
    if note is not None:
        options |= _noted(fmt, json.dumps(note))
    with replacing(path) as temporary:
        picture.save(temporary, format=fmt, **options)


def read_note(source: Source) -> dict[str, Any] | None:
    """Return what :func:`write_image` noted in a picture, or nothing.

    Raises:
        ImageError: Not a picture, as :func:`open_image`.
    """
    open_image(source)  # says what is wrong with it
    with Image.open(source if isinstance(source, str | os.PathLike) else io.BytesIO(_read(source))) as image:
        text = image.info.get(NOTE) or str(image.getexif().get(ExifTags.Base.ImageDescription, ""))
    try:
        note = json.loads(text)
    except ValueError:
        return None
    return note if isinstance(note, dict) and NOTE in note else None


def pack_image(image: Tensor) -> str:
    """Turn one image, RGB in [0, 1], into text that :func:`unpack_image` reads: a JPEG with all its colors."""
    data = io.BytesIO()
    to_pil(image).save(data, format="JPEG", quality=90, subsampling=0)
    return base64.b64encode(data.getvalue()).decode()


def unpack_image(text: str) -> Tensor:
    """Return ``(1, 3, H, W)``, RGB in [0, 1], from the text of :func:`pack_image`.

    Raises:
        ImageError: It is not one.
    """
    try:
        return read_image(base64.b64decode(text, validate=True))
    except ValueError as error:
        raise ImageError(f"a packed picture cannot be read ({first_line(error)})") from None


def _noted(fmt: str, text: str) -> dict[str, Any]:
    """Return the options that make Pillow write a text: a chunk of a PNG, the description of EXIF elsewhere."""
    if fmt == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_text(NOTE, text)
        return {"pnginfo": chunks}
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = text
    return {"exif": exif}
