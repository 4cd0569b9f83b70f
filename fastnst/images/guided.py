"""Enlarge a painted picture and give it the detail of a photograph.

Sources: He, Sun, Tang. Guided Image Filtering. ECCV 2010; He, Sun. Fast Guided Filter. arXiv:1505.00996 (coefficients
at the low resolution, applied at the full one).
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fastnst.images.color import luma
from fastnst.images.resample import BAND, resample_rows
from fastnst.images.room import room, room_like

RADIUS = 4
"""Of the windows in which painting and photograph are compared, pixels of the small picture."""

EPS = 5e-4
"""Variance of the photograph, in units of [0, 1], below which its detail is noise."""

MOST_GAIN = 1.5
"""By how much detail may be amplified."""


def guide(painted: np.ndarray, small: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """Enlarge ``painted`` to the size of ``photo`` and add the detail that only the large photograph shows.

    In every small window the painting is a linear function of the photograph's luma and a rest. The rest is enlarged as
    it is, so strokes stay; the function is applied to the large photograph, so edges become sharp again.

    Args:
        painted: ``(h, w, 3)`` of uint8 or uint16.
        small: The photograph that was painted, alike.
        photo: The photograph ``(H, W, 3)``, alike; at least as large.
    """
    white = np.iinfo(painted.dtype).max
    gain = _gain(painted, small, white)
    height, width = photo.shape[:2]
    result = room_like(photo)
    for first in range(0, height, BAND):
        rows = slice(first, min(first + BAND, height))
        large, coarse, slope = (resample_rows(values, height, width, rows) for values in (painted, small, gain))
        detail = _luma(photo[rows].astype(np.float32) - coarse)
        result[rows] = (large + slope * detail).clip(0, white).round()
    return result


def _gain(painted: np.ndarray, small: np.ndarray, white: int) -> np.ndarray:
    """Return ``(h, w, 3)``: by how much each channel of the painting changes with the photograph's luma."""
    height = small.shape[0]
    result = room(painted.shape, np.float32)
    around = 2 * RADIUS
    for first in range(0, height, BAND):
        above, last = max(0, first - around), min(first + BAND, height)
        window = slice(above, min(last + around, height))
        slopes = _slopes(_tensor(painted[window], white), luma(_tensor(small[window], white)))
        result[first:last] = slopes[0, :, first - above : last - above].permute(1, 2, 0).numpy()
    return result


def _slopes(painted: Tensor, brightness: Tensor) -> Tensor:
    mean, level = _box(brightness), _box(painted)
    covariance = _box(brightness * painted) - mean * level
    variance = (_box(brightness * brightness) - mean * mean).clamp_min(0)
    return _box(covariance / (variance + EPS)).clamp(-MOST_GAIN, MOST_GAIN)


def _box(values: Tensor) -> Tensor:
    return F.avg_pool2d(values, 2 * RADIUS + 1, 1, RADIUS, count_include_pad=False)


def _tensor(values: np.ndarray, white: int) -> Tensor:
    return torch.from_numpy(values.astype(np.float32)).permute(2, 0, 1)[None] / white


def _luma(values: np.ndarray) -> np.ndarray:
    return luma(torch.from_numpy(values).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
