"""Transformation networks, by name."""

from fastnst.networks import johnson  # noqa: F401 (it registers itself)
from fastnst.networks._base import NETWORKS, TransformationNetwork, build_network

__all__ = ["NETWORKS", "TransformationNetwork", "build_network"]
