"""Curves by size, bars of the terms, and a strip of pictures, as one PNG."""

import io
from collections.abc import Sequence
from textwrap import fill
from typing import Any

import numpy as np
from PIL import Image

from fastnst.compare.case import Case
from fastnst.compare.summary import Summary
from fastnst.compare.trajectories import YARDSTICK, Point, crossing, refined

LINES = ["--", "-.", (0, (1, 1))]
"""Line styles of networks."""

TITLE = 22
"""Letters in a line above a picture."""

Titled = tuple[str, Image.Image]


def draw(cases: Sequence[Case], summaries: Sequence[Summary]) -> bytes:
    """Draw all results; return a PNG."""
    from matplotlib.figure import Figure

    by_size = {size: [case for case in cases if case.size == size] for size in sorted({case.size for case in cases})}
    shown = next((case for case in reversed(cases) if case.pictures), None)
    heights = [5.8, 4.4, 3] if shown else [5.8, 4.4]
    figure = Figure(figsize=(5.6 * max(2, len(by_size)), 0.4 * len(summaries) + sum(heights)), layout="constrained")
    figure.suptitle("\n".join(summary.headline() for summary in summaries), fontsize=11)
    rows: Any = figure.subfigures(len(heights), 1, height_ratios=heights)
    for axes, (size, those) in zip(_row(rows[0], len(by_size)), by_size.items(), strict=True):
        _curves(axes, those, size)
    _legend(rows[0], axes)
    for axes, (size, those) in zip(_row(rows[1], len(by_size)), by_size.items(), strict=True):
        _bars(axes, those, size)
    _legend(rows[1], axes)
    if shown:
        _strip(rows[2], strip(shown, summaries[0].name))
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    return data.getvalue()


def _row(figure: Any, count: int) -> Any:
    return figure.subplots(1, count, squeeze=False)[0]


def _legend(figure: Any, axes: Any) -> None:
    """Explain a row, in which all axes have the same lines, below it."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)), fontsize=8)


def _curves(axes: Any, cases: Sequence[Case], size: int) -> None:
    """Draw the median of each optimizer with the band of its quartiles, and each network as a line across."""
    for name in cases[0].curves:
        _curve(axes, [case.curves[name] for case in cases], name)
    for number, name in enumerate(cases[0].networks):
        goals = [case.networks[name].verdict.total for case in cases]
        goal = float(np.median(goals))
        axes.axhline(goal, color="black", linestyle=LINES[number % len(LINES)], label=f"{name} (network)")
        found = [crossing(case.curves[YARDSTICK], own) for case, own in zip(cases, goals, strict=True)]
        if reached := [point[0] for point in found if point]:
            axes.plot(float(np.median(reached)), goal, "ko", markersize=5)
    axes.axhline(float(np.median([case.photo.total for case in cases])), color="gray", ls=":", label="photograph")
    title = f"{size} px, {len(cases)} photograph{'s' * (len(cases) > 1)}"
    axes.set(xscale="log", yscale="log", xlabel="evaluations of loss and gradient", ylabel="objective")
    axes.set_title(title, fontsize=10)
    if pace := _pace(cases):
        seconds = axes.secondary_xaxis("top", functions=(lambda n: n * pace, lambda s: s / pace))
        seconds.set_xlabel("seconds of L-BFGS", fontsize=8)
        seconds.tick_params(labelsize=8)
        _ticks(seconds.xaxis)
    _ticks(axes.xaxis)
    _ticks(axes.yaxis)


def _curve(axes: Any, curves: Sequence[Sequence[Point]], name: str) -> None:
    """Draw one optimizer where all cases have a point; nothing where there is no such place."""
    marks = sorted(set.intersection(*({point.evaluations for point in curve} for curve in curves)))
    if not marks:
        return
    table = [[point.verdict.total for point in curve if point.evaluations in marks] for curve in curves]
    low, middle, high = np.percentile(np.array(table), [25, 50, 75], axis=0)
    x = [max(mark, 0.7) for mark in marks]  # none at all has no place on a logarithmic axis
    (line,) = axes.plot(x, middle, label=name, linewidth=1.5, marker="." if len(marks) == 1 else None)
    axes.fill_between(x, low, high, alpha=0.12, color=line.get_color())


def _pace(cases: Sequence[Case]) -> float:
    """Return the seconds of an evaluation, 0 if unknown."""
    ends = [case.curves[YARDSTICK][-1] for case in cases if case.curves[YARDSTICK]]
    return float(np.median([end.seconds / max(1, end.evaluations) for end in ends])) if ends else 0.0


def _ticks(axis: Any) -> None:
    """Write plain numbers at a logarithmic axis, also between powers of ten."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def _bars(axes: Any, cases: Sequence[Case], size: int) -> None:
    """Stack content, style and total variation of the photograph, the networks, and the optimizers at their end."""
    verdicts = {"photograph": [case.photo for case in cases]}
    verdicts |= {name: [case.networks[name].verdict for case in cases] for name in cases[0].networks}
    ends = {name: [case.curves[name][-1].verdict for case in cases if case.curves[name]] for name in cases[0].curves}
    verdicts |= {name: found for name, found in ends.items() if found}
    left = np.zeros(len(verdicts))
    for kind in ("content", "style", "tv"):
        widths = np.array([np.median([v.kinds().get(kind, 0.0) for v in found]) for found in verdicts.values()])
        axes.barh(list(verdicts), widths, left=left, label=kind)
        left += widths
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.25 * max(*left[1:], 1e-9)), xlabel="objective; the photograph's bar may be cut off")
    axes.set_title(f"terms at the end, {size} px, medians", fontsize=10)
    axes.tick_params(labelsize=8)


def _strip(figure: Any, pictures: Sequence[Titled]) -> None:
    for axes, (title, image) in zip(_row(figure, len(pictures)), pictures, strict=True):
        axes.imshow(image)
        axes.set_title(title, fontsize=8)
        axes.axis("off")


def strip(case: Case, network: str) -> list[Titled]:
    """Choose what is shown: the photograph, the networks, and some pictures of L-BFGS until it equals the first."""
    shown = [(fill(name, TITLE), case.pictures[name]) for name in ("photograph", *case.networks)]
    curve = [point for point in case.curves[YARDSTICK] if point.image]
    if curve:
        shown += _reached(curve, case.networks[network].verdict.total)
    last = case.curves[refined(network)][-1:]
    return shown + [(fill(f"{refined(network)}: {end.evaluations}", TITLE), end.image) for end in last if end.image]


def _reached(curve: Sequence[Point], goal: float) -> list[Titled]:
    """Take L-BFGS after about 10 and 50 iterations, where it equals the network, and at its end."""
    marks = {point.evaluations: point.image for point in curve if point.image}
    found = crossing(curve, goal)
    equal = min(marks, key=lambda mark: abs(mark - found[0])) if found else max(marks)
    wanted = [mark for mark in (10, 50) if not 0.7 < mark / max(1, equal) < 1.4]
    chosen = sorted({min(marks, key=lambda mark: abs(mark - near)) for near in (*wanted, equal, max(marks))})
    equals = {equal: "\n(equals the network)"} if found else {}
    return [(f"L-BFGS: {mark}{equals.get(mark, '')}", marks[mark]) for mark in chosen]
