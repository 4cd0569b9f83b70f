"""Paint one picture by optimizing it: slow, and the reference for everything fast.

Source: Gatys, Ecker, Bethge. Image Style Transfer Using Convolutional Neural Networks. CVPR 2016.

Called as a function, it is :func:`fastnst.api.optimize`.
"""

from fastnst.calling import make_callable
from fastnst.optimize.config import OptimizeConfig
from fastnst.optimize.objective import Style
from fastnst.optimize.painting import Painting, PaintingJob, default_loss
from fastnst.optimize.progress import OnProgress, Progress
from fastnst.optimize.run import Optimization
from fastnst.optimize.start import first_picture
from fastnst.optimize.state import RunState, load_state, save_state

__all__ = [
    "OnProgress",
    "Optimization",
    "OptimizeConfig",
    "Painting",
    "PaintingJob",
    "Progress",
    "RunState",
    "Style",
    "default_loss",
    "first_picture",
    "load_state",
    "save_state",
]

make_callable(__name__)
