"""Steadiness without video: a painting must move with its photograph, and stay as it is under its noise."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from fastnst.training.draws import MOST_SHIFT, MOST_ZOOM, Disturbance

MULTIPLE = 8
"""Of the sides of what is painted a second time, so that no network pads it."""


def unsteadiness(paint: Callable[[Tensor], Tensor], batch: Tensor, painted: Tensor, disturbance: Disturbance) -> Tensor:
    """Return the mean squared difference of the paintings of disturbed photographs from the disturbed paintings.

    Shift and zoom move photograph and painting alike. Brightness and noise change the photograph alone: a painting that
    followed them would flicker.

    Args:
        paint: What paints.
        batch: The photographs, ``(B, 3, H, W)``, RGB in [0, 1].
        painted: Their paintings.
        disturbance: What is done to them; zero of photographs too small for it.

    Sources: Gupta, Johnson et al. Characterizing and Improving Stability in Neural Style Transfer. ICCV 2017 (what
    makes a network unsteady). ElementAI's branch stable-style of pytorch/examples (noise); the rest is ours.
    """
    height, width = (steady_side(side) for side in batch.shape[-2:])
    if min(height, width) < MULTIPLE:
        return painted.new_zeros(())
    window = Window(height, width, disturbance)
    moved = jitter(window(batch), disturbance).contiguous(memory_format=torch.channels_last)
    return (paint(moved) - window(painted)).float().square().mean()


def steady_side(side: int) -> int:
    """Return how many pixels of a side are left by every shift and every zoom, as a multiple that is never padded."""
    return math.floor((side - MOST_SHIFT - 1) * (1 - MOST_ZOOM)) // MULTIPLE * MULTIPLE


class Window:
    """Cut ``height`` x ``width`` pixels out of images, shifted and zoomed."""

    def __init__(self, height: int, width: int, disturbance: Disturbance) -> None:
        self.height, self.width, self.disturbance = height, width, disturbance

    def __call__(self, images: Tensor) -> Tensor:
        """Return the window of images ``(B, 3, H, W)``; exact without zoom."""
        (top, left), zoom = self.disturbance.shift, self.disturbance.zoom
        if zoom == 1:
            return images[..., top : top + self.height, left : left + self.width]
        grids = [
            (start + torch.arange(side, device=images.device) / zoom + 0.5) * 2 / whole - 1
            for start, side, whole in zip((top, left), (self.height, self.width), images.shape[-2:], strict=True)
        ]
        rows, columns = torch.meshgrid(*grids, indexing="ij")
        grid = torch.stack([columns, rows], -1)[None].expand(len(images), -1, -1, -1)
        mode = "bilinear" if images.device.type == "mps" else "bicubic"  # which torch before 2.13 lacks there
        return F.grid_sample(images.float(), grid, mode=mode, padding_mode="border", align_corners=False)


def jitter(images: Tensor, disturbance: Disturbance) -> Tensor:
    """Make images lighter or darker and add noise, to all of them the same; clipped to [0, 1] as by a camera."""
    random = torch.Generator(images.device).manual_seed(disturbance.seed)
    noise = torch.randn(images.shape[1:], generator=random, device=images.device, dtype=images.dtype)
    return (images * disturbance.brightness + disturbance.noise * noise).clamp(0, 1)
