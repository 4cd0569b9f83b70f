"""From cases to numbers: medians and the quartiles around them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastnst.compare.race import YARDSTICK, Case, crossing


def summarize(cases: Sequence[Case], training_seconds: dict[str, float | None], steps: int) -> list[dict[str, Any]]:
    """Say what each network is worth, over all photographs and sizes and for each size.

    Args:
        cases: Of :func:`~fastnst.compare.race.race`.
        training_seconds: How long each network was trained, where it is known.
        steps: Evaluations that every optimizer got; who needed more counts as having needed these.
    """
    sizes = sorted({case.size for case in cases})
    found = []
    for name, seconds in training_seconds.items():
        by_size = [
            {"size": size} | _worth(name, [c for c in cases if c.size == size], seconds, steps) for size in sizes
        ]
        found.append(
            {"name": name, "training_seconds": seconds} | _worth(name, cases, seconds, steps) | {"sizes": by_size}
        )
    return found


def _worth(name: str, cases: Sequence[Case], training: float | None, steps: int) -> dict[str, Any]:
    iterations, speedups, break_even, missed = [], [], [], 0
    for case in cases:
        verdict, own = case.networks[name]
        reached = crossing(case.curves[YARDSTICK], verdict.total)
        last = case.curves[YARDSTICK][-1]
        missed += reached is None
        evaluations, needed = reached or (float(steps), last.seconds)
        iterations.append(evaluations)
        speedups.append(needed / own)
        if training is not None and needed > own:
            break_even.append(training / (needed - own))
    return {
        "photographs": len(cases),
        "equivalent_lbfgs_iterations": spread(iterations),
        "speedup": spread(speedups),
        "break_even_images": spread(break_even),
        "never_reached": missed,
        "network_seconds": spread([case.networks[name][1] for case in cases]),
        "loss": {
            "photograph": spread([case.photo.total for case in cases]),
            "network": spread([case.networks[name][0].total for case in cases]),
        }
        | {curve: spread([case.curves[curve][-1].verdict.total for case in cases]) for curve in cases[0].curves},
        "unseen_style_distance": {
            "photograph": spread([case.photo.unseen for case in cases]),
            "network": spread([case.networks[name][0].unseen for case in cases]),
        }
        | {curve: spread([case.curves[curve][-1].verdict.unseen for case in cases]) for curve in cases[0].curves},
    }


def spread(values: Sequence[float | None]) -> dict[str, float | None]:
    """Return median and quartiles; nothing of nothing."""
    known = [value for value in values if value is not None]
    if not known:
        return {"median": None, "q1": None, "q3": None}
    q1, middle, q3 = (float(value) for value in np.percentile(known, [25, 50, 75]))
    return {"median": middle, "q1": q1, "q3": q3}


def headline(worth: dict[str, Any], steps: int) -> str:
    """Say it in one sentence."""
    iterations, speed = worth["equivalent_lbfgs_iterations"], worth["speedup"]
    more = "more than " if worth["never_reached"] > worth["photographs"] / 2 else ""
    sentence = (
        f"{worth['name']} equals {more}{iterations['median']:.0f} iterations of L-BFGS ({iterations['q1']:.0f}-"
        f"{iterations['q3']:.0f}), is {_round(speed['median'])} times faster"
    )
    if worth["break_even_images"]["median"] is None:
        return f"{sentence}; what its training took is not known."
    return f"{sentence}, and pays back its training after {_round(worth['break_even_images']['median'])} images."


def _round(value: float) -> str:
    """Give two digits that matter."""
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 10 else f"{value:.1f}"
