"""What fastnst notes in a picture: plain data that says how it was made."""

import json
import sys
from typing import Any

from PIL import ExifTags

from fastnst.images.decode import Source, identify, label, read_bytes, reported
from fastnst.images.metadata import comment

NOTE = "fastnst"
"""Key of the note in a PNG's text, and of the version in the note itself."""


def read_note(source: Source) -> dict[str, Any] | None:
    """Return what :func:`write_image` noted in a picture, or nothing.

    Args:
        source: A path, the bytes of a file, or an open binary file.

    Raises:
        ImageError: Not a picture, as :func:`open_image`.
    """
    name = label(source)
    with reported(name):
        image = identify(read_bytes(source, name), name, sys.maxsize)
        found = [image.info.get(NOTE), image.info.get("comment")]
        if not found[0] and image.format != "PNG":  # of a PNG, Pillow would decode all pixels to look for more
            exif = image.getexif()
            found += [exif.get(ExifTags.Base.ImageDescription), comment(exif)]
    notes = (_note(text) for text in found if text)
    return next((note for note in notes if note is not None), None)


def _note(text: str | bytes) -> dict[str, Any] | None:
    """Return what a text says, if it is a note."""
    try:
        note = json.loads(text)
    except (ValueError, TypeError, RecursionError):  # a comment of anything
        return None
    return note if isinstance(note, dict) and NOTE in note else None
