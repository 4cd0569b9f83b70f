"""Frozen feature networks, by name."""

from fastnst.backbones import compact, squeezenet, vgg  # noqa: F401 (they register their members)
from fastnst.backbones._extractor import BACKBONES, DEFAULT_LAYERS, FeatureExtractor, Features, Padding, Pooling
from fastnst.backbones._weights import FOLDER_VARIABLE, build_backbone
from fastnst.backbones.statistics import STATISTICS_LAYERS, StyleStatistics, picture_statistics

__all__ = [
    "BACKBONES",
    "DEFAULT_LAYERS",
    "FOLDER_VARIABLE",
    "STATISTICS_LAYERS",
    "FeatureExtractor",
    "Features",
    "Padding",
    "Pooling",
    "StyleStatistics",
    "build_backbone",
    "picture_statistics",
]
