"""The descent of one picture, from coarse to fine; can be stopped at any step, and resumed."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from fastnst.devices import best_precision, return_memory
from fastnst.images import resize
from fastnst.losses import LossReport, PerceptualLoss
from fastnst.optimize.canvas import Canvas, Network, Pixels
from fastnst.optimize.config import OptimizeConfig
from fastnst.optimize.descent import make_descent
from fastnst.optimize.objective import Style, WholeLoss, make_objective, make_regions
from fastnst.optimize.schedule import Stage, plan_stages

AVERAGE = 0.9
"""Decay of the average of the last pictures."""

EXACT_AFTER = 0.6
"""Share of the last stage from which on all is computed in float32."""

MOST_FAILURES = 3


@dataclass(frozen=True)
class Progress:
    """The state behind one step, and the report it was judged by; ``paint`` makes its picture when it is asked for."""

    step: int
    stage: int
    size: tuple[int, int]
    report: LossReport
    paint: Callable[[], Tensor]

    @property
    def image(self) -> Tensor:
        """The picture ``(1, 3, H, W)`` around [0, 1], of ``size``."""
        with torch.no_grad():
            return self.paint()


class Optimization:
    """Descend from the first picture; iterate to run it, look at what it yields, stop whenever you like.

    Args:
        content: Photograph ``(1, 3, H, W)``, RGB in [0, 1]; the result has its size.
        styles: What to imitate.
        loss: The objective, on the same device.
        config: How to descend.
        first: The picture to begin with, of any size; the photograph by default.
        refine: ``first`` is a result already: there are no coarser stages, unless the config asks for them.
        content_scales: What each content term is divided by; measured on ``content`` at each size by default.

    Raises:
        FloatingPointError: The loss was not finite for the third time; :meth:`result` is what was best before.
    """

    def __init__(
        self,
        content: Tensor,
        styles: Sequence[Style],
        loss: PerceptualLoss,
        config: OptimizeConfig,
        first: Tensor | None = None,
        refine: bool = False,
        content_scales: Mapping[str, float] | None = None,
    ) -> None:
        self.content, self.styles, self.loss, self.config, self.first = content, styles, loss, config, first
        self.content_scales = content_scales
        height, width = content.shape[2:]
        least = loss.backbone.min_size({*loss.content, *loss.style})
        count = config.stages or (1 if refine else None)
        self.stages = plan_stages(height, width, config.step_limit(refine), count, least)
        self.step = self.stage = self.stage_step = self.failures = 0
        self.seconds, self.caution = 0.0, 1.0
        self._mixed = (config.precision or best_precision(content.device)) == "bfloat16"
        self._enter(self._canvas(self.stages[0]))

    # What happens at each size

    def _canvas(self, stage: Stage) -> Canvas:
        photo = resize(self.content, stage.height, stage.width)
        masks = [style.mask for style in self.styles]
        where = None
        if masks and all(mask is not None for mask in masks):
            total = sum(resize(mask, stage.height, stage.width) for mask in masks if mask is not None)
            where = torch.as_tensor(total).clamp(0, 1)
        if self.config.parameterization == "hrnet":
            return Network(photo, where, seed=self.config.seed)
        return Pixels(photo, where, self.first)

    def _enter(self, canvas: Canvas, position: Tensor | None = None) -> None:
        self.canvas = canvas
        self.position = canvas.start() if position is None else position
        if position is None:
            self.descent = make_descent(self.config.method, lambda gradient: self.canvas.smooth(gradient))
        self._judge_anew()

    def _judge_anew(self) -> None:
        """Set up the objective for this size and precision; what was best under another is not comparable."""
        height, width = self.canvas.photo.shape[2:]
        regions = make_regions(self.loss, self.styles, height, width, height / self.content.shape[2])
        self.objective = make_objective(
            self.loss, self.canvas.photo, regions, self.config.tile, self._precision, self.content_scales
        )
        self.best: tuple[LossReport, Tensor] | None = None
        self.average, self.averaged = self.position, 0

    def _precision(self) -> AbstractContextManager[object]:
        return torch.autocast(self.content.device.type, torch.bfloat16) if self._mixed else nullcontext()

    # The loop

    def __iter__(self) -> Iterator[Progress]:
        self._began = time.perf_counter() - self.seconds
        report, gradient = self._arrive()
        yield self._progress(report)
        while True:
            if self._stage_is_over():
                if self.stage + 1 == len(self.stages):
                    return
                self._next_stage()
                _, gradient = self._arrive()
            if self._is_endgame():
                self._mixed = False
                self._judge_anew()
                _, gradient = self._arrive()
            report, gradient = self._advance(gradient)
            self._keep(report)
            self.step += 1
            self.stage_step += 1
            self.seconds = time.perf_counter() - self._began
            yield self._progress(report)

    def _arrive(self) -> tuple[LossReport, Tensor]:
        """Judge where we are."""
        report, gradient = self._evaluate(self.position)
        if not self.averaged:
            self._keep(report)
        return report, gradient

    def _advance(self, gradient: Tensor) -> tuple[LossReport, Tensor]:
        """Take one step; where the loss is not finite, go back, and take it half as long."""
        position = self._moved(gradient)
        report, slope = self._evaluate(position)
        if not (torch.isfinite(report.total) and torch.isfinite(slope).all()):
            return self._recover(report)
        self.position = position
        return report, slope

    def _moved(self, gradient: Tensor) -> Tensor:
        rate = self.config.rate * self.caution * self._cooling()
        stuck = self.canvas.stuck(self.position, gradient)
        step = self.descent.step(self.position, gradient.masked_fill_(stuck, 0), rate).masked_fill_(stuck, 0)
        return self.canvas.project_(step.add_(self.position))

    def _recover(self, report: LossReport) -> tuple[LossReport, Tensor]:
        self.failures += 1
        self.caution /= 2
        if self.failures == MOST_FAILURES:
            raise FloatingPointError(
                f"the loss is {float(report.total)} at step {self.step + 1}, for the third time; what was best before "
                f"is kept: try a lower lr, or other weights"
            )
        self.descent.forget()
        _, self.position = self._lowest()
        return self._advance(self._evaluate(self.position)[1])

    def _evaluate(self, position: Tensor) -> tuple[LossReport, Tensor]:
        vector = position.detach().requires_grad_()
        with self._precision():
            image = self.canvas.image(vector).float()
        report, slope = self.objective(image)
        (gradient,) = torch.autograd.grad(image, vector, slope)
        return report, gradient

    def _progress(self, report: LossReport) -> Progress:
        height, width = self.canvas.photo.shape[2:]
        return Progress(self.step, self.stage, (height, width), report, partial(self.canvas.image, self.position))

    # The end of a stage

    def _share(self) -> float:
        """Return how much of this stage is over."""
        before = self.stages[self.stage - 1].until if self.stage else 0.0
        time_share = (self.seconds / self.config.second_limit - before) / (self.stages[self.stage].until - before)
        return max(self.stage_step / self.stages[self.stage].steps, time_share)

    def _stage_is_over(self) -> bool:
        return self._share() >= 1

    def _is_endgame(self) -> bool:
        """Tell whether it is time for float32; of a picture in tiles, twice the memory is not worth it."""
        whole = isinstance(self.objective, WholeLoss)
        return self._mixed and whole and self.stage + 1 == len(self.stages) and self._share() >= EXACT_AFTER

    def _cooling(self) -> float:
        """Let Adam's steps shrink towards the end of a stage; L-BFGS finds its own."""
        return 1.0 if self.config.method == "lbfgs" else min(1.0, max(0.05, 2 * (1 - self._share())))

    def _next_stage(self) -> None:
        _, settled = self._settled()
        self.stage, self.stage_step = self.stage + 1, 0
        old, new = self.canvas, self._canvas(self.stages[self.stage])
        return_memory()
        self.descent.carry(partial(old.move, onto=new), old.gradient_scale(new))
        self._enter(new, new.project_(old.lift(settled, new)))

    # What is kept

    def _keep(self, report: LossReport) -> None:
        if self.best is None or report.total < self.best[0].total:
            self.best = report, self.position
        self.averaged += 1
        self.average = torch.lerp(self.average, self.position, max(1 - AVERAGE, 1 / self.averaged))

    def _lowest(self) -> tuple[LossReport, Tensor]:
        return self.best or (self._evaluate(self.position)[0], self.position)

    def _settled(self) -> tuple[LossReport, Tensor]:
        """Return the best there was, or the average of the last if that is better still."""
        if self.averaged > 1:
            report, _ = self._evaluate(self.average)
            if report.total < self._lowest()[0].total:
                return report, self.average
        return self._lowest()

    def result(self) -> Progress:
        """Return the best picture so far, at the full size, and its report at the size it was made."""
        report, settled = self._settled()
        height, width = self.content.shape[2:]
        canvas = self.canvas
        return Progress(
            self.step, self.stage, (height, width), report, lambda: resize(canvas.image(settled), height, width)
        )

    def state(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return all that is needed to go on, as tensors and as plain data."""
        report, best = self._lowest()
        tensors = {"position": self.position, "average": self.average, "best": best}
        tensors |= {f"descent.{key}": value for key, value in self.descent.state().items()}
        numbers = {key: getattr(self, key) for key in _NUMBERS}
        numbers["lowest"] = {path: float(term) for path, term in report.terms.items()}
        return {key: value.detach().contiguous() for key, value in tensors.items()}, numbers

    def load(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Go on from what :meth:`state` returned."""
        for key in _NUMBERS:
            setattr(self, key, numbers[key])
        tensors = {key: value.to(self.content.device) for key, value in tensors.items()}
        self._enter(self._canvas(self.stages[self.stage]), tensors["position"])
        self.average, self.averaged = tensors["average"], numbers["averaged"]
        lowest = {path: torch.tensor(term, device=self.content.device) for path, term in numbers["lowest"].items()}
        self.best = LossReport(lowest), tensors["best"]
        self.descent.load({key[8:]: value for key, value in tensors.items() if key.startswith("descent.")})


_NUMBERS = ("step", "stage", "stage_step", "failures", "seconds", "caution", "averaged", "_mixed")
