"""Bundled with fastnst: trained styles, configs, and sample pictures (:mod:`fastnst.assets.samples`)."""

from fastnst.assets.bundled import (
    SHARED,
    configs,
    find_config,
    find_style,
    license_of,
    shared_network,
    starts,
    style_path,
    styles,
)
from fastnst.assets.settings import read_config

__all__ = [
    "SHARED",
    "configs",
    "find_config",
    "find_style",
    "license_of",
    "read_config",
    "shared_network",
    "starts",
    "style_path",
    "styles",
]
