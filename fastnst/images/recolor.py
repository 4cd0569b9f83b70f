"""Give a painting the colors of its photograph, of any size, in 8 or 16 bits; some rows at a time."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from fastnst.images.bands import bands
from fastnst.images.color import closest_map, luma, with_luma
from fastnst.images.room import room_like

Color = Literal["style", "content"]
"""Whose colors a painting has."""

ColorMethod = Literal["luminance", "covariance", "histogram"]
"""How it has those of the photograph; see :func:`keep_colors`."""


def keep_colors(painted: np.ndarray, photo: np.ndarray, method: ColorMethod) -> np.ndarray:
    """Return a painting in the colors of its photograph.

    Args:
        painted: ``(H, W, 3)``, uint8 or uint16.
        photo: Of the same size and type.
        method: ``luminance`` takes the brightness of the painting and everything else of the photograph, pixel by
            pixel; ``covariance`` and ``histogram`` give the painting the distribution that the photograph's colors
            have, by one affine map or by one curve per channel.
    """
    if method == "luminance":
        return _by_rows(painted, lambda rows: with_luma(_tensor(photo[rows]), luma(_tensor(painted[rows]))))
    if method == "covariance":
        change, shift = closest_map(*_moments(painted), *_moments(photo))
        return _by_rows(painted, lambda rows: _mapped(_tensor(painted[rows]), change, shift))
    return _match_histograms(painted, photo)


def _by_rows(values: np.ndarray, compute: Callable[[slice], Tensor]) -> np.ndarray:
    """Compute rows as ``(1, 3, h, W)`` in [0, 1], and return all of them in the type of ``values``."""
    top, result = np.iinfo(values.dtype).max, room_like(values)
    for rows in bands(*values.shape[:2]):
        result[rows] = (compute(rows)[0].permute(1, 2, 0).clamp(0, 1) * top).round().numpy()
    return result


def _tensor(rows: np.ndarray) -> Tensor:
    top = float(np.iinfo(rows.dtype).max)
    return torch.from_numpy(rows.astype(np.float32) / top).permute(2, 0, 1)[None]


def _mapped(image: Tensor, change: Tensor, shift: Tensor) -> Tensor:
    pixels = change.float() @ image[0].flatten(1) + shift.float()
    return pixels.view_as(image)


def _moments(values: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return mean ``(3, 1)`` and covariance ``(3, 3)`` of all pixels, in [0, 1]."""
    total, products = torch.zeros(3, 1, dtype=torch.float64), torch.zeros(3, 3, dtype=torch.float64)
    for rows in bands(*values.shape[:2]):
        pixels = _tensor(values[rows])[0].flatten(1).double()
        total += pixels.sum(1, keepdim=True)
        products += pixels @ pixels.mT
    count = values.shape[0] * values.shape[1]
    mean = total / count
    return mean, products / count - mean @ mean.mT


def _match_histograms(painted: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """Move each value to the photograph's value of the same rank; equal values stay equal."""
    result = room_like(painted)
    for channel in range(3):
        given, wanted = (_histogram(values[..., channel]) for values in (painted, photo))
        ranks = np.cumsum(given) - given / 2  # of the middle of those that have a value
        levels = np.flatnonzero(wanted)
        goals = np.cumsum(wanted)[levels] - wanted[levels] / 2
        table = np.interp(ranks * (wanted.sum() / given.sum()), goals, levels).round().astype(painted.dtype)
        result[..., channel] = table[painted[..., channel]]
    return result


def _histogram(values: np.ndarray) -> np.ndarray:
    counts = np.zeros(np.iinfo(values.dtype).max + 1)
    for rows in bands(*values.shape):
        counts += np.bincount(values[rows].ravel(), minlength=len(counts))
    return counts
