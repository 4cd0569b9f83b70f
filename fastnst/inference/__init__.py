"""Apply trained networks to pictures; needs neither Lightning, nor datasets, nor the losses."""

from fastnst.inference.stylizer import Precision, Stylizer, load

__all__ = ["Precision", "Stylizer", "load"]
