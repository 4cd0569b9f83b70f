"""Fast neural style transfer: train a network on one painting, paint any photograph, compare with the optimizer."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from fastnst.inference import Stylizer, load

__all__ = ["Stylizer", "__version__", "load"]


def __getattr__(name: str) -> Any:
    """Import the stylizer, and with it torch, on first use."""
    if name in ("Stylizer", "load"):
        from fastnst import inference

        return getattr(inference, name)
    raise AttributeError(f"module 'fastnst' has no attribute {name!r}")
