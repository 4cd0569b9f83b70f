"""Paint one picture by optimizing it: slow, and the yardstick for everything fast.

Source: Gatys, Ecker, Bethge. Image Style Transfer Using Convolutional Neural Networks. CVPR 2016.
"""

from fastnst.optimize.config import OptimizeConfig
from fastnst.optimize.objective import Style
from fastnst.optimize.run import Optimization, Progress
from fastnst.optimize.start import first_picture
from fastnst.optimize.state import load_state, save_state

__all__ = ["Optimization", "OptimizeConfig", "Progress", "Style", "first_picture", "load_state", "save_state"]
