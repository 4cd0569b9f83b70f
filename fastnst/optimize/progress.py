"""What a run tells of itself after every step."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fastnst.losses import LossReport


@dataclass(frozen=True)
class Progress:
    """A run after one step.

    Args:
        step: Steps taken.
        stage: Number of the stage.
        size: Height and width of the picture, pixels.
        report: The loss of the picture.
        paint: Makes the picture, when it is asked for.
        share: How much of the run is over, 1 at its end.
        seconds: Time spent.
    """

    step: int
    stage: int
    size: tuple[int, int]
    report: LossReport
    paint: Callable[[], Tensor]
    share: float
    seconds: float

    @property
    def image(self) -> Tensor:
        """The picture ``(1, 3, H, W)`` around [0, 1], of ``size``."""
        with torch.no_grad():
            return self.paint()


OnProgress = Callable[[Progress], bool | None]
"""Called after every step; returns true to stop."""
