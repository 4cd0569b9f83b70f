"""What one step draws at random: a style and a strength for each photograph, a shift."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

WEAK = 1 / 3
"""Share of the steps of a network with a table of styles that paint at random strengths; the others at full."""

MOST_SHIFT = 7
"""Pixels by which a photograph is shifted at most, for steadiness."""


@dataclass(frozen=True)
class Draw:
    """What one step draws at random.

    Args:
        index: The style of each photograph, as a row of the network's table, ``(B,)``; ``None`` for a network of one
            style.
        strength: Of each photograph's style, ``(B,)`` in [0, 1]; ``None`` paints all at full strength.
        shift: Rows and columns, each 1 to :data:`MOST_SHIFT`.
    """

    index: Tensor | None = None
    strength: Tensor | None = None
    shift: tuple[int, int] = (1, 1)

    def to(self, device: torch.device) -> "Draw":
        """Move the numbers to a device."""
        index, strength = (part if part is None else part.to(device) for part in (self.index, self.strength))
        return Draw(index, strength, self.shift)


ONE_STYLE = Draw()
"""For a network of one style."""


def draw(key: tuple[int, ...], count: int, styles: int) -> Draw:
    """Draw for one step; a function of its arguments alone, so that a resumed run goes on as it would have.

    Args:
        key: Seed, number of the step, and number of the process.
        count: B, the photographs of the step.
        styles: N, the rows of the network's table, 0 for none. A batch holds as many different ones as it can.
    """
    random = np.random.default_rng(key)
    shift = int(random.integers(1, MOST_SHIFT + 1)), int(random.integers(1, MOST_SHIFT + 1))
    if not styles:
        return Draw(shift=shift)
    index = torch.from_numpy(np.resize(random.permutation(styles), count))
    if random.random() >= WEAK:
        return Draw(index, None, shift)
    return Draw(index, torch.from_numpy(random.random(count).astype(np.float32)), shift)
