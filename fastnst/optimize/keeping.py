"""What is kept of a run: the best vector so far, and the average of the last."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from fastnst.losses import LossReport

AVERAGE = 0.9
"""Decay of the average of the last vectors."""

Evaluate = Callable[[Tensor], LossReport]


@dataclass
class Kept:
    """The best vector and the average of the last, under one objective; losses under another are not comparable.

    Args:
        average: Of the last vectors; the first one while none was added.
        count: Vectors that the average is made of.
        best: The vector of the least loss, and its report.
    """

    average: Tensor
    count: int = 0
    best: tuple[LossReport, Tensor] | None = None

    def add(self, report: LossReport, position: Tensor) -> None:
        """Take note of a vector and its report."""
        if self.best is None or report.total < self.best[0].total:
            self.best = report, position
        self.count += 1
        self.average = torch.lerp(self.average, position, max(1 - AVERAGE, 1 / self.count))

    def lowest(self, evaluate: Evaluate) -> tuple[LossReport, Tensor]:
        """Return the vector of the least loss, or the present one where none was added yet."""
        return self.best or (evaluate(self.average), self.average)

    def settled(self, evaluate: Evaluate) -> tuple[LossReport, Tensor]:
        """Return the best vector, or the average of the last if its loss is less still."""
        if self.count > 1:
            report = evaluate(self.average)
            if report.total < self.lowest(evaluate)[0].total:
                return report, self.average
        return self.lowest(evaluate)
