"""Trajectories of optimizers, judged at intervals."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from fastnst.compare.judge import Judge, Verdict
from fastnst.images import to_pil
from fastnst.losses import PerceptualLoss, WholeLoss
from fastnst.optimize import Optimization, OptimizeConfig, Style
from fastnst.optimize.descent import Adam, Descent, Lbfgs
from fastnst.optimize.objective import make_regions
from fastnst.optimize.start import noise

YARDSTICK = "L-BFGS, projected"
"""The optimizer whose iterations a network is counted in, as Johnson et al. do; it starts from the photograph, which is
faster than from noise."""

FROM_NOISE = "L-BFGS, projected, from noise"
"""The same from where the program that Johnson et al. published begins (fast-neural-style, slow_neural_style.lua)."""

JUDGED_RATIO = 1.12
"""Evaluations at which an optimizer is judged grow by this factor."""


@dataclass(frozen=True)
class Point:
    """An optimizer after so many evaluations of loss and gradient, and so many seconds of its own.

    Args:
        evaluations: So far.
        seconds: So far; the judge's time is not counted.
        verdict: On the picture at this point.
        image: That picture, where pictures are kept.
    """

    evaluations: int
    seconds: float
    verdict: Verdict
    image: Image.Image | None = None


@dataclass(frozen=True)
class Problem:
    """What all optimizers minimize for one photograph.

    Args:
        photo: ``(1, 3, H, W)``, RGB in [0, 1].
        style: What is imitated, RGB in [0, 1].
        loss: The objective.
        content_scales: Those of the training; measured on ``photo`` by default.
        config: Evaluations that each optimizer gets, seed and precision.
    """

    photo: Tensor
    style: Tensor
    loss: PerceptualLoss
    content_scales: Mapping[str, float] | None
    config: OptimizeConfig


def trajectories(problem: Problem, painted: Mapping[str, Tensor]) -> dict[str, Iterator[Tensor]]:
    """Return the pictures of each optimizer, one per evaluation, by its name.

    Args:
        problem: What is minimized.
        painted: By the name of a network what it painted: where another optimizer begins.
    """
    photo, steps = problem.photo, problem.config.steps or 0
    regions = make_regions(problem.loss, [Style(problem.style)], photo.shape[2], photo.shape[3], 1.0)
    objective = WholeLoss(problem.loss, photo, regions, content_scales=problem.content_scales)
    start = noise(photo, problem.config.seed)
    found = {
        "L-BFGS": descend(objective, photo, Lbfgs(), 1.0, steps),
        YARDSTICK: descend(objective, photo, Lbfgs(), 1.0, steps, project=True),
        FROM_NOISE: descend(objective, start, Lbfgs(), 1.0, steps, project=True),
        "Adam": descend(objective, photo, Adam(), 0.02, steps),
        "fastnst optimize": _optimize(problem),
    }
    return found | {refined(network): _optimize(problem, first) for network, first in painted.items()}


def refined(network: str) -> str:
    """Name the optimizer that begins with a network's picture."""
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


def _optimize(problem: Problem, painted: Tensor | None = None) -> Iterator[Tensor]:
    """Yield what ``fastnst optimize`` does, from coarse to fine, or beginning with what a network painted."""
    run = Optimization(
        problem.photo,
        [Style(problem.style)],
        problem.loss,
        problem.config,
        painted,
        refine=painted is not None,
        content_scales=problem.content_scales,
    )
    for state in run:
        yield state.image


def follow(pictures: Iterator[Tensor], judge: Judge, steps: int, keep: bool = False) -> list[Point]:
    """Judge a trajectory at evaluations ever farther apart, and at its end.

    Pictures smaller than the photograph are not judged: their loss is another one. An end that is not finite is left
    out.

    Args:
        pictures: One per evaluation, the first before any.
        judge: Of the photograph.
        steps: Evaluations that are wanted.
        keep: Keep every picture that is judged.
    """
    marks, points = judged_at(steps), []
    state: tuple[int, float, Tensor] | None = None
    for state in _timed(pictures):
        if state[0] in marks:
            points += _point(*state, judge, keep)
    if state is not None:
        earlier = [point for point in points if point.evaluations < state[0]]
        points = earlier + _point(*state, judge, keep, closely=True)
    return points


def _point(
    evaluations: int, seconds: float, image: Tensor, judge: Judge, keep: bool, closely: bool = False
) -> list[Point]:
    """Judge a picture; nothing comes of one that is too small or not finite."""
    if image.shape[2:] != judge.size:
        return []
    verdict = judge(image, closely)
    if not math.isfinite(verdict.total):
        return []
    return [Point(evaluations, seconds, verdict, to_pil(image) if keep else None)]


def _timed(pictures: Iterator[Tensor]) -> Iterator[tuple[int, float, Tensor]]:
    """Yield evaluations, seconds spent in the optimizer, and its picture."""
    evaluations, spent = 0, 0.0
    while True:
        start = time.perf_counter()
        image = next(pictures, None)
        spent += time.perf_counter() - start
        if image is None:
            return
        yield evaluations, spent, image
        evaluations += 1


def judged_at(steps: int) -> set[int]:
    """List the evaluations after which an optimizer is judged, from none to ``steps``."""
    marks, mark = {0, steps}, 1.0
    while mark < steps:
        marks.add(round(mark))
        mark = max(mark + 1, mark * JUDGED_RATIO)
    return marks


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
