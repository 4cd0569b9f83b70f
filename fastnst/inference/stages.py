"""The three stages of a picture, each a plain function: decode, paint, encode."""

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from fastnst.atomic import WriteError, naming
from fastnst.errors import first_line
from fastnst.images import MOVING, ImageError, Picture, check_output, encode_pictures, read_pictures, write_pictures
from fastnst.images.decode import Source, picture_size
from fastnst.images.picture import REMEDY
from fastnst.inference.job import StylizeJob
from fastnst.inference.picture import Painter
from fastnst.remote import Place, Remote


def fetch(source: Place) -> Source:
    """Return what a picture is read from: its path, or its bytes from elsewhere.

    Raises:
        ImageError: It cannot be had; the message begins with its name.
    """
    if not isinstance(source, Remote):
        return source
    try:
        return source.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{source}: no such file") from None
    except OSError as error:
        raise ImageError(str(error)) from error


def size_up(source: Source, target: Place, job: StylizeJob, name: str | None = None) -> int:
    """Count the pixels of a picture, or of all frames of an animation, as far as they go into the target.

    Where it is painted larger than it is, those of the painting.

    Raises:
        ImageError: It is too large, or no picture; the message begins with its name.
    """
    width, height, frames = picture_size(source, job.max_pixels, REMEDY, name)
    scale = (job.size / max(width, height) if job.size else 1.0) / min(1.0, job.stroke)
    return round(width * height * max(1.0, scale) ** 2) * (frames if check_output(target) in MOVING else 1)


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


def encode(pictures: Sequence[Picture], target: Place, made: dict[str, Any], job: StylizeJob) -> str:
    """Write what was painted, complete or not at all, with a note of how it was made; return its SHA-256.

    Raises:
        WriteError: It cannot be written; the message begins with the target's name.
    """
    if isinstance(target, Remote):
        data = encode_bytes(pictures, target, made, job)
        target.write_bytes(data)
        return hashlib.sha256(data).hexdigest()
    with _encoding(target), naming(target):
        write_pictures(pictures, target, made, keep_metadata=job.keep_metadata)
    with naming(target), target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def encode_bytes(pictures: Sequence[Picture], target: Place, made: dict[str, Any], job: StylizeJob) -> bytes:
    """Return the file that was painted, in the format of the target's name; the rest as :func:`encode`."""
    data, name = io.BytesIO(), str(target)
    with _encoding(target):
        encode_pictures(data, pictures, check_output(target), made, keep_metadata=job.keep_metadata, name=name)
    return data.getvalue()


@contextmanager
def _encoding(target: Place) -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # larger than the format allows
        raise WriteError(f"{target}: cannot be written ({first_line(error)})") from error
