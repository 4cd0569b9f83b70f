"""Sizes: resize without aliasing, pad so that a network fits."""

import torch.nn.functional as F
from torch import Tensor


def resize(image: Tensor, height: int, width: int) -> Tensor:
    """Resize ``(B, 3, H, W)`` with antialiasing; stays within the range of the input."""
    if image.shape[-2:] == (height, width):
        return image
    low, high = image.amin(), image.amax()
    resized = F.interpolate(image, (height, width), mode="bicubic", antialias=True, align_corners=False)
    return resized.clamp(low, high)  # bicubic overshoots at edges


def fit(image: Tensor, *, shorter: int | None = None, longer: int | None = None) -> Tensor:
    """Resize so that the shorter or the longer side has the given number of pixels; the aspect ratio stays."""
    height, width = image.shape[-2:]
    if (shorter is None) == (longer is None):
        raise ValueError("give either shorter or longer")
    scale = shorter / min(height, width) if shorter is not None else (longer or 0) / max(height, width)
    return resize(image, max(1, round(height * scale)), max(1, round(width * scale)))


def pad_to(image: Tensor, multiple: int, least: int) -> Tensor:
    """Extend right and bottom until both sides are multiples of ``multiple`` and at least ``least``.

    Mirrors the picture as far as it goes (a mirror of ``n`` pixels holds ``n - 1`` new ones) and repeats its last
    row or column beyond.
    """
    height, width = image.shape[-2:]
    bottom, right = (_missing(side, multiple, least) for side in (height, width))
    mirrored = (0, min(right, width - 1), 0, min(bottom, height - 1))
    rest = (0, right - mirrored[1], 0, bottom - mirrored[3])
    if any(mirrored):
        image = F.pad(image, mirrored, mode="reflect")
    if any(rest):
        image = F.pad(image, rest, mode="replicate")
    return image


def _missing(side: int, multiple: int, least: int) -> int:
    wanted = max(side, least)
    return -(-wanted // multiple) * multiple - side


def cover(image: Tensor, height: int, width: int) -> Tensor:
    """Resize until ``height`` x ``width`` is covered, and cut the middle out; the aspect ratio stays."""
    scale = max(height / image.shape[2], width / image.shape[3])
    scaled = resize(image, max(height, round(image.shape[2] * scale)), max(width, round(image.shape[3] * scale)))
    top, left = (scaled.shape[2] - height) // 2, (scaled.shape[3] - width) // 2
    return scaled[..., top : top + height, left : left + width].contiguous()


def feather(mask: Tensor, share: float = 0.01) -> Tensor:
    """Soften the edges of a mask ``(1, 1, H, W)``: the average over a square of ``share`` of its longer side, twice."""
    radius = round(share * max(mask.shape[2:]) / 2)
    for _ in range(2):
        mask = F.avg_pool2d(mask, 2 * radius + 1, stride=1, padding=radius, count_include_pad=False)
    return mask
