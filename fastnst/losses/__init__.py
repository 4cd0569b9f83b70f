"""Perceptual losses on the features of a frozen backbone."""

from fastnst.losses.config import LossConfig
from fastnst.losses.functional import gram, total_variation
from fastnst.losses.perceptual import PerceptualLoss
from fastnst.losses.report import LossReport, by_kind
from fastnst.losses.style import STYLE_LOSSES, GramLoss, StyleLoss
from fastnst.losses.target import Region, Target, select, stack_targets
from fastnst.losses.tiled import TiledLoss
from fastnst.losses.whole import Objective, WholeLoss

__all__ = [
    "STYLE_LOSSES",
    "GramLoss",
    "LossConfig",
    "LossReport",
    "Objective",
    "PerceptualLoss",
    "Region",
    "StyleLoss",
    "Target",
    "TiledLoss",
    "WholeLoss",
    "by_kind",
    "gram",
    "select",
    "stack_targets",
    "total_variation",
]
