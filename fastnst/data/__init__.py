"""Photographs: where they come from and how they are served.

``fastnst.data.module.ImageDataModule`` serves them to a Lightning trainer; nothing else here needs Lightning.
"""

from fastnst.data.photos import center_crop, decode
from fastnst.data.sources import open_photos

__all__ = ["center_crop", "decode", "open_photos"]
