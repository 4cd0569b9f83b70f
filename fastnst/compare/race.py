"""One photograph, one size: the network's picture, and every optimizer on its way there."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import torch
from torch import Tensor

from fastnst.compare.judge import Judge, Verdict
from fastnst.losses import PerceptualLoss
from fastnst.optimize import Optimization, OptimizeConfig, Style
from fastnst.optimize.descent import Adam, Descent, Lbfgs
from fastnst.optimize.objective import WholeLoss, make_regions
from fastnst.optimize.start import noise

Painter = Callable[[Tensor], Tensor]

YARDSTICK = "L-BFGS, projected"
"""What a network is counted in, as Johnson et al. do; begun at the photograph, which is the harder opponent."""

JUDGED_RATIO = 1.12
"""Evaluations at which an optimizer is judged grow by this factor."""


@dataclass(frozen=True)
class Point:
    """An optimizer after so many evaluations of loss and gradient, and so many seconds of its own."""

    evaluations: int
    seconds: float
    verdict: Verdict


@dataclass
class Case:
    """All results on one photograph at one size.

    Args:
        name: Of the photograph.
        size: Side in pixels.
        photo: What the unchanged photograph is worth.
        networks: What each network's picture is worth, and its seconds.
        curves: Each optimizer's way; one that starts from a network is called after it.
        pictures: The network's, the yardstick's wherever it was judged, and the last of the others, by name, if they
            were asked for.
    """

    name: str
    size: int
    photo: Verdict
    networks: dict[str, tuple[Verdict, float]] = field(default_factory=dict)
    curves: dict[str, list[Point]] = field(default_factory=dict)
    pictures: dict[str, Tensor] = field(default_factory=dict)


def race(
    name: str,
    photo: Tensor,
    style: Tensor,
    loss: PerceptualLoss,
    unseen: PerceptualLoss,
    networks: Mapping[str, Painter],
    steps: int,
    keep: bool = False,
) -> Case:
    """Let networks and optimizers paint one photograph, and judge them all.

    Args:
        name: Of the photograph.
        photo: ``(1, 3, H, W)``, RGB in [0, 1].
        style: What is imitated, RGB in [0, 1].
        loss: The objective.
        unseen: See :class:`Judge`.
        networks: What is compared, by name.
        steps: Evaluations that each optimizer gets.
        keep: Keep pictures.
    """
    judge = Judge(loss, unseen, style, photo)
    case = Case(name, max(photo.shape[2:]), judge(photo, closely=True))
    if keep:
        case.pictures["photograph"] = photo
    starts = {}
    for network, paint in networks.items():
        painted = paint(photo)
        case.networks[network] = judge(painted, closely=True), _seconds(paint, photo)
        starts[network] = painted
        if keep:
            case.pictures[network] = painted
    for contender, way in _contenders(photo, style, loss, starts, steps).items():
        case.curves[contender] = list(_judged(way, judge, steps, case if keep else None, contender))
    return case


def _contenders(
    photo: Tensor, style: Tensor, loss: PerceptualLoss, starts: dict[str, Tensor], steps: int
) -> dict[str, Iterator[Tensor]]:
    regions = make_regions(loss, [Style(style)], photo.shape[2], photo.shape[3], 1.0)
    objective = WholeLoss(loss, photo, regions)
    ways = {
        "L-BFGS": descend(objective, photo, Lbfgs(), 1.0, steps),
        YARDSTICK: descend(objective, photo, Lbfgs(), 1.0, steps, project=True),
        "L-BFGS, projected, from noise": descend(objective, noise(photo, 0), Lbfgs(), 1.0, steps, project=True),
        "Adam": descend(objective, photo, Adam(), 0.02, steps),
        "fastnst optimize": _optimize(photo, style, loss, steps),
    }
    for network, painted in starts.items():
        ways[refined(network)] = _optimize(photo, style, loss, steps, painted)
    return ways


def refined(network: str) -> str:
    """Call the optimizer that begins with a network's picture."""
    return f"{network}, then L-BFGS"


def descend(
    objective: WholeLoss, first: Tensor, descent: Descent, rate: float, steps: int, project: bool = False
) -> Iterator[Tensor]:
    """Yield the first picture, and the picture after every evaluation; end early where the loss is not finite.

    ``project`` clips to [0, 1] after every step, as Johnson et al. do.
    """
    position = first.flatten()
    yield first
    for _ in range(steps):
        report, slope = objective(position.view(first.shape))
        if not torch.isfinite(report.total):
            return
        position = position + descent.step(position, slope.flatten(), rate)
        if project:
            position = position.clamp(0, 1)
        yield position.view(first.shape)


def _optimize(
    photo: Tensor, style: Tensor, loss: PerceptualLoss, steps: int, painted: Tensor | None = None
) -> Iterator[Tensor]:
    """Yield what ``fastnst optimize`` does, from coarse to fine, or beginning with what a network painted."""
    config = OptimizeConfig(steps=steps)
    for state in Optimization(photo, [Style(style)], loss, config, painted, refine=painted is not None):
        yield state.image


def _judged(way: Iterator[Tensor], judge: Judge, steps: int, case: Case | None, contender: str) -> Iterator[Point]:
    """Judge a way at evaluations ever farther apart; the judge's time is not counted."""
    marks, spent, evaluations = judged_at(steps), 0.0, 0
    while True:
        start = time.perf_counter()
        image = next(way, None)
        spent += time.perf_counter() - start
        if image is None:
            return
        if evaluations in marks and image.shape[2:] == judge.size:
            yield Point(evaluations, spent, judge(image, closely=evaluations == steps))
            if case is not None and (contender == YARDSTICK or evaluations == steps):
                case.pictures[f"{contender}@{evaluations}"] = image
        evaluations += 1


def judged_at(steps: int) -> set[int]:
    """List the evaluations after which an optimizer is judged, from none to ``steps``."""
    marks, mark = {0, steps}, 1.0
    while mark < steps:
        marks.add(round(mark))
        mark = max(mark + 1, mark * JUDGED_RATIO)
    return marks


def _seconds(paint: Painter, photo: Tensor, turns: int = 3) -> float:
    """Return the median time of painting a photograph that is in memory."""
    times = []
    for _ in range(turns):
        start = time.perf_counter()
        paint(photo)
        times.append(time.perf_counter() - start)
    return median(times)


def crossing(curve: Sequence[Point], goal: float) -> tuple[float, float] | None:
    """Return evaluations and seconds at which a curve first is as low as ``goal``; nothing if it never is.

    Between two points that were judged, along a straight line.
    """
    before: Point | None = None
    for point in curve:
        if point.verdict.total <= goal:
            if before is None:
                return float(point.evaluations), point.seconds
            drop = before.verdict.total - point.verdict.total
            share = (before.verdict.total - goal) / drop if drop > 0 else 1.0
            evaluations = before.evaluations + share * (point.evaluations - before.evaluations)
            return evaluations, before.seconds + share * (point.seconds - before.seconds)
        before = point
    return None
