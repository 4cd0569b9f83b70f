"""Bundled with fastnst: trained styles, configs, and sample pictures (:mod:`fastnst.assets.samples`)."""

from fastnst.assets.bundled import configs, find_config, find_style, style_path, styles

__all__ = ["configs", "find_config", "find_style", "style_path", "styles"]
