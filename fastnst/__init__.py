"""Fast neural style transfer: train a network on one painting, paint any photograph, compare with the optimizer."""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fastnst.api import compare, optimize, train
    from fastnst.inference import Stylizer, load

__all__ = ["Stylizer", "__version__", "compare", "load", "optimize", "train"]

_ROOMS = {
    "Stylizer": "fastnst.inference",
    "load": "fastnst.inference",
    "train": "fastnst.api",
    "compare": "fastnst.compare",  # rooms themselves, which can be called: importing one would hide a function here
    "optimize": "fastnst.optimize",
}


def __getattr__(name: str) -> Any:
    """Import what does the work, and with it torch, on first use."""
    if name not in _ROOMS:
        raise AttributeError(f"module 'fastnst' has no attribute {name!r}")
    room = importlib.import_module(_ROOMS[name])
    return room if _ROOMS[name] == f"fastnst.{name}" else getattr(room, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
