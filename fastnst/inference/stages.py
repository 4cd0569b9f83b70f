"""The three stages of a picture, each a plain function: decode, paint, encode."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastnst.atomic import WriteError, naming
from fastnst.errors import first_line
from fastnst.images import MOVING, Picture, check_output, read_pictures, write_pictures
from fastnst.images.decode import Source, picture_size
from fastnst.images.picture import REMEDY
from fastnst.inference.job import StylizeJob
from fastnst.inference.picture import Painter


def size_up(source: Source, target: Path, job: StylizeJob) -> int:
    """Count the pixels of a picture, or of all frames of an animation, as far as they go into the target.

    Raises:
        ImageError: It is too large, or no picture; the message begins with its name.
    """
    width, height, frames = picture_size(source, job.max_pixels, REMEDY)
    return width * height * (frames if check_output(target) in MOVING else 1)


def decode(source: Source, fmt: str, job: StylizeJob, name: str | None = None) -> list[Picture]:
    """Read a picture, or what a format can hold of an animation.

    Raises:
        ImageError: It cannot be read; the message begins with its name.
    """
    still = fmt not in MOVING
    return read_pictures(source, name, still=still, salvage=job.salvage, max_pixels=job.max_pixels)


def paint(painter: Painter, pictures: Sequence[Picture]) -> list[Picture]:
    """Paint what was read.

    Raises:
        FloatingPointError: The network returned values that are not finite.
    """
    return painter(pictures)


def encode(pictures: Sequence[Picture], target: Path, made: dict[str, Any], job: StylizeJob) -> None:
    """Write what was painted, complete or not at all, with a note of how it was made.

    Raises:
        WriteError: It cannot be written; the message begins with the target's name.
    """
    try:
        with naming(target):
            write_pictures(pictures, target, made, keep_metadata=job.keep_metadata)
    except ValueError as error:  # larger than the format allows
        raise WriteError(f"{target}: cannot be written ({first_line(error)})") from error
