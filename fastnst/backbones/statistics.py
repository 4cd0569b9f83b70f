"""A style picture in numbers, for the predictor of style codes."""

import torch
from torch import Tensor

from fastnst.backbones._extractor import FeatureExtractor

STATISTICS_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


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
