"""How long until a picture is as good as L-BFGS makes it in 200 evaluations? Rows of ``bench.py optimize``.

All are judged in float32 on the clipped picture of 8 bits: what a file keeps. Plain L-BFGS is free on its way and
loses much in the end, so there is a second baseline, which is clipped after every step and otherwise the same.
"""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import Tensor

from fastnst.devices import reuse_memory
from fastnst.images import as_written, fit, read_image
from fastnst.inference import load
from fastnst.losses import GramLoss, LossConfig, PerceptualLoss
from fastnst.optimize import Optimization, OptimizeConfig, Style
from fastnst.optimize.descent import Lbfgs

SIZE, EVALUATIONS, REFINING = 512, 200, 250


@dataclass(frozen=True)
class Pair:
    """What is painted: files, and a trained network to begin with."""

    content: str
    style: str
    weights: str
    model: str | None = None

    def load(self, device: torch.device) -> tuple[Tensor, Tensor, PerceptualLoss]:
        content = fit(read_image(self.content), longer=SIZE).to(device)
        style = fit(read_image(self.style), shorter=384).to(device)
        return content, style, LossConfig("vgg19", weights=self.weights).build().to(device)


def plain(pair: Pair, device: torch.device, clip: bool) -> tuple[float, float]:
    """Return the objective that L-BFGS reaches, and its seconds: history 100, full size, float32, contiguous."""
    content, style, loss = pair.load(device)
    loss.style_loss = PlainGramLoss()
    targets = loss.content_target(content), loss.style_target(style)
    start = time.perf_counter()
    image = (_clipped if clip else _free)(content, lambda picture: loss(picture, *targets).total)
    seconds = time.perf_counter() - start
    with torch.no_grad():
        return float(loss(as_written(image), *targets).total), seconds


def _free(content: Tensor, judge: Callable[[Tensor], Tensor]) -> Tensor:
    image = content.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [image], max_iter=EVALUATIONS, max_eval=EVALUATIONS, history_size=100, tolerance_grad=0, tolerance_change=0
    )

    def closure() -> Tensor:
        image.grad = None
        total = judge(image)
        total.backward()
        return total

    optimizer.step(closure)
    return image.detach()


def _clipped(content: Tensor, judge: Callable[[Tensor], Tensor]) -> Tensor:
    """Descend with torch's formulas, but learn from the steps that were taken, not from those before clipping."""
    descent, image = Lbfgs(history=100), content
    for _ in range(EVALUATIONS):
        image = image.detach().requires_grad_()
        (slope,) = torch.autograd.grad(judge(image), image)
        step = descent.step(image.detach().flatten(), slope.flatten(), 1.0)
        image = (image.detach() + step.view_as(image)).clamp(0, 1)
    return image


class PlainGramLoss(GramLoss):
    """The same numbers by the product that most programs write down."""

    def summary(self, features: Tensor, weights: Tensor | None = None) -> Tensor:
        flat = features.flatten(2)
        return flat.bmm(flat.transpose(1, 2)) / flat.shape[2]


def ours(pair: Pair, device: torch.device, goals: Sequence[float]) -> list[tuple[float, float]]:
    """Return the objective and the seconds when it was first as good as each goal, or those of the end.

    The judge's time is not counted.
    """
    reuse_memory()
    content, style, loss = pair.load(device)
    loss.to(memory_format=torch.channels_last)
    targets = loss.content_target(content), loss.style_target(style)
    stylizer = load(pair.model, device.type) if pair.model else None
    start = time.perf_counter()
    first = stylizer(content) if stylizer else None
    config = OptimizeConfig(steps=REFINING if stylizer else None)
    run = Optimization(content, [Style(style)], loss, config, first, refine=bool(stylizer))
    spent = time.perf_counter() - start
    states, met = iter(run), [(float("inf"), 0.0) for _ in goals]
    while any(found > goal for (found, _), goal in zip(met, goals, strict=True)):
        start = time.perf_counter()
        state = next(states, None)
        spent += time.perf_counter() - start
        if state is None:
            break
        if state.size == content.shape[2:]:
            with torch.no_grad():
                now = float(loss(as_written(state.image), *targets).total), spent
            met = [old if old[0] <= goal else now for old, goal in zip(met, goals, strict=True)]
    return met


def _serve(pipe: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    pipe.send(work(*arguments))


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a process of its own."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe()
    process = context.Process(target=_serve, args=(sender, work, arguments))
    process.start()
    sender.close()  # or a process that dies would be waited for without end
    found = receiver.recv()
    process.join()
    return found
