"""ICC profiles of RGB and gray pictures: to sRGB and back, in 8 and in 16 bits.

LittleCMS as it comes with Pillow converts 8-bit values only. A profile that consists of three curves and a matrix, as
those of cameras and displays do, is therefore applied here to 16-bit values; one of tables is not.

Source: ICC.1:2022, sections 8.3.3 (matrix and curves), 10.6 (curveType), 10.18 (parametricCurveType), 10.31 (XYZType).
"""

import io
import logging
import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

from fastnst.images.room import room, room_like

log = logging.getLogger(__name__)

ROWS = 2**22
"""Values, in three channels, that are converted at once."""

GRID = 4096
"""Points at which a curve is known; between them it is linear."""

Broken = (ImageCms.PyCMSError, OSError, ValueError, KeyError, IndexError, struct.error)
"""What a profile that cannot be used raises."""


@dataclass(frozen=True)
class Shaper:
    """A profile of curves and a matrix.

    Args:
        curves: ``(GRID, C)``; the light of each channel at evenly spaced values.
        matrix: ``(C, 3)``; the light of a channel as XYZ under D50.
    """

    curves: np.ndarray
    matrix: np.ndarray

    def table(self) -> np.ndarray:
        """Return the light at each 16-bit value, ``(65536, C)``."""
        places = np.linspace(0, 1, 65536)
        grid = np.linspace(0, 1, len(self.curves))
        return np.stack([np.interp(places, grid, curve) for curve in self.curves.T], 1).astype(np.float32)


def from_profile(values: np.ndarray, profile: bytes) -> np.ndarray | None:
    """Convert 16-bit values ``(H, W, 3)`` or gray ``(H, W, 1)`` to sRGB ``(H, W, 3)``.

    Returns:
        Nothing where the profile is one of tables, or none for so many channels.

    Raises:
        ValueError, KeyError, IndexError, struct.error: The profile is broken.
    """
    source = read_shaper(profile)
    if source is None or source.curves.shape[1] != values.shape[2]:
        return None
    return _convert(values, source, srgb())


def to_profile(values: np.ndarray, profile: bytes) -> np.ndarray | None:
    """Convert sRGB values ``(H, W, 3)``, uint8 or uint16, to a profile; nothing where it cannot be done."""
    try:
        if values.dtype == np.uint8:
            return _convert_bytes(values, profile)
        target = read_shaper(profile)
        return None if target is None or target.curves.shape[1] != 3 else _convert(values, srgb(), target)
    except Broken:
        return None


def usable(profile: bytes, deep: bool) -> bool:
    """Tell whether pictures can be converted to a profile: one for RGB, and for 16 bits of curves and a matrix."""
    try:
        return to_profile(np.zeros((1, 1, 3), np.uint16 if deep else np.uint8), profile) is not None
    except Broken:
        return False


@lru_cache(1)
def srgb() -> Shaper:
    """Return sRGB."""
    shaper = read_shaper(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert shaper is not None
    return shaper


def read_shaper(profile: bytes) -> Shaper | None:
    """Read a profile of curves and a matrix, or of a single curve for gray; nothing for one of tables."""
    model = profile[16:20]
    tags = _tags(profile)
    if model == b"GRAY":
        return Shaper(_curve(tags[b"kTRC"])[:, None], np.asarray(srgb().matrix).sum(0, keepdims=True))
    if model != b"RGB " or b"A2B0" in tags or b"rTRC" not in tags:
        return None
    curves = np.stack([_curve(tags[channel + b"TRC"]) for channel in (b"r", b"g", b"b")], 1)
    matrix = np.array([_fixed(tags[channel + b"XYZ"][8:20]) for channel in (b"r", b"g", b"b")])
    if not abs(np.linalg.det(matrix)) > 1e-6 or not (np.diff(curves, axis=0) >= 0).all():
        raise ValueError("its primaries or curves cannot be inverted")
    return Shaper(curves, matrix)


def _tags(profile: bytes) -> dict[bytes, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(min(count, 100))]
    return {name: profile[start : start + size] for name, start, size in entries}


def _curve(data: bytes) -> np.ndarray:
    """Return a curve at ``GRID`` points."""
    x = np.linspace(0, 1, GRID)
    if data[:4] == b"para":
        return _parametric(x, struct.unpack_from(">H", data, 8)[0], _fixed(data[12:]))
    if data[:4] != b"curv":
        raise ValueError("a curve of an unknown kind")
    (count,) = struct.unpack_from(">I", data, 8)
    points = np.frombuffer(data, ">u2", count, 12)
    if count <= 1:
        return x ** (points[0] / 256 if count else 1.0)
    return np.interp(x, np.linspace(0, 1, count), points / 65535)


def _parametric(x: np.ndarray, kind: int, numbers: np.ndarray) -> np.ndarray:
    gamma = numbers[0]
    a, b, c, d, e, f = {
        0: lambda: (1, 0, 0, 0, 0, 0),
        1: lambda: (*numbers[1:3], 0, -numbers[2] / numbers[1], 0, 0),
        2: lambda: (*numbers[1:3], 0, -numbers[2] / numbers[1], numbers[3], numbers[3]),
        3: lambda: (*numbers[1:5], 0, 0),
        4: lambda: tuple(numbers[1:7]),
    }[kind]()
    return np.where(x >= d, (a * x + b).clip(0) ** gamma + e, c * x + f).clip(0, 1)


def _fixed(data: bytes) -> np.ndarray:
    """Read numbers of 15 bits before and 16 behind the point."""
    return np.frombuffer(data, ">i4", len(data) // 4) / 65536


def _convert(values: np.ndarray, source: Shaper, target: Shaper) -> np.ndarray:
    table, matrix = source.table(), (source.matrix @ np.linalg.inv(target.matrix)).astype(np.float32)
    grid, converted = np.linspace(0, 65535, len(target.curves)), room((*values.shape[:2], 3), np.uint16)
    step = max(1, ROWS // (3 * values.shape[1]))
    for top in range(0, len(values), step):
        rows = values[top : top + step]
        light = np.stack([table[rows[..., i], i] for i in range(rows.shape[2])], -1) @ matrix
        for i in range(3):
            converted[top : top + step, :, i] = np.interp(light[..., i], target.curves[:, i], grid).round()
    return converted


def _convert_bytes(values: np.ndarray, profile: bytes) -> np.ndarray:
    goal = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), goal, "RGB", "RGB")
    converted, step = room_like(values), max(1, ROWS // (3 * values.shape[1]))
    for top in range(0, len(values), step):
        rows = ImageCms.applyTransform(Image.fromarray(np.ascontiguousarray(values[top : top + step])), transform)
        assert rows is not None
        converted[top : top + step] = np.asarray(rows)
    return converted
