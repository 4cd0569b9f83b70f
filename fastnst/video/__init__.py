"""Paint videos: frames in and out with their sound, steadily, and in pieces that survive an interruption.

Needs PyAV and OpenCV: ``pip install 'fastnst[video]'``.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastnst.video.clip import VideoError
    from fastnst.video.flicker import Flicker, measure_flicker
    from fastnst.video.job import VideoJob, VideoResult, run
    from fastnst.video.steady import FramePainter

__all__ = ["Flicker", "FramePainter", "VideoError", "VideoJob", "VideoResult", "measure_flicker", "run"]

_WHERE = {"VideoError": "clip", "Flicker": "flicker", "measure_flicker": "flicker", "FramePainter": "steady"}


def __getattr__(name: str) -> Any:
    """Import what is asked for, and with it torch, on first use: the command line asks what a word means before."""
    if name not in __all__:
        raise AttributeError(f"module 'fastnst.video' has no attribute {name!r}")
    return getattr(importlib.import_module(f"fastnst.video.{_WHERE.get(name, 'job')}"), name)
