"""Write TIFF files of 8 and 16 bits a channel, which Pillow does of 8 only; packed, some rows at a time.

Source: TIFF 6.0, Adobe 1992; deflate and the predictor: Adobe Photoshop TIFF Technical Notes, 2002.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np
from PIL import TiffTags
from PIL.TiffImagePlugin import ImageFileDirectory_v2

STRIP = 2**20
"""Bytes of a strip before it is packed."""

START = 8
LEVEL = 4
DEFLATE, RGB, INTERLEAVED, DIFFERENCES, STRAIGHT = 8, 2, 1, 2, 2
OFFSETS, COUNTS = 273, 279


def write_tiff(file: BinaryIO, values: np.ndarray, alpha: np.ndarray | None, tags: Mapping[int, Any]) -> None:
    """Write a picture.

    Args:
        file: Where to; it can be rewound.
        values: ``(H, W, 3)``, uint8 or uint16.
        alpha: ``(H, W)`` of the same type, if any.
        tags: Further tags by number, directories as mappings.

    Raises:
        ValueError: The file would be larger than the format allows.
    """
    height, width = values.shape[:2]
    step = max(1, STRIP // (width * values.itemsize * 4))
    count = -(-height // step)
    directory = _directory(values, alpha is not None, step, tags)
    start = START + len(_with_strips(directory, [0] * count, [0] * count))
    file.write(b"II*\0" + struct.pack("<I", START) + bytes(start - START))
    offsets, sizes = [0], []
    for top in range(0, height, step):
        packed = _pack(values[top : top + step], None if alpha is None else alpha[top : top + step])
        file.write(packed)
        sizes.append(len(packed))
        offsets.append(offsets[-1] + len(packed))
    if start + offsets[-1] >= 2**32:
        raise ValueError("a TIFF of more than 4 GB cannot be written; write a .png, or a smaller picture")
    file.seek(START)
    file.write(_with_strips(directory, offsets[:-1], sizes))


def _directory(values: np.ndarray, transparent: bool, step: int, tags: Mapping[int, Any]) -> ImageFileDirectory_v2:
    height, width = values.shape[:2]
    channels = 4 if transparent else 3
    directory = ImageFileDirectory_v2(b"II*\0\0\0\0\0")
    own = {
        **{256: width, 257: height, 258: (8 * values.itemsize,) * channels, 259: DEFLATE, 262: RGB},
        **{277: channels, 278: step, 284: INTERLEAVED, 317: DIFFERENCES},
        **({338: STRAIGHT} if transparent else {}),
    }
    for tag, value in {**tags, **own}.items():
        directory[tag] = value
    return directory


def _with_strips(directory: ImageFileDirectory_v2, offsets: list[int], sizes: list[int]) -> bytes:
    """Return the directory as bytes; offsets count from its end."""
    for tag, value in ((OFFSETS, offsets), (COUNTS, sizes)):
        directory.tagtype[tag] = TiffTags.LONG
        directory[tag] = tuple(value)
    data: bytes = directory.tobytes(START)
    return data


def _pack(values: np.ndarray, alpha: np.ndarray | None) -> bytes:
    """Pack rows as differences from the pixel to the left."""
    rows = values if alpha is None else np.dstack([values, alpha])
    rows = rows.astype(rows.dtype.newbyteorder("<"))
    rows[:, 1:] -= rows[:, :-1].copy()
    return zlib.compress(rows.tobytes(), LEVEL)
