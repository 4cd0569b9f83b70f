"""The three stages of a picture, each a plain function: decode, paint, encode."""

from pathlib import Path
from typing import Any

from PIL import Image

from fastnst.atomic import WriteError, naming
from fastnst.errors import first_line
from fastnst.images import open_image, write_image
from fastnst.images.decode import Source
from fastnst.inference.job import StylizeJob
from fastnst.inference.stylizer import Stylizer


def decode(source: Source, name: str | None = None) -> Image.Image:
    """Read a picture.

    Raises:
        ImageError: It cannot be read; the message begins with its name.
    """
    return open_image(source, name)


def paint(stylizer: Stylizer, picture: Image.Image, job: StylizeJob) -> Image.Image:
    """Paint what was read as a job wants it.

    Raises:
        FloatingPointError: The network returned values that are not finite.
    """
    return stylizer(picture)


def encode(picture: Image.Image, target: Path, made: dict[str, Any]) -> None:
    """Write what was painted, complete or not at all, with a note of how it was made.

    Raises:
        WriteError: It cannot be written; the message begins with the target's name.
    """
    try:
        with naming(target):
            write_image(picture, target, made)
    except ValueError as error:  # larger than the format allows
        raise WriteError(f"{target}: cannot be written ({first_line(error)})") from error
