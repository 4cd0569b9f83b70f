"""How long until a picture is as good as plain L-BFGS makes it in 200 evaluations? Rows of ``bench.py optimize``.

All are judged in float32 on the clipped picture of 8 bits: what a file keeps.
"""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import torch
from torch import Tensor

from fastnst.devices import reuse_memory
from fastnst.images import as_written, fit, read_image
from fastnst.inference import load
from fastnst.losses import LossConfig, PerceptualLoss, functional
from fastnst.optimize import Optimization, OptimizeConfig, Style

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


def plain(pair: Pair, device: torch.device) -> tuple[float, float]:
    """Return the objective that plain L-BFGS reaches, and its seconds: history 100, full size, float32, contiguous."""
    functional.gram = _plain_gram
    content, style, loss = pair.load(device)
    image = content.clone().requires_grad_()
    targets = loss.content_target(content), loss.style_target(style)
    optimizer = torch.optim.LBFGS(
        [image], max_iter=EVALUATIONS, max_eval=EVALUATIONS, history_size=100, tolerance_grad=0, tolerance_change=0
    )

    def closure() -> Tensor:
        image.grad = None
        total = loss(image, *targets).total
        total.backward()
        return total

    start = time.perf_counter()
    optimizer.step(closure)
    seconds = time.perf_counter() - start
    with torch.no_grad():
        return float(loss(as_written(image), *targets).total), seconds


def _plain_gram(features: Tensor) -> Tensor:
    flat = features.flatten(2)
    return flat.bmm(flat.transpose(1, 2)) / flat.shape[2]


def ours(pair: Pair, device: torch.device, goal: float) -> tuple[float, float]:
    """Return the objective and the seconds when it was first as good as ``goal``; the judge's time is not counted."""
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
    states, found = iter(run), float("inf")
    while True:
        start = time.perf_counter()
        state = next(states, None)
        spent += time.perf_counter() - start
        if state is None:
            return found, float("inf")
        if state.stage == len(run.stages) - 1 and state.image.shape == content.shape:
            with torch.no_grad():
                found = float(loss(as_written(state.image), *targets).total)
            if found <= goal:
                return found, spent


def _serve(pipe: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    pipe.send(work(*arguments))


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function in a process of its own."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe()
    process = context.Process(target=_serve, args=(sender, work, arguments))
    process.start()
    found = receiver.recv()
    process.join()
    return found
