"""From cases to figures: medians and the quartiles around them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from fastnst.compare.case import Case
from fastnst.compare.judge import Verdict
from fastnst.compare.trajectories import FROM_NOISE, YARDSTICK, crossing


@dataclass(frozen=True)
class Spread:
    """A median and the quartiles around it; all are ``None`` of nothing."""

    median: float | None = None
    q1: float | None = None
    q3: float | None = None

    @classmethod
    def of(cls, values: Iterable[float | None]) -> "Spread":
        """Measure the values that are known."""
        known = [value for value in values if value is not None]
        if not known:
            return cls()
        q1, middle, q3 = (float(value) for value in np.percentile(known, [25, 50, 75]))
        return cls(middle, q1, q3)


@dataclass(frozen=True)
class Figures:
    """One network against the optimizers, over some cases; every spread is over the cases.

    Args:
        photographs: Different photographs among the cases.
        cases: Photographs times sizes.
        equivalent_lbfgs_iterations: Evaluations after which projected L-BFGS equals the network; where it never does,
            those that it got.
        equivalent_iterations_from_noise: The same where projected L-BFGS begins at noise.
        speedup: Its seconds until then, by the network's.
        break_even_images: Pictures after which the training is paid back, where its time is known.
        never_reached: Cases in which it never equals the network.
        never_reached_from_noise: The same where it begins at noise.
        network_seconds: The network's time.
        loss: The objective at the end, of the photograph, the network and every optimizer.
        unseen_style_distance: Likewise, of the distance that nobody optimized.
    """

    photographs: int
    cases: int
    equivalent_lbfgs_iterations: Spread
    equivalent_iterations_from_noise: Spread
    speedup: Spread
    break_even_images: Spread
    never_reached: int
    never_reached_from_noise: int
    network_seconds: Spread
    loss: dict[str, Spread]
    unseen_style_distance: dict[str, Spread]


@dataclass(frozen=True)
class Summary:
    """One network against the optimizers.

    Args:
        name: Of the network.
        training_seconds: How long it was trained, where that is known.
        overall: Over all cases.
        sizes: For each size.
    """

    name: str
    training_seconds: float | None
    overall: Figures
    sizes: dict[int, Figures]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data: the figures over all cases, with those of each size beside them."""
        sizes = [{"size": size} | asdict(figures) for size, figures in self.sizes.items()]
        return {"name": self.name, "training_seconds": self.training_seconds} | asdict(self.overall) | {"sizes": sizes}

    def headline(self) -> str:
        """Return the main figures in one sentence."""
        iterations, break_even = self.overall.equivalent_lbfgs_iterations, self.overall.break_even_images
        more = "more than " if self.overall.never_reached > self.overall.cases / 2 else ""
        sentence = (
            f"{self.name} equals {more}{iterations.median:.0f} iterations of L-BFGS ({iterations.q1:.0f}-"
            f"{iterations.q3:.0f}{self._from_noise()}), is {_round(self.overall.speedup.median)} times faster"
        )
        if break_even.median is not None:
            return f"{sentence}, and pays back its training after {_round(break_even.median)} images."
        if self.training_seconds is not None:
            return f"{sentence}, and never pays back its training."
        return f"{sentence}; how long its training took is not known."

    def _from_noise(self) -> str:
        iterations = self.overall.equivalent_iterations_from_noise.median
        more = "more than " if self.overall.never_reached_from_noise > self.overall.cases / 2 else ""
        return "" if iterations is None else f"; from noise {more}{iterations:.0f}"


def summarize(cases: Sequence[Case], training_seconds: dict[str, float | None], steps: int) -> list[Summary]:
    """Compare each network with the optimizers, over all photographs and sizes and for each size.

    Args:
        cases: Results, at least one.
        training_seconds: By the name of each network how long it was trained, where that is known.
        steps: Evaluations that every optimizer got; one that needed more counts as having needed these.
    """
    sizes = sorted({case.size for case in cases})
    return [
        Summary(
            name,
            seconds,
            _figures(name, cases, seconds, steps),
            {size: _figures(name, [case for case in cases if case.size == size], seconds, steps) for size in sizes},
        )
        for name, seconds in training_seconds.items()
    ]


def _figures(name: str, cases: Sequence[Case], training: float | None, steps: int) -> Figures:
    own = [case.networks[name].seconds for case in cases]
    goals = [case.networks[name].verdict.total for case in cases]
    reached = [crossing(case.curves[YARDSTICK], goal) for case, goal in zip(cases, goals, strict=True)]
    from_noise = [crossing(case.curves[FROM_NOISE], goal) for case, goal in zip(cases, goals, strict=True)]
    ends = [case.curves[YARDSTICK][-1].seconds if case.curves[YARDSTICK] else None for case in cases]
    needed = [found[1] if found else end for found, end in zip(reached, ends, strict=True)]
    pairs = [(theirs, ours) for theirs, ours in zip(needed, own, strict=True) if theirs is not None]
    return Figures(
        photographs=len({case.name for case in cases}),
        cases=len(cases),
        equivalent_lbfgs_iterations=_iterations(reached, steps),
        equivalent_iterations_from_noise=_iterations(from_noise, steps),
        speedup=Spread.of(theirs / ours for theirs, ours in pairs),
        break_even_images=Spread.of(training / (theirs - ours) for theirs, ours in pairs if training and theirs > ours),
        never_reached=reached.count(None),
        never_reached_from_noise=from_noise.count(None),
        network_seconds=Spread.of(own),
        loss=_ends(name, cases, lambda verdict: verdict.total),
        unseen_style_distance=_ends(name, cases, lambda verdict: verdict.unseen),
    )


def _iterations(reached: Sequence[tuple[float, float] | None], steps: int) -> Spread:
    """Measure the evaluations after which a network was equalled; one that never was counts as ``steps``."""
    return Spread.of(found[0] if found else float(steps) for found in reached)


def _ends(name: str, cases: Sequence[Case], value: Callable[[Verdict], float | None]) -> dict[str, Spread]:
    """Measure the photograph, the network and the end of each trajectory that has one."""
    fixed = {
        "photograph": Spread.of(value(case.photo) for case in cases),
        "network": Spread.of(value(case.networks[name].verdict) for case in cases),
    }
    return fixed | {
        curve: Spread.of(value(case.curves[curve][-1].verdict) for case in cases if case.curves[curve])
        for curve in cases[0].curves
    }


def _round(value: float | None) -> str:
    """Give two digits that matter."""
    if value is None:
        return "unknown"
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 10 else f"{value:.1f}"
