"""Transformation networks, by name."""

from fastnst.networks import foreign, hrnet, johnson, lite, lite1, medium  # noqa: F401 (they register themselves)
from fastnst.networks._base import NETWORKS, TransformationNetwork, build_network
from fastnst.networks._conditions import Statistics
from fastnst.networks.even import are_even, even_colors, paint_even
from fastnst.networks.rebuild import rebuild
from fastnst.networks.styles import Predictor, Styles, shares

__all__ = [
    "NETWORKS",
    "Predictor",
    "Statistics",
    "Styles",
    "TransformationNetwork",
    "are_even",
    "build_network",
    "even_colors",
    "paint_even",
    "rebuild",
    "shares",
]
