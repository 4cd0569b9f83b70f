"""EXIF and XMP: what goes from a photograph to its painting."""

import logging
import re
import struct

from PIL import ExifTags, Image

log = logging.getLogger(__name__)

Tag = ExifTags.Base
EXIF, GPS, INTEROP = ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo, ExifTags.IFD.Interop

DESCRIPTIVE = frozenset(
    {
        *(Tag.ImageDescription, Tag.Make, Tag.Model, Tag.Orientation, Tag.Software, Tag.DateTime, Tag.Artist),
        *(Tag.HostComputer, Tag.Copyright, Tag.Rating, Tag.RatingPercent, Tag.XResolution, Tag.YResolution),
        *(Tag.ResolutionUnit, Tag.XPTitle, Tag.XPComment, Tag.XPAuthor, Tag.XPKeywords, Tag.XPSubject),
    }
)
"""Of the first directory; the others tell how the pixels were stored. A thumbnail is in a directory of its own."""

PRIVATE = frozenset({Tag.MakerNote})
"""Goes with the place only: it is in no known format, and may hold one."""

Broken = (OSError, ValueError, SyntaxError, TypeError, KeyError, EOFError, AttributeError, struct.error, Warning)
"""What a broken EXIF block raises in Pillow."""


def read_exif(image: Image.Image) -> bytes | None:
    """Return the EXIF of a decoded image, less what is wrong of its painting; nothing if broken."""
    try:
        found, kept = image.getexif(), Image.Exif()
        kept.update({tag: value for tag, value in found.items() if tag in DESCRIPTIVE and tag != Tag.Orientation})
        for directory in (EXIF, GPS):
            if values := dict(found.get_ifd(directory)):
                values.pop(INTEROP, None)
                kept[directory] = values
        return kept.tobytes() if len(kept) else None
    except Broken:
        return None


def read_xmp(image: Image.Image) -> bytes | None:
    """Return the XMP of an image, of which an orientation is the upright one."""
    xmp = image.info.get("xmp")
    if not xmp:
        return None
    data = xmp.encode() if isinstance(xmp, str) else bytes(xmp)
    return re.sub(rb'(tiff:Orientation(?:="|>))[0-9]', rb"\g<1>1", data).rstrip(b"\0")


def make_exif(exif: bytes | None, height: int, width: int, place: bool, note: str | None) -> Image.Exif | None:
    """Make the EXIF of a painting.

    Args:
        exif: That of the photograph, from :func:`read_exif`.
        height: Of the painting, pixels.
        width: Of the painting, pixels.
        place: Keep where it was taken, and what the camera's maker noted.
        note: Text for the description; for the comment where the photograph has a description of its own.

    Returns:
        Nothing where there is nothing to say.
    """
    made = _cleaned(exif, height, width, place) if exif else Image.Exif()
    if exif:
        made[Tag.Orientation] = 1
    if note is not None:
        if Tag.ImageDescription in made:
            made[EXIF] = {**made.get(EXIF, {}), Tag.UserComment: b"ASCII\0\0\0" + note.encode()}
        else:
            made[Tag.ImageDescription] = note
    return made if len(made) else None


def _cleaned(exif: bytes, height: int, width: int, place: bool) -> Image.Exif:
    found, made = Image.Exif(), Image.Exif()
    try:
        found.load(exif)
        directories = {tag: dict(found.get_ifd(tag)) for tag in (EXIF, GPS)}
        made.update({tag: value for tag, value in found.items() if tag in DESCRIPTIVE})
    except Broken:
        return Image.Exif()
    details = {tag: value for tag, value in directories[EXIF].items() if place or tag not in PRIVATE}
    if Tag.ExifImageWidth in details:
        details |= {Tag.ExifImageWidth: width, Tag.ExifImageHeight: height}
    if details:
        made[EXIF] = details
    if place and directories[GPS]:
        made[GPS] = directories[GPS]
    return made


def comment(exif: Image.Exif) -> str:
    """Return the text of the EXIF comment."""
    value = exif.get_ifd(EXIF).get(Tag.UserComment, b"")
    return value[8:].decode(errors="replace") if isinstance(value, bytes) else str(value)
