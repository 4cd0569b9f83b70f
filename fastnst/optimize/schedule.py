"""From coarse to fine: how large, and for how long."""

from collections.abc import Sequence
from dataclasses import dataclass

from fastnst.budget import Budget

SMALLEST = 128
"""Longer side, in pixels, under which there is no coarser stage."""

DECAY = 0.95
"""Steps of a stage, as a share of those of the next coarser one, which is four times cheaper."""

UNBOUNDED = 1_000_000
"""Steps to plan with where only time bounds them."""


@dataclass(frozen=True)
class Stage:
    """A size in pixels, the steps at it, and the share of the whole time that ends with it."""

    height: int
    width: int
    steps: int
    until: float


class Schedule:
    """Where a run is among its stages, and when each of them ends.

    Args:
        stages: Coarse to fine.
        budget: Of the whole run.

    Attributes:
        step: Steps taken.
        stage: Number of the present stage.
        stage_step: Steps taken in it.
        seconds: Time spent.
    """

    def __init__(self, stages: Sequence[Stage], budget: Budget) -> None:
        self.stages, self.budget = list(stages), budget
        self.step = self.stage = self.stage_step = 0
        self.seconds = 0.0

    @property
    def now(self) -> Stage:
        """The present stage."""
        return self.stages[self.stage]

    @property
    def is_last(self) -> bool:
        """Whether the present stage is the last."""
        return self.stage + 1 == len(self.stages)

    def advance(self, seconds: float) -> None:
        """Count one step, after which so much time was spent in all."""
        self.step, self.stage_step, self.seconds = self.step + 1, self.stage_step + 1, seconds

    def next_stage(self) -> None:
        """Go on to the next stage."""
        self.stage, self.stage_step = self.stage + 1, 0

    def share(self) -> float:
        """Return how much of the whole run is over, 1 at the end."""
        return min(1.0, self.budget.share(self.step, self.seconds))

    def stage_share(self) -> float:
        """Return how much of the present stage is over, 1 or more when it ends."""
        before = self.stages[self.stage - 1].until if self.stage else 0.0
        ours = Budget(self.now.steps, self.now.until - before)  # time in shares of the run's
        return ours.share(self.stage_step, self.seconds / self.budget.seconds - before)


def plan_stages(height: int, width: int, steps: float, count: int | None = None, least: int = 1) -> list[Stage]:
    """Share steps among sizes that double, coarse to fine; the last is the whole size.

    Args:
        height: Of the result, pixels.
        width: Of the result, pixels.
        steps: Of all stages together, or infinite.
        count: Of stages; as many as stay above :data:`SMALLEST` pixels by default.
        least: Shortest side that the loss can be computed of, pixels.
    """
    steps = int(min(steps, UNBOUNDED))
    sizes = [(height, width)]
    while (count is None and max(sizes[0]) >= 2 * SMALLEST) or (count is not None and len(sizes) < count):
        smaller = round(sizes[0][0] / 2), round(sizes[0][1] / 2)
        if min(smaller) < max(least, 8):
            break
        sizes.insert(0, smaller)
    sizes = sizes[-max(1, steps) :]
    weights = [DECAY**number for number in range(len(sizes))]
    shares = [weight / sum(weights) for weight in weights]
    counts = [max(1, round(steps * share)) for share in shares]
    counts[0] = max(1, steps - sum(counts[1:]))
    costs = [size[0] * size[1] * share for size, share in zip(sizes, shares, strict=True)]
    return [
        Stage(*size, number, sum(costs[: i + 1]) / sum(costs))
        for i, (size, number) in enumerate(zip(sizes, counts, strict=True))
    ]
