"""Train transformation networks with Lightning."""

from fastnst.training.callbacks import (
    RESUME_FILE,
    STYLE_FILE,
    KeepCheckpoints,
    Previews,
    StopGently,
    TrainingProgress,
)
from fastnst.training.checkpoint_io import AtomicCheckpointIO
from fastnst.training.module import FeedForwardModule

__all__ = [
    "RESUME_FILE",
    "STYLE_FILE",
    "AtomicCheckpointIO",
    "FeedForwardModule",
    "KeepCheckpoints",
    "Previews",
    "StopGently",
    "TrainingProgress",
]
