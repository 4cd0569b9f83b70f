"""The optimization of one picture, from coarse to fine; can be stopped at any step, and resumed."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial

import torch
from torch import Tensor

from fastnst.devices import Precision, autocast, best_precision, return_memory
from fastnst.images import resize
from fastnst.losses import LossReport, PerceptualLoss
from fastnst.networks import TransformationNetwork
from fastnst.optimize.canvas import Canvas, Network
from fastnst.optimize.config import OptimizeConfig
from fastnst.optimize.descent import make_descent
from fastnst.optimize.keeping import Kept
from fastnst.optimize.objective import Style
from fastnst.optimize.problem import Problem
from fastnst.optimize.progress import Progress
from fastnst.optimize.schedule import Schedule, Stage
from fastnst.optimize.state import RunState

EXACT_AFTER = 0.6
"""Share of the last stage after which everything is computed in float32."""

MOST_FAILURES = 3


class Optimization:
    """Optimize a picture; iterate to run it, look at what it yields, stop at any step.

    Args:
        content: Photograph ``(1, 3, H, W)``, RGB in [0, 1]; the result has its size.
        styles: What to imitate.
        loss: The loss, on the same device.
        config: How to optimize.
        first: The picture to begin with, of any size; the photograph by default.
        refine: ``first`` is a result already: there are no coarser stages, unless the config asks for them.
        content_scales: What each content term is divided by; measured on ``content`` at each size by default.

    Raises:
        FloatingPointError: The loss was not finite for the third time; :meth:`result` is the best before.
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
        self.content, self.config = content, config
        self.problem = Problem(content, styles, loss, config, first, content_scales)
        self.schedule = Schedule(self.problem.stages(refine), config.budget(refine))
        self.precision: Precision = config.precision or best_precision(content.device)
        self.failures, self.caution = 0, 1.0
        self.descent = make_descent(config.method, lambda gradient: self.canvas.precondition(gradient))
        canvas = self.problem.canvas(self.schedule.now)
        self._enter(canvas, canvas.start())

    @property
    def stages(self) -> list[Stage]:
        """The sizes, and the steps at each."""
        return self.schedule.stages

    @property
    def step(self) -> int:
        """Steps taken."""
        return self.schedule.step

    @property
    def seconds(self) -> float:
        """Time spent."""
        return self.schedule.seconds

    # The loop

    def __iter__(self) -> Iterator[Progress]:
        began = time.perf_counter() - self.seconds
        report, gradient = self._arrive()
        yield self._progress(report)
        while True:
            if self.schedule.stage_share() >= 1:
                if self.schedule.is_last:
                    return
                self._next_stage()
                _, gradient = self._arrive()
            if self._wants_float32():
                self.precision = "float32"
                self._renew_objective()
                _, gradient = self._arrive()
            report, gradient = self._advance(gradient)
            self.kept.add(report, self.position)
            self.schedule.advance(time.perf_counter() - began)
            yield self._progress(report)

    def _arrive(self) -> tuple[LossReport, Tensor]:
        """Evaluate the present vector, which no step led to."""
        report, gradient = self._evaluate(self.position)
        if not self.kept.count:
            self.kept.add(report, self.position)
        return report, gradient

    def _advance(self, gradient: Tensor) -> tuple[LossReport, Tensor]:
        """Take one step; where the loss is not finite, return to the best vector and take a step half as long."""
        position = self._stepped(gradient)
        report, new = self._evaluate(position)
        if not (torch.isfinite(report.total) and torch.isfinite(new).all()):
            return self._recover(report)
        self.position = position
        return report, new

    def _stepped(self, gradient: Tensor) -> Tensor:
        rate = self.config.rate * self.caution * self._decay()
        fixed = self.canvas.active_bounds(self.position, gradient)
        step = self.descent.step(self.position, gradient.masked_fill_(fixed, 0), rate).masked_fill_(fixed, 0)
        return self.canvas.project_(step.add_(self.position))

    def _decay(self) -> float:
        """Let Adam's steps shrink towards the end of a stage; L-BFGS scales its own."""
        return 1.0 if self.config.method == "lbfgs" else min(1.0, max(0.05, 2 * (1 - self.schedule.stage_share())))

    def _recover(self, report: LossReport) -> tuple[LossReport, Tensor]:
        self.failures += 1
        self.caution /= 2
        if self.failures == MOST_FAILURES:
            raise FloatingPointError(
                f"the loss is {float(report.total)} at step {self.step + 1}, for the third time; the best picture "
                f"before is kept: try a lower lr, or other weights"
            )
        self.descent.reset()
        _, self.position = self.kept.lowest(self._report)
        return self._advance(self._evaluate(self.position)[1])

    # One evaluation

    def _evaluate(self, position: Tensor) -> tuple[LossReport, Tensor]:
        vector = position.detach().requires_grad_()
        with self._autocast():
            image = self.canvas.image(vector).float()
        report, gradient = self.objective(image)
        (gradient,) = torch.autograd.grad(image, vector, gradient)
        return report, gradient

    def _report(self, position: Tensor) -> LossReport:
        return self._evaluate(position)[0]

    def _autocast(self) -> AbstractContextManager[object]:
        return autocast(self.content.device, self.precision)

    def _progress(self, report: LossReport) -> Progress:
        height, width = self.canvas.photo.shape[2:]
        return self._state_of((height, width), report, partial(self.canvas.image, self.position))

    def _state_of(self, size: tuple[int, int], report: LossReport, paint: Callable[[], Tensor]) -> Progress:
        where = self.schedule
        return Progress(where.step, where.stage, size, report, paint, where.share(), where.seconds)

    # Stages

    def _enter(self, canvas: Canvas, position: Tensor) -> None:
        self.canvas, self.position = canvas, position
        self._renew_objective()

    def _renew_objective(self) -> None:
        """Set up the objective for this size and precision; the best under another is not comparable."""
        self.objective = self.problem.objective(self.canvas, self._autocast)
        self.kept = Kept(self.position)

    def _wants_float32(self) -> bool:
        """Tell whether it is time for float32; not in tiles, where it would double the memory."""
        end = self.schedule.is_last and self.schedule.stage_share() >= EXACT_AFTER
        return self.precision != "float32" and end and not self.objective.tiled

    def _next_stage(self) -> None:
        _, settled = self.kept.settled(self._report)
        self.schedule.next_stage()
        old, new = self.canvas, self.problem.canvas(self.schedule.now)
        return_memory()
        self.descent.resize(partial(old.resize_change, onto=new), old.gradient_scale(new))
        self._enter(new, new.project_(old.resize_vector(settled, new)))

    # Results

    def result(self) -> Progress:
        """Return the best picture so far, at the full size, and its report at the size it was made."""
        report, settled = self.kept.settled(self._report)
        height, width = self.content.shape[2:]
        canvas = self.canvas
        return self._state_of((height, width), report, lambda: resize(canvas.image(settled), height, width))

    def network(self) -> TransformationNetwork | None:
        """Return the network that painted the result, if it was a network."""
        if not isinstance(self.canvas, Network):
            return None
        return self.canvas.trained(self.kept.settled(self._report)[1])

    def state(self) -> RunState:
        """Return all that is needed to go on."""
        report, best = self.kept.lowest(self._report)
        where = self.schedule
        return RunState(
            where.step, where.stage, where.stage_step, where.seconds, self.failures, self.caution, self.precision,
            self.kept.count, {path: float(term) for path, term in report.terms.items()},
            self.position, self.kept.average, best, self.descent.state(),
        )  # fmt: skip

    def load(self, state: RunState) -> None:
        """Go on from what :meth:`state` returned."""
        state = state.to(self.content.device)
        where = self.schedule
        where.step, where.stage, where.stage_step = state.step, state.stage, state.stage_step
        where.seconds = state.seconds
        self.failures, self.caution, self.precision = state.failures, state.caution, state.precision
        self._enter(self.problem.canvas(where.now), state.position)
        lowest = {path: torch.tensor(term, device=self.content.device) for path, term in state.lowest.items()}
        self.kept = Kept(state.average, state.averaged, (LossReport(lowest), state.best))
        self.descent.load(state.descent)
