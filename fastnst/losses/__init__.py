"""Perceptual losses on the features of a frozen backbone."""

from fastnst.losses.functional import gram, total_variation
from fastnst.losses.perceptual import LossConfig, LossReport, PerceptualLoss, Target
from fastnst.losses.style import STYLE_LOSSES, GramLoss, StyleLoss

__all__ = [
    "STYLE_LOSSES",
    "GramLoss",
    "LossConfig",
    "LossReport",
    "PerceptualLoss",
    "StyleLoss",
    "Target",
    "gram",
    "total_variation",
]
