"""Colors: keep those of the photograph, or give one picture the colors of another.

Source: Gatys, Ecker, Bethge, Hertzmann, Shechtman. Controlling Perceptual Factors in Neural Style Transfer. CVPR 2017,
section 5.
"""

import torch
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue. Source: ITU-R BT.601."""

FLAT = 1e-5
"""Variance added to every direction of color space: gray pictures have none across the gray axis."""


def gray(image: Tensor) -> Tensor:
    """Return the luma of ``(B, 3, H, W)`` in all three channels."""
    return luma(image).expand_as(image)


def luma(image: Tensor) -> Tensor:
    """Return the brightness of ``(B, 3, H, W)`` as ``(B, 1, H, W)``."""
    return (image * image.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def with_luma(image: Tensor, brightness: Tensor) -> Tensor:
    """Give ``image`` another luma ``(B, 1, H, W)`` and leave its chroma; colors that leave [0, 1] lose saturation."""
    goal = brightness.clamp(0, 1)
    chroma = image - luma(image)
    room = torch.where(chroma > 0, (1 - goal) / chroma.clamp_min(1e-6), goal / (-chroma).clamp_min(1e-6))
    return goal + chroma * room.amin(1, keepdim=True).clamp(max=1)


def match_covariance(image: Tensor, colors: Tensor) -> Tensor:
    """Give ``image`` the mean and the covariance of the ``colors`` of another picture, by the least change.

    Args:
        image: ``(1, 3, H, W)``, RGB in [0, 1].
        colors: Of any size, RGB in [0, 1].

    Returns:
        ``image`` with an affine map of its colors, clamped to [0, 1].

    Source: the closed form of optimal transport between Gaussians (Pitie, Kokaram. The linear Monge-Kantorovitch colour
    mapping. CVMP 2007, eq. 11).
    """
    pixels, mean, covariance = _moments(image)
    _, goal, wanted = _moments(colors)
    change, shift = closest_map(mean, covariance, goal, wanted)
    return (change @ pixels + shift).to(image).view_as(image).clamp(0, 1)


def closest_map(mean: Tensor, covariance: Tensor, goal: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Return the matrix ``(3, 3)`` and the shift ``(3, 1)`` that give colors another mean and covariance.

    Args:
        mean: ``(3, 1)``, float64.
        covariance: ``(3, 3)``.
        goal: The other mean.
        wanted: The other covariance.
    """
    ridge = FLAT * torch.eye(3, dtype=mean.dtype, device=mean.device)
    covariance, wanted = covariance + ridge, wanted + ridge
    half = _power(covariance, 0.5)
    inverse = _power(covariance, -0.5)
    change = inverse @ _power(half @ wanted @ half, 0.5) @ inverse
    return change, goal - change @ mean


def match_histogram(image: Tensor, colors: Tensor) -> Tensor:
    """Give each channel of ``image`` ``(1, 3, H, W)`` the distribution of values that ``colors`` has, any size."""
    values, wanted = image.flatten(2)[0], colors.flatten(2)[0].sort(dim=1).values
    ranks = values.argsort(dim=1).argsort(dim=1).float()  # each value's place in its channel
    places = ranks * ((wanted.shape[1] - 1) / max(1, values.shape[1] - 1))
    below = places.floor().long()
    above = (below + 1).clamp_max(wanted.shape[1] - 1)
    matched = torch.lerp(wanted.gather(1, below), wanted.gather(1, above), places - below)
    return matched.view_as(image)


def _moments(image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    pixels = image[0].flatten(1).cpu().double()  # MPS has no float64
    mean = pixels.mean(1, keepdim=True)
    centered = pixels - mean
    return pixels, mean, centered @ centered.mT / pixels.shape[1]


def _power(matrix: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors * values.clamp_min(FLAT * FLAT).pow(exponent) @ vectors.mT
