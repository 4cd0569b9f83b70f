"""How much of the pixel grid a picture shows: the mesh that networks and loss networks leave in flat areas."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from fastnst.images.color import luma

PERIODS = (2, 4, 8)
"""Pixels after which a mesh repeats: what one, two and three halvings leave."""

PATCH = 64
"""Side of the patches whose spectra are taken, pixels; they overlap by half."""

FLAT_SHARE = 8
"""Of the patches one in so many is looked at: the flattest."""

LEAST_PATCHES = 4

NEAR, FAR = 2, 5
"""Frequencies that count as neighbors are farther away than the one and not farther than the other, in steps of 1/64
per pixel; what is nearer belongs to the frequency itself, as a window spreads it."""

ROUNDING = 1 / (12 * 255**2)
"""Variance of the error of 8-bit values: less than that is seen by nobody."""


def lattice(image: Tensor, photo: Tensor | None = None) -> float:
    """Return how much of the pixel grid shows in the flat areas of a picture, the worst of :func:`lattice_by_period`.

    Noise and photographs have 1 to 5, a photograph saved as a JPEG of much compression up to 8; 20 and more are a mesh.
    """
    return max(lattice_by_period(image, photo).values())


def lattice_by_period(image: Tensor, photo: Tensor | None = None) -> dict[int, float]:
    """Compare the power that repeats every 2, 4 or 8 pixels with that of the frequencies around.

    Spectra of the brightness are taken of windowed patches. At each frequency that is a multiple of one over the
    period, along either axis or both, the power is divided by the geometric mean of its neighbors'; the figure of a
    frequency is the median over the flattest patches, and that of a period is its worst frequency's.

    Args:
        image: ``(1, 3, H, W)``, RGB in [0, 1], at least 64 px high and wide, at the size at which it was painted.
        photo: What was painted, of the same size, to find flat areas in; by default the picture is searched itself, for
            areas whose mean over 8 x 8 pixels changes little.

    Returns:
        The figure by the period in pixels; around 1 where there is no mesh.

    Raises:
        ValueError: The picture is too small, or the photograph has another size.
    """
    if min(image.shape[-2:]) < PATCH:
        raise ValueError(f"image is {image.shape[-2]}x{image.shape[-1]}, but patches of {PATCH} pixels are looked at")
    if photo is not None and photo.shape[-2:] != image.shape[-2:]:
        raise ValueError(f"image is {tuple(image.shape[-2:])}, but its photograph {tuple(photo.shape[-2:])}")
    patches = _patches(image)
    changes = _blocks(patches).var((1, 2)) if photo is None else _patches(photo).var((1, 2))
    flattest = changes.argsort()[: max(LEAST_PATCHES, len(patches) // FLAT_SHARE)]
    figures = _prominence(patches[flattest]).median(0).values  # (PATCH, PATCH)
    return {period: max(float(figures[place]) for place in _places(period)) for period in PERIODS}


def _patches(image: Tensor) -> Tensor:
    """Cut the brightness of ``(1, 3, H, W)`` into ``(N, PATCH, PATCH)``."""
    brightness = luma(image.float())[0, 0]
    return brightness.unfold(0, PATCH, PATCH // 2).unfold(1, PATCH, PATCH // 2).flatten(0, 1)


def _blocks(patches: Tensor) -> Tensor:
    """Average over the longest period, which leaves nothing of any mesh."""
    return F.avg_pool2d(patches[:, None], max(PERIODS))[:, 0]


def _prominence(patches: Tensor) -> Tensor:
    """Return by how much the power at each frequency exceeds that around it, ``(N, PATCH, PATCH)``."""
    window = torch.hann_window(PATCH, device=patches.device)
    window = window[:, None] * window
    level = (patches * window).sum((1, 2), keepdim=True) / window.sum()
    power = torch.fft.fft2((patches - level) * window).abs().square() + ROUNDING * window.square().sum()
    ring = torch.ones(1, 1, 2 * FAR + 1, 2 * FAR + 1, device=patches.device)
    ring[..., FAR - NEAR : FAR + NEAR + 1, FAR - NEAR : FAR + NEAR + 1] = 0
    around = F.conv2d(F.pad(power.log()[:, None], [FAR] * 4, mode="circular"), ring / ring.sum())[:, 0]
    return power / around.exp()


def _places(period: int) -> list[tuple[int, int]]:
    """List the frequencies of a spectrum that repeat after this many pixels and not after fewer."""
    grid = range(0, PATCH, PATCH // max(PERIODS))
    return [(row, column) for row in grid for column in grid if PATCH // math.gcd(row, column, PATCH) == period]
