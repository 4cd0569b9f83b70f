"""Apply trained networks to pictures; needs neither Lightning, nor datasets, nor the losses."""

from fastnst.inference.engines import Engine, Precision
from fastnst.inference.stylizer import Stylizer, load

__all__ = ["Engine", "Precision", "Stylizer", "load"]
