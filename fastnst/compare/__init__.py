"""Fast networks and the slow optimizer, judged by the same objective on the same page.

Source: Johnson, Alahi, Fei-Fei. Perceptual Losses for Real-Time Style Transfer. ECCV 2016, section 4.1.
"""

from fastnst.compare.judge import Judge, Verdict
from fastnst.compare.page import write_report
from fastnst.compare.race import Case, Point, race
from fastnst.compare.summary import summarize

__all__ = ["Case", "Judge", "Point", "Verdict", "race", "summarize", "write_report"]
