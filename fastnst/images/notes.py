"""What fastnst notes in a picture: plain data that says how it was made."""

import json
from typing import Any

from PIL import ExifTags, Image, PngImagePlugin

from fastnst.images.decode import Source, decode

NOTE = "fastnst"
"""Key of the note in a PNG's text, and of the version in the note itself."""


def read_note(source: Source) -> dict[str, Any] | None:
    """Return what :func:`write_image` noted in a picture, or nothing.

    Args:
        source: A path, the bytes of a file, or an open binary file.

    Raises:
        ImageError: Not a picture, as :func:`open_image`.
    """
    image = decode(source)
    text = image.info.get(NOTE) or str(image.getexif().get(ExifTags.Base.ImageDescription, ""))
    try:
        note = json.loads(text)
    except ValueError:
        return None
    return note if isinstance(note, dict) and NOTE in note else None


def noted(fmt: str, note: dict[str, Any]) -> dict[str, Any]:
    """Return the options that make Pillow write a note: a chunk of a PNG, the description of EXIF elsewhere."""
    if fmt == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add_text(NOTE, json.dumps(note))
        return {"pnginfo": chunks}
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = json.dumps(note)
    return {"exif": exif}
