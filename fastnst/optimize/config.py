"""How to optimize a picture; plain data."""

from dataclasses import dataclass

from fastnst.budget import Budget, parse_time
from fastnst.devices import Precision
from fastnst.errors import ConfigError
from fastnst.optimize.canvas import Parameterization
from fastnst.optimize.descent import Method

STEPS, REFINING = 500, 150


@dataclass(frozen=True)
class OptimizeConfig:
    """How to optimize a picture; plain data.

    Args:
        steps: Evaluations of the loss, at all sizes together; 500 by default, 150 where a given picture is refined, or
            as many as the time budget allows.
        time_budget: Time for it, such as ``60s`` or ``5m``; shared among the sizes by their cost. With steps as well,
            whichever ends first.
        stages: Sizes, each twice the one before; 1 works at the full size only. By default as many as make sense.
        optimizer: ``lbfgs``, or ``adam``, which needs less memory; by default L-BFGS for pixels and Adam for a network.
        lr: Step size; by default 1 for L-BFGS and 0.02 for Adam (0.005 for a network).
        parameterization: What is optimized: ``pixels``, or the weights of a small network, ``hrnet``, that repaints
            this photograph: photorealistic.
        tile: Side in pixels of the tiles that the loss is computed in, for the same result in less memory; by default
            in tiles above a megapixel only, and never with ``sliced``.
        precision: ``float32`` for everything; by default and with ``bfloat16`` the backbone computes in bfloat16 for
            the first 60 % of the last stage and in all stages before, by default only where the hardware is fast at it.
        seed: Of noise and of initial weights.
    """

    steps: int | None = None
    time_budget: str | None = None
    stages: int | None = None
    optimizer: Method | None = None
    lr: float | None = None
    parameterization: Parameterization = "pixels"
    tile: int | None = None
    precision: Precision | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "lr", "stages", "tile"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise ConfigError(f"{name} must be positive, got {value}")
        if self.time_budget is not None:
            parse_time(self.time_budget)

    def budget(self, refining: bool = False) -> Budget:
        """Return how much work may be done on a picture, or on one that is ``refining`` a given picture."""
        if self.time_budget is None:
            return Budget(self.steps or (REFINING if refining else STEPS))
        return Budget(self.steps or float("inf"), parse_time(self.time_budget))

    @property
    def method(self) -> Method:
        """The optimizer."""
        return self.optimizer or ("lbfgs" if self.parameterization == "pixels" else "adam")

    @property
    def rate(self) -> float:
        """The step size."""
        if self.lr is not None:
            return self.lr
        if self.method == "lbfgs":
            return 1.0
        return 0.02 if self.parameterization == "pixels" else 0.005
