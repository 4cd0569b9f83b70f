"""Photographs: where they come from and how they are served."""

from fastnst.data.module import ImageDataModule
from fastnst.data.sources import open_photos

__all__ = ["ImageDataModule", "open_photos"]
