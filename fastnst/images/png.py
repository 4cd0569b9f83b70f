"""Write PNG files of 16 bits a channel, which Pillow does not, and large ones of 8, which Pillow would copy first.

Source: PNG (Third Edition), W3C 2025, sections 9 to 11.
"""

import struct
import zlib
from collections.abc import Sequence
from typing import BinaryIO

import numpy as np

from fastnst.images.bands import bands
from fastnst.images.salvage import SIGNATURE, chunk

LEVEL = 4
"""Of compression, as for files of 8 bits."""

RGB, RGBA = 2, 6
SUB, UP = 1, 2
"""Filters: the difference from the pixel to the left, or from that above."""


def write_png(
    file: BinaryIO, values: np.ndarray, alpha: np.ndarray | None, before: Sequence[tuple[bytes, bytes]]
) -> None:
    """Write a picture.

    Args:
        file: Where to.
        values: ``(H, W, 3)``, uint8 or uint16.
        alpha: ``(H, W)`` of the same type, if any.
        before: Further chunks, kind and content, that stand before the pixels.
    """
    height, width = values.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8 * values.itemsize, RGB if alpha is None else RGBA, 0, 0, 0)
    file.write(SIGNATURE + chunk(b"IHDR", header) + b"".join(chunk(kind, body) for kind, body in before))
    pack, above = zlib.compressobj(LEVEL), None
    for rows in bands(height, width):
        part = values[rows] if alpha is None else np.dstack([values[rows], alpha[rows]])
        stored = part.astype(part.dtype.newbyteorder(">")).reshape(len(part), -1).view(np.uint8)
        above = np.zeros((1, stored.shape[1]), np.uint8) if above is None else above
        if packed := pack.compress(_filtered(stored, above, part.itemsize * part.shape[2]).tobytes()):
            file.write(chunk(b"IDAT", packed))
        above = stored[-1:]
    file.write(chunk(b"IDAT", pack.flush()) + chunk(b"IEND", b""))


def _filtered(rows: np.ndarray, above: np.ndarray, pixel: int) -> np.ndarray:
    """Return each row behind its filter, the one whose differences are smaller; ``pixel`` is the bytes of one."""
    up = rows - np.concatenate([above, rows[:-1]])
    sub = rows.copy()
    sub[:, pixel:] -= rows[:, :-pixel]
    upper = _size(up) <= _size(sub)
    kinds = np.where(upper, UP, SUB).astype(np.uint8)[:, None]
    return np.concatenate([kinds, np.where(upper[:, None], up, sub)], 1)


def _size(differences: np.ndarray) -> np.ndarray:
    return np.abs(differences.view(np.int8).astype(np.int16)).sum(1, dtype=np.int64)


def text(key: str, value: str) -> tuple[bytes, bytes]:
    """Return a chunk of text, as UTF-8."""
    return b"iTXt", key.encode() + b"\0\0\0\0\0" + value.encode()


def profile_chunk(profile: bytes) -> tuple[bytes, bytes]:
    """Return the chunk of an ICC profile."""
    return b"iCCP", b"ICC Profile\0\0" + zlib.compress(profile)
