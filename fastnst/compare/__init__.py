"""Fast networks and the slow optimizer, judged by the same objective on the same page.

Source: Johnson, Alahi, Fei-Fei. Perceptual Losses for Real-Time Style Transfer. ECCV 2016, section 4.1.

Called as a function, it is :func:`fastnst.api.compare`.
"""

from fastnst.calling import make_callable
from fastnst.compare.case import Case, Contest, Painted
from fastnst.compare.job import CompareJob, Comparison, run
from fastnst.compare.judge import Judge, Verdict
from fastnst.compare.page import write_report
from fastnst.compare.summary import Figures, Spread, Summary, summarize
from fastnst.compare.trajectories import Point

__all__ = [
    "Case",
    "CompareJob",
    "Comparison",
    "Contest",
    "Figures",
    "Judge",
    "Painted",
    "Point",
    "Spread",
    "Summary",
    "Verdict",
    "run",
    "summarize",
    "write_report",
]

make_callable(__name__)
