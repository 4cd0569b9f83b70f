"""What one step draws at random: a style and a strength for each photograph, and how it is disturbed."""

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

WEAK = 1 / 3
"""Share of the steps of a network with a table of styles that paint at random strengths; the others at full."""

MOST_SHIFT = 7
"""Pixels by which a photograph is shifted at most, for steadiness."""

MOST_ZOOM, MOST_BRIGHTNESS, MOST_NOISE = 0.03, 0.05, 0.02
"""Shares by which its size and its brightness change at most, and the largest deviation of noise."""

ZOOMED = 1 / 2
"""Share of the steps that zoom; the others shift by whole pixels, which leaves the painting as sharp as it is."""


@dataclass(frozen=True)
class Disturbance:
    """How a photograph is changed as from one frame of a video to the next.

    Args:
        shift: Rows and columns that it loses above and on the left, each 1 to :data:`MOST_SHIFT`.
        zoom: By which it is enlarged.
        brightness: By which its values are multiplied.
        noise: Deviation of what is added to every value.
        seed: Of the noise.
    """

    shift: tuple[int, int] = (1, 1)
    zoom: float = 1.0
    brightness: float = 1.0
    noise: float = 0.0
    seed: int = 0


def disturb(random: np.random.Generator) -> Disturbance:
    """Draw a disturbance."""
    shift = int(random.integers(1, MOST_SHIFT + 1)), int(random.integers(1, MOST_SHIFT + 1))
    zoom = random.uniform(1 - MOST_ZOOM, 1 + MOST_ZOOM) if random.random() < ZOOMED else 1.0
    brightness = random.uniform(1 - MOST_BRIGHTNESS, 1 + MOST_BRIGHTNESS)
    return Disturbance(shift, zoom, brightness, random.uniform(0, MOST_NOISE), int(random.integers(2**31)))


@dataclass(frozen=True)
class Draw:
    """What one step draws at random.

    Args:
        index: The style of each photograph, as a row of the network's table, ``(B,)``; ``None`` for a network of one
            style.
        strength: Of each photograph's style, ``(B,)`` in [0, 1]; ``None`` paints all at full strength.
        disturbance: Of the photographs, for steadiness.
    """

    index: Tensor | None = None
    strength: Tensor | None = None
    disturbance: Disturbance = field(default_factory=Disturbance)

    def to(self, device: torch.device) -> "Draw":
        """Move the numbers to a device."""
        index, strength = (part if part is None else part.to(device) for part in (self.index, self.strength))
        return Draw(index, strength, self.disturbance)

    def part(self, first: int, count: int) -> "Draw":
        """Return what was drawn for some of the photographs; the disturbance is the same for all."""
        part = slice(first, first + count)
        index, strength = (drawn if drawn is None else drawn[part] for drawn in (self.index, self.strength))
        return Draw(index, strength, self.disturbance)


ONE_STYLE = Draw()
"""For a network of one style."""


def draw(key: tuple[int, ...], count: int, styles: int) -> Draw:
    """Draw for one step; a function of its arguments alone, so that a resumed run goes on as it would have.

    Args:
        key: Seed, number of the step, and a third number.
        count: B, the photographs of the step, in all its batches and processes.
        styles: N, the rows of the network's table, 0 for none. A step holds as many different ones as it can.
    """
    random = np.random.default_rng(key)
    disturbance = disturb(np.random.default_rng((*key, 1)))
    if not styles:
        return Draw(disturbance=disturbance)
    index = torch.from_numpy(np.resize(random.permutation(styles), count))
    if random.random() >= WEAK:
        return Draw(index, None, disturbance)
    return Draw(index, torch.from_numpy(random.random(count).astype(np.float32)), disturbance)
