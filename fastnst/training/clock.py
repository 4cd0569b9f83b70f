"""Which share of a run is over, by its steps or by the time it has taken."""

import math
import time
from collections.abc import Mapping

from fastnst.budget import Budget

LEAST_SHARE = 0.25
"""Part of a time budget that is trained in any case, even where preparing and validating take more than the rest."""


class Clock:
    """Measure a run against its budget.

    Everything counts that passes after :meth:`start`: steps, waiting for data, validation, saving; and what the run
    took before it was resumed.

    Args:
        budget: Steps or seconds that the run may take, or both: whichever ends first.

    Attributes:
        before: Seconds taken before a resume.
        lead: Seconds until the first step. The schedule begins there, however slow the preparation was.
        reserve: Seconds needed behind the last step, for a validation and for saving. They are set aside: a run is
            over, and its learning rate at its lowest, when only they are left.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.before = self.lead = self.reserve = 0.0
        self._began: float | None = None

    @property
    def timed(self) -> bool:
        """Whether the run may take so many seconds, and not only steps."""
        return math.isfinite(self.budget.seconds)

    def start(self) -> None:
        """Begin to count."""
        self._began = time.perf_counter()

    def seconds(self) -> float:
        """Return the time this run has taken."""
        return self.before + (time.perf_counter() - self._began if self._began is not None else 0.0)

    def begin_steps(self) -> None:
        """Note that the first step begins, or the first after a resume."""
        self.lead = self.lead or self.seconds()

    def share(self, steps: int) -> float:
        """Return which share of the run is over after so many steps, at most 1.

        It depends on nothing but the steps where there is no time budget.
        """
        training = max(self.budget.seconds - self.lead - self.reserve, LEAST_SHARE * self.budget.seconds)
        return min(1.0, Budget(self.budget.steps, training).share(steps, self.seconds() - self.lead))

    def state(self) -> dict[str, float]:
        """Return what a resumed run needs, as plain data."""
        return {"seconds": self.seconds(), "lead": self.lead, "reserve": self.reserve}

    def restore(self, state: Mapping[str, float]) -> None:
        """Go on from the :meth:`state` of the run before."""
        self.before, self.lead, self.reserve = (float(state[key]) for key in ("seconds", "lead", "reserve"))
