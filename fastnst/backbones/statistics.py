"""A style picture in numbers, for the predictor of style codes."""

import torch
from torch import Tensor

from fastnst.backbones._extractor import FeatureExtractor
from fastnst.backbones._weights import build_backbone
from fastnst.images import fit

STATISTICS_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")

STYLE_SIZE = 384
"""Shorter side of a style picture when its statistics are taken, pixels."""

LONGEST = 4
"""Of a style picture this many times as long as wide, the middle is looked at."""


class StyleStatistics:
    """Take of any style picture what a predictor of codes sees: :func:`picture_statistics` at one size.

    Args:
        device: Where to compute.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.backbone = build_backbone("compact", STATISTICS_LAYERS).to(self.device)

    def __call__(self, picture: Tensor) -> Tensor:
        """Return ``(1, M)`` for ``(1, 3, H, W)``, RGB in [0, 1], of any size."""
        pixels = fit(_middle(picture), shorter=STYLE_SIZE)
        return picture_statistics(self.backbone, pixels.to(self.device))


@torch.no_grad()
def picture_statistics(backbone: FeatureExtractor, pictures: Tensor) -> Tensor:
    """Return mean and deviation of every channel of relu1_1 to relu4_1, as ``(B, M)`` in float32.

    Args:
        backbone: As deep as :data:`STATISTICS_LAYERS`, e.g. ``build_backbone("compact", STATISTICS_LAYERS)``.
        pictures: ``(B, 3, H, W)``, RGB in [0, 1].
    """
    features = backbone(pictures, STATISTICS_LAYERS)
    moments = [torch.var_mean(features[layer].float(), (2, 3), correction=0) for layer in STATISTICS_LAYERS]
    return torch.cat([part for variance, mean in moments for part in (mean, variance.sqrt())], dim=1)


def _middle(image: Tensor) -> Tensor:
    """Cut the ends off a long strip."""
    most = LONGEST * min(image.shape[2:])
    top, left = (max(0, side - most) // 2 for side in image.shape[2:])
    return image[..., top : top + most, left : left + most]
