"""Transparency: what stands behind it, and what a network may see of it."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fastnst.images.bands import bands, enlarged_rows
from fastnst.images.room import room_like

WORKING = 2**20
"""Pixels of the largest picture in which colors are spread at full size."""


def flatten(values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay a picture ``(H, W, 3)`` with alpha ``(H, W)`` onto white, in its own type."""
    top = np.iinfo(values.dtype).max
    flat = room_like(values)
    for rows in bands(*alpha.shape):
        share = alpha[rows, :, None].astype(np.float32) / top
        flat[rows] = (values[rows] * share + top * (1 - share)).round()
    return flat


def bleed(values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Fill what is transparent with the colors around, so that no hidden color and no edge of one is painted.

    Args:
        values: ``(H, W, 3)``, uint8 or uint16.
        alpha: ``(H, W)`` of the same type.

    Returns:
        ``(H, W, 3)``, where opaque the same; all of it the same if nothing is opaque.

    Source: the pull-push algorithm of Gortler, Grzeszczuk, Szeliski, Cohen. The Lumigraph. SIGGRAPH 1996, section 3.4.
    """
    if not alpha.any():
        return values
    height, width = alpha.shape
    top = np.iinfo(values.dtype).max
    filled = _spread(*_averages(values, alpha))
    bled = room_like(values)
    for rows in bands(height, width):
        around = enlarged_rows(filled, rows, height, width)
        share = alpha[rows, :, None].astype(np.float32) / top
        bled[rows] = (values[rows] * share + (around * top) * (1 - share)).round()
    return bled


def _averages(values: np.ndarray, alpha: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return the opaque colors times alpha ``(1, 3, h, w)``, and alpha ``(1, 1, h, w)``, averaged over squares."""
    height, width = alpha.shape
    side, top = max(1, round((height * width / WORKING) ** 0.5)), float(np.iinfo(values.dtype).max)
    colors, shares = [], []
    for rows in bands(-(-height // side), width * side):
        area = slice(rows.start * side, rows.stop * side)
        share = torch.from_numpy(alpha[area].astype(np.float32) / top)[None, None]
        color = torch.from_numpy(values[area].astype(np.float32) / top).permute(2, 0, 1)[None]
        colors.append(_pool(color * share, side))
        shares.append(_pool(share, side))
    return torch.cat(colors, 2), torch.cat(shares, 2)


def _pool(image: Tensor, side: int) -> Tensor:
    """Average over squares; the last ones may stick out."""
    return F.avg_pool2d(image, side, ceil_mode=True, count_include_pad=False) if side > 1 else image


def _spread(color: Tensor, share: Tensor) -> Tensor:
    """Return ``(1, 3, h, w)`` in which what is transparent has the average of what is around, coarser and coarser.

    A coarse pixel counts as opaque as soon as a quarter of it is, so that what is nearest decides.
    """
    if max(share.shape[2:]) == 1:
        return color / share.clamp_min(1e-9)
    coarse, shared = _pool(color, 2), _pool(share, 2)
    weight = (4 * shared).clamp_max(1)
    around = _spread(coarse * (weight / shared.clamp_min(1e-9)), weight)
    return color + (1 - share) * F.interpolate(around, share.shape[2:], mode="bilinear", align_corners=False)
