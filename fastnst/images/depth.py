"""Decode pictures of 16 bits a channel, of which Pillow keeps the upper 8.

Pillow has no mode for such RGB pictures, but it can be told to take the second byte of every value in place of the
first: a picture is decoded twice, and the halves are put together.
"""

import sys
from collections.abc import Callable

import numpy as np
from PIL.ImageFile import ImageFile

from fastnst.images.errors import ImageError

NATIVE = "L" if sys.byteorder == "little" else "B"
BITS = 258
"""Tag of a TIFF: the bits of each channel."""

OTHER_BYTE = {"B": "L", "L": "B", "N": {"B": "L", "L": "B"}[NATIVE]}
"""The byte order that makes Pillow take the other byte; libtiff delivers the machine's order, N."""


def decode_deep(image: ImageFile, again: Callable[[], ImageFile], name: str) -> np.ndarray | None:
    """Return the values of a picture of 16 bits, and decode it.

    Args:
        image: Identified, not decoded; it is afterwards, in 8 bits.
        again: Identifies the same file once more.
        name: Of the file, for messages.

    Returns:
        ``(H, W, C)``, uint16, as stored: gray, gray and alpha, RGB, or RGB and alpha; nothing for other pictures.

    Raises:
        ImageError: A TIFF that keeps its channels apart, which Pillow decodes to noise.
    """
    raw = _raw_mode(image)
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        image.load()
        return _integers(np.asarray(image))[..., None]
    if getattr(image, "_planar_configuration", 1) == 2 and 16 in getattr(image, "tag_v2", {}).get(BITS, ()):
        raise ImageError(f"{name}: its 16-bit channels are stored one by one; store them interleaved")
    if ";16" not in raw or not raw.startswith(("LA;", "RGB")):
        return None
    if raw.startswith("LA;"):
        return _take(image, "RGBA").view(">u2").astype(np.uint16)
    whole = raw.replace("RGBa", "RGBA")
    lower = _take(again(), whole[:-1] + OTHER_BYTE[whole[-1]])
    values = np.empty(lower.shape, "<u2")
    halves = values.view(np.uint8).reshape(*values.shape, 2)
    halves[..., 0] = lower
    del lower
    halves[..., 1] = _take(image, whole)
    native = values.astype(np.uint16, copy=False)
    return native if raw == whole else _straight(native)


def _raw_mode(image: ImageFile) -> str:
    """Return how Pillow unpacks the values of a file."""
    args = image.tile[0].args if image.tile else ""
    return str(args[0] if isinstance(args, tuple) else args)


def _take(image: ImageFile, raw: str) -> np.ndarray:
    """Decode a file, its values unpacked in another way."""
    image.tile = [
        tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw) for tile in image.tile
    ]
    image.load()
    return np.asarray(image)


def _integers(values: np.ndarray) -> np.ndarray:
    """Scale gray values of a wider kind to 16 bits: floats by the range that they seem to be in."""
    if values.dtype.kind == "f":
        values = np.nan_to_num(values)
        top = 1.0 if values.max(initial=0) <= 1 else 255.0 if values.max() <= 255 else 65535.0
        values = (values.clip(0, top) * (65535 / top)).round()
    return values.clip(0, 65535).astype(np.uint16)


def _straight(values: np.ndarray) -> np.ndarray:
    """Undo the multiplication of colors by their alpha."""
    alpha = np.maximum(values[..., 3:], 1).astype(np.float32)
    colors = (values[..., :3] * (65535 / alpha)).round().clip(0, 65535).astype(np.uint16)
    return np.concatenate([colors, values[..., 3:]], 2)
