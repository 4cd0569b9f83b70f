"""A picture with all that its file held: 8 or 16 bits, transparency, profile, EXIF, its time in an animation."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from fastnst.images.bands import array_of
from fastnst.images.decode import MAX_PIXELS, Source, check_size, frame_count, identify, label, read_bytes, reported
from fastnst.images.depth import decode_deep
from fastnst.images.errors import ImageError
from fastnst.images.metadata import read_exif, read_xmp
from fastnst.images.profiles import Broken, from_profile, usable
from fastnst.images.room import room, room_like
from fastnst.images.salvage import can_mend, mend
from fastnst.images.srgb import apply_profile, orientation, split
from fastnst.images.strips import STRIP, Strips, find_strips

log = logging.getLogger(__name__)

REMEDY = "reduce it first, or allow more by --max_pixels"

SALVAGE = "--salvage uses what can be decoded"

LEAST_FRAME = 4096
"""Pixels that a frame of an animation counts for at least: a smaller one takes as long."""


@dataclass(frozen=True, eq=False)
class Picture:
    """An upright picture in sRGB, and what else its file held.

    Args:
        values: ``(H, W, 3)``, uint8 or uint16, RGB in sRGB.
        alpha: ``(H, W)`` of the same type, 0 for what is transparent; nothing where all is opaque.
        profile: The ICC profile that the file had and gets again, one for RGB; sRGB by default.
        exif: As a block that begins with ``Exif``, of an upright picture.
        xmp: As XML.
        duration: Milliseconds that it is shown in an animation.
        plays: How often an animation is shown, 0 for without end.
    """

    values: np.ndarray
    alpha: np.ndarray | None = None
    profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    duration: float = 0
    plays: int = 0

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.values.shape[0], self.values.shape[1]


def read_pictures(
    source: Source,
    name: str | None = None,
    *,
    still: bool = False,
    salvage: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> list[Picture]:
    """Read a picture file with all that it holds: one picture, or the frames of an animation.

    Args:
        source: A path, the bytes of a file, or an open binary file.
        name: What to call it in messages; the path by default.
        still: Take only the first frame of an animation, with a note in the log.
        salvage: Use a broken file as far as it can be decoded: of a JPEG or PNG the upper part, of an animation the
            frames before the damage.
        max_pixels: Of the largest picture that is read, or of all frames of an animation together.

    Raises:
        ImageError: Missing, empty, broken, too large, or not a picture of an allowed format.
    """
    name = name or label(source)
    with reported(name):
        strips = find_strips(source)
        if strips and not salvage:
            check_size(*strips.size, name, max_pixels, REMEDY)
            with reported(name, SALVAGE if strips.mends else ""):
                return [_read_strips(strips, name)]
        data = read_bytes(source, name)
        image = identify(data, name, max_pixels, REMEDY)
        count = 1 if still else frame_count(image)
        if count > 1 and max(image.width * image.height, LEAST_FRAME) * count > max_pixels:
            size = f"{image.width}x{image.height} in {count} frames"
            raise ImageError(f"{name}: {size} is more than {max_pixels / 10**6:g} megapixels; {REMEDY}")
    if count > 1:
        return _read_frames(image, name, salvage)
    if still and frame_count(image) > 1:
        log.warning("%s: animated; the first frame is used", name)
    try:
        with reported(name, SALVAGE if can_mend(data) and not salvage else ""):
            return [_read(data, name, max_pixels)]
    except ImageError:
        if not salvage or not can_mend(data):
            raise
    log.warning("%s: is damaged; what can be decoded is used", name)
    with reported(name):
        return [_read(mend(data), name, max_pixels)]


def from_image(image: Image.Image) -> Picture:
    """Return a PIL image of any mode as a picture of 8 bits."""
    return _convert(image, image.info.get("icc_profile"), "image")


def _read(data: bytes, name: str, max_pixels: int) -> Picture:
    image = identify(data, name, max_pixels)
    deep = decode_deep(image, lambda: identify(data, name, max_pixels), name)
    image.load()
    profile = image.info.get("icc_profile")
    picture = _convert_deep(image, deep, profile, name) if deep is not None else None
    return picture or _convert(image, profile, name)


def _read_strips(strips: Strips, name: str) -> Picture:
    """Read a picture some rows at a time; all that is done to its values is done to each of them alone."""
    width, height = strips.size
    values: np.ndarray | None = None
    alpha: np.ndarray | None = None
    profile: bytes | None = None
    for rows, data in strips.cut(STRIP):
        part = _read(data, name, height * width)
        if values is None:
            values, profile = room((height, width, 3), part.values.dtype), part.profile
        values[rows] = part.values
        if part.alpha is not None and alpha is None:
            alpha = room((height, width), values.dtype)
            alpha[: rows.start] = np.iinfo(values.dtype).max
        if alpha is not None:
            alpha[rows] = np.iinfo(values.dtype).max if part.alpha is None else part.alpha
    assert values is not None, "a picture has rows"
    with strips.image() as image:
        turn = orientation(image)
        turned = None if alpha is None else _turn(alpha, turn)
        return Picture(_turn(values, turn), turned, profile, read_exif(image), read_xmp(image))


def _read_frames(image: Image.Image, name: str, salvage: bool) -> list[Picture]:
    """Read all frames as they are seen: each whole, whatever its file stores of it."""
    pictures: list[Picture] = []
    try:
        with reported(name, "" if salvage else "--salvage uses the frames before"):
            pictures.extend(_frames(image, name))
    except ImageError:
        if not salvage or not pictures:
            raise
        log.warning("%s: is damaged; the %d frames before are used", name, len(pictures))
    return pictures


def _frames(image: Image.Image, name: str) -> Iterator[Picture]:
    profile, plays = image.info.get("icc_profile"), _plays(image)
    for number in range(1 if image.info.get("default_image") else 0, frame_count(image)):
        image.seek(number)
        image.load()
        frame = _convert(image, profile, name)
        yield replace(frame, duration=float(image.info.get("duration") or 0), plays=plays)


def _plays(image: Image.Image) -> int:
    """Return how often an animation is shown: a GIF counts its repetitions, and is shown once where it says nothing."""
    loop = image.info.get("loop")
    if image.format == "GIF":
        return 1 if loop is None else loop + 1 if loop else 0
    return loop or 0


def _convert(image: Image.Image, profile: bytes | None, name: str) -> Picture:
    """Turn a decoded image of 8 bits into a picture."""
    color, mask = split(image)
    gray = color.mode != "RGB"
    if profile:
        color = apply_profile(color, profile, name)
    elif gray:
        color = color.convert("RGB")
    alpha = None if mask is None else array_of(mask)
    return _picture(image, array_of(color), alpha, None if gray else profile)


def _convert_deep(image: Image.Image, values: np.ndarray, profile: bytes | None, name: str) -> Picture | None:
    """Turn decoded 16-bit values into a picture; nothing where their profile works on 8 bits only."""
    count = values.shape[2]
    color, alpha = (values[..., :-1], values[..., -1]) if count in (2, 4) else (values, None)
    key = image.info.get("transparency")  # a color that means nothing
    if alpha is None and key is not None:
        alpha = np.where((color == np.asarray(key)).all(-1), 0, 65535).astype(np.uint16)
    converted = _to_srgb(color, profile, name)
    return None if converted is None else _picture(image, converted, alpha, profile if count > 2 else None)


def _to_srgb(color: np.ndarray, profile: bytes | None, name: str) -> np.ndarray | None:
    whole = np.repeat(color, 3, 2) if color.shape[2] == 1 else color
    if not profile:
        return whole
    try:
        converted = from_profile(whole if profile[16:20] == b"RGB " else color, profile)
    except Broken:
        log.warning("%s: its color profile cannot be used; taken as sRGB", name)
        return whole
    if converted is None:
        log.warning("%s: its color profile is one of tables, which is applied to 8 bits", name)
    return converted


def _picture(image: Image.Image, values: np.ndarray, alpha: np.ndarray | None, profile: bytes | None) -> Picture:
    if alpha is not None and alpha.min(initial=np.iinfo(alpha.dtype).max) == np.iinfo(alpha.dtype).max:
        alpha = None
    kept = profile if profile and usable(profile, values.dtype == np.uint16) else None
    turn = orientation(image)
    turned = None if alpha is None else _turn(alpha, turn)
    return Picture(_turn(values, turn), turned, kept, read_exif(image), read_xmp(image))


def _turn(values: np.ndarray, turn: int) -> np.ndarray:
    """Turn and mirror rows and columns as an EXIF orientation says. Source: EXIF 2.32, tag 0x0112."""
    if turn >= 5:
        values = values.swapaxes(0, 1)
    upside, mirrored = turn in (3, 4, 7, 8), turn in (2, 3, 6, 7)
    values = values[::-1] if upside else values
    values = values[:, ::-1] if mirrored else values
    if values.flags.c_contiguous:
        return values
    turned = room_like(values)
    turned[...] = values
    return turned
