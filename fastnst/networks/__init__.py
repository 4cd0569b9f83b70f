"""Transformation networks, by name."""

from fastnst.networks import hrnet, johnson, lite  # noqa: F401 (they register themselves)
from fastnst.networks._base import NETWORKS, TransformationNetwork, build_network
from fastnst.networks._conditions import Statistics

__all__ = ["NETWORKS", "Statistics", "TransformationNetwork", "build_network"]
