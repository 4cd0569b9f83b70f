"""Budgets of work: a number of steps, a time, or whichever ends first."""

import re
from dataclasses import dataclass

from fastnst.errors import ConfigError

UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Budget:
    """How much work may be done.

    Args:
        steps: Steps at most; without a bound by default.
        seconds: Seconds at most; without a bound by default.
    """

    steps: float = float("inf")
    seconds: float = float("inf")

    def share(self, steps: float, seconds: float) -> float:
        """Return how much of the budget is used: 0 at the beginning, 1 or more when it is used up."""
        return max(steps / self.steps, seconds / self.seconds)


def parse_time(text: str) -> float:
    """Read a time such as ``90``, ``60s``, ``5m`` or ``1h`` as seconds.

    Raises:
        ConfigError: Not a time, or not above zero.
    """
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)", text.strip().lower())
    if not found or found[2] not in UNITS or not float(found[1]):
        raise ConfigError(f"time budget {text!r}: must be a time above zero, such as 60s, 5m or 1h")
    return float(found[1]) * UNITS[found[2]]
