"""Apply trained networks to pictures; needs neither Lightning, nor datasets, nor the losses."""

from fastnst.devices import Precision
from fastnst.inference.choice import Style
from fastnst.inference.engines import Engine
from fastnst.inference.loading import load
from fastnst.inference.picture import Layer, Painter
from fastnst.inference.stylizer import Stylizer

__all__ = ["Engine", "Layer", "Painter", "Precision", "Style", "Stylizer", "load"]
