"""Write pictures and animations with all that belongs to them, as far as a format can hold it."""

import io
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin

from fastnst.atomic import replacing
from fastnst.images.alpha import flatten
from fastnst.images.bands import to_eight_bits
from fastnst.images.metadata import EXIF, GPS, make_exif
from fastnst.images.notes import NOTE
from fastnst.images.picture import Picture
from fastnst.images.png import profile_chunk, text, write_png
from fastnst.images.profiles import to_profile
from fastnst.images.quantize import COLORS, to_palette
from fastnst.images.strips import LARGE
from fastnst.images.tiff import write_tiff
from fastnst.remote import Place

log = logging.getLogger(__name__)

WRITABLE = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".apng": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".gif": "GIF",
}

ENCODING: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {"compress_level": 4},
    "WEBP": {"quality": 95},
    "TIFF": {},
    "GIF": {"optimize": False},
}
"""Options of Pillow for each format that is written."""

MOVING = frozenset({"PNG", "WEBP", "GIF"})
"""Formats of animations."""

DEEP = frozenset({"PNG", "TIFF"})
"""Formats of 16 bits."""

OPAQUE = frozenset({"JPEG"})

LARGEST = {"JPEG": 65500, "WEBP": 16383, "GIF": 65535}
"""Side of the largest picture of a format, pixels, where it has a limit that is reached."""

MOST_XMP = 65504
"""Bytes that a JPEG holds; longer ones are left out."""

XMP_CHUNK, XMP_TAG, PROFILE_TAG = "XML:com.adobe.xmp", 700, 34675


def check_output(path: str | Place) -> str:
    """Return the format that ``path`` asks for by its extension.

    Raises:
        ValueError: The extension is not one we write.
    """
    suffix = Path(str(path)).suffix.lower()
    if suffix not in WRITABLE:
        raise ValueError(f"{path}: cannot write {suffix or 'a file without extension'}; use {', '.join(WRITABLE)}")
    return WRITABLE[suffix]


def write_pictures(
    pictures: Sequence[Picture],
    path: str | Path,
    note: Mapping[str, Any] | None = None,
    *,
    keep_metadata: bool = False,
) -> None:
    """Write a picture, or the frames of an animation, by the extension of ``path``; complete or not at all.

    Args:
        pictures: One, or several frames of one size; of these, a format without animations gets the first.
        path: Where to; parent folders are made.
        note: How it was made; plain data that goes into the file, for :func:`read_note`.
        keep_metadata: Keep where a photograph was taken, the notes of the camera's maker, and XMP.

    Raises:
        ValueError: Another extension, or a picture that is too large for the format.
        OSError: The file cannot be written.
    """
    fmt = check_output(path)
    with replacing(path) as temporary, temporary.open("wb") as file:
        encode_pictures(file, pictures, fmt, note, keep_metadata=keep_metadata, name=str(path))


def encode_pictures(
    file: BinaryIO,
    pictures: Sequence[Picture],
    fmt: str = "PNG",
    note: Mapping[str, Any] | None = None,
    *,
    keep_metadata: bool = False,
    name: str = "picture",
) -> None:
    """Write to an open file, which can be rewound; the rest as :func:`write_pictures`."""
    if fmt not in ENCODING:
        raise ValueError(f"cannot write {fmt}; use {', '.join(ENCODING)}")
    if len(pictures) > 1 and fmt not in MOVING:
        log.warning("%s: %s holds no animation; the first frame is written", name, fmt)
    shown = pictures if fmt in MOVING else pictures[:1]
    frames = [_fitted(picture, fmt, name, deep=fmt in DEEP and len(shown) == 1) for picture in shown]
    text_of_note = None if note is None else json.dumps(note)
    if fmt == "TIFF":
        _write_tiff(file, frames[0], text_of_note, keep_metadata)
    elif frames[0].values.dtype == np.uint16 or (fmt == "PNG" and len(frames) == 1 and _is_large(frames[0])):
        _write_png(file, frames[0], text_of_note, keep_metadata)
    else:
        _save(file, frames, fmt, text_of_note, keep_metadata)


def _fitted(picture: Picture, fmt: str, name: str, deep: bool) -> Picture:
    """Make of a picture what its format can hold, in the colors of its profile."""
    height, width = picture.size
    if max(height, width) > LARGEST.get(fmt, height + width):
        raise ValueError(f"{name}: {height}x{width} is too large, {fmt} holds {LARGEST[fmt]} a side; write a .png")
    if picture.alpha is not None and fmt in OPAQUE:
        log.warning("%s: %s holds no transparency; it is flattened onto white", name, fmt)
        picture = replace(picture, values=flatten(picture.values, picture.alpha), alpha=None)
    values, alpha = picture.values, picture.alpha
    if not deep:
        values, alpha = to_eight_bits(values), None if alpha is None else to_eight_bits(alpha)
    profile = picture.profile if fmt != "GIF" else None
    converted = to_profile(values, profile) if profile else None
    if converted is None:
        return replace(picture, values=values, alpha=alpha, profile=None)
    return replace(picture, values=converted, alpha=alpha, profile=profile)


def _save(file: BinaryIO, frames: Sequence[Picture], fmt: str, note: str | None, keep_metadata: bool) -> None:
    """Write 8 bits by Pillow."""
    transparent = any(frame.alpha is not None for frame in frames)
    gif = fmt == "GIF"
    images = to_palette(frames, transparent) if gif else [_to_pil(frame, transparent) for frame in frames]
    moving = _motion(frames, fmt, images, transparent) if len(frames) > 1 else {}
    settings = ENCODING[fmt] | moving | _extras(frames[0], fmt, note, keep_metadata)
    images[0].save(file, format=fmt, save_all=len(images) > 1, **settings)


def _motion(frames: Sequence[Picture], fmt: str, images: Sequence[Image.Image], transparent: bool) -> dict[str, Any]:
    """Return what makes Pillow write an animation; a GIF counts repetitions.

    A transparent WebP is lossless: of lossy frames Pillow 13.0 forgets the alpha. Of a GIF, every frame is cleared
    before the next, or it would be seen through that.
    """
    plays = frames[0].plays
    loop = {"loop": plays} if fmt != "GIF" else {} if plays == 1 else {"loop": max(0, plays - 1)}
    durations = [round(frame.duration) if fmt == "WEBP" else frame.duration for frame in frames]
    settings: dict[str, Any] = {"append_images": images[1:], "duration": durations, **loop}
    if transparent and fmt == "GIF":
        settings |= {"disposal": 2, "transparency": COLORS}
    if transparent and fmt == "WEBP":
        settings |= {"lossless": True}
    return settings


def _extras(picture: Picture, fmt: str, note: str | None, keep_metadata: bool) -> dict[str, Any]:
    """Return profile, EXIF, XMP and note as options of Pillow."""
    if fmt == "GIF":
        return {"comment": note.encode()} if note else {}
    found: dict[str, Any] = {"icc_profile": picture.profile} if picture.profile else {}
    xmp = picture.xmp if keep_metadata else None
    if fmt == "PNG":
        chunks = PngImagePlugin.PngInfo()
        if note is not None:
            chunks.add_text(NOTE, note)
        if xmp:
            chunks.add_itxt(XMP_CHUNK, xmp.decode(errors="replace"))
        found["pnginfo"] = chunks
    elif xmp and not (fmt == "JPEG" and len(xmp) > MOST_XMP):
        found["xmp"] = xmp
    exif = _exif_bytes(picture, keep_metadata, None if fmt == "PNG" else note)
    return found | ({"exif": exif} if exif else {})


def _exif_bytes(picture: Picture, keep_metadata: bool, note: str | None) -> bytes | None:
    """Return the EXIF of a painting; that of the photograph is left out where it does not fit into a JPEG."""
    for exif in (picture.exif, None):
        made = make_exif(exif, *picture.size, keep_metadata, note)
        data = made.tobytes() if made else b""
        if len(data) < 65533:
            return data or None
    return None


def _is_large(picture: Picture) -> bool:
    height, width = picture.size
    return height * width >= LARGE


def _write_png(file: BinaryIO, picture: Picture, note: str | None, keep_metadata: bool) -> None:
    before = [profile_chunk(picture.profile)] if picture.profile else []
    if exif := _exif_bytes(picture, keep_metadata, None):
        before.append((b"eXIf", exif.removeprefix(b"Exif\0\0")))
    if note is not None:
        before.append(text(NOTE, note))
    if keep_metadata and picture.xmp:
        before.append(text(XMP_CHUNK, picture.xmp.decode(errors="replace")))
    write_png(file, picture.values, picture.alpha, before)


def _write_tiff(file: BinaryIO, picture: Picture, note: str | None, keep_metadata: bool) -> None:
    made = make_exif(picture.exif, *picture.size, keep_metadata, note)
    tags: dict[int, Any] = dict(made) if made else {}
    tags |= {ExifTags.Base.Orientation: 1} if made else {}
    tags |= {PROFILE_TAG: picture.profile} if picture.profile else {}
    tags |= {XMP_TAG: picture.xmp} if keep_metadata and picture.xmp else {}
    write_tiff(file, picture.values, picture.alpha, {t: dict(v) if t in (EXIF, GPS) else v for t, v in tags.items()})


def _to_pil(picture: Picture, transparent: bool) -> Image.Image:
    if not transparent:
        return Image.fromarray(picture.values)
    alpha = np.full(picture.size, 255, np.uint8) if picture.alpha is None else picture.alpha
    return Image.fromarray(np.dstack([picture.values, alpha]))


def encoded(pictures: Sequence[Picture], fmt: str = "PNG", note: Mapping[str, Any] | None = None) -> bytes:
    """Return the bytes of a file; as :func:`encode_pictures`."""
    data = io.BytesIO()
    encode_pictures(data, pictures, fmt, note)
    return data.getvalue()
