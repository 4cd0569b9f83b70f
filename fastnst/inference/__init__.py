"""Apply trained networks to pictures; needs neither Lightning, nor datasets, nor the losses."""

from fastnst.inference.stylizer import Stylizer, load, pick_device

__all__ = ["Stylizer", "load", "pick_device"]
