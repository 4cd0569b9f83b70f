"""Paint one picture by optimizing its pixels: slow, and the yardstick for everything fast.

Source: Gatys, Ecker, Bethge. Image Style Transfer Using Convolutional Neural Networks. CVPR 2016.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fastnst.errors import ConfigError
from fastnst.losses import LossReport, PerceptualLoss, Target

Init = Literal["content", "noise"]
Method = Literal["lbfgs", "adam"]

FIRST_STEP = 0.01
"""Mean change of a value in [0, 1] by the first step of L-BFGS."""

LONGEST_STEP = 0.04
"""Mean change of a value in [0, 1] by any one step of L-BFGS, at most."""


@dataclass(frozen=True)
class OptimizeConfig:
    """How to descend; plain data.

    Args:
        steps: Iterations, each of one evaluation of the loss.
        optimizer: ``lbfgs`` or ``adam``.
        init: Begin at the ``content`` picture or at seeded ``noise``.
        lr: Step size; 1 for L-BFGS and 0.02 for Adam by default.
        seed: Of the noise.
    """

    steps: int = 200
    optimizer: Method = "lbfgs"
    init: Init = "content"
    lr: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.steps < 1 or (self.lr is not None and self.lr <= 0):
            raise ConfigError(f"steps and lr must be positive, got {self.steps} and {self.lr}")


@dataclass(frozen=True)
class Progress:
    """The state behind one step: the picture ``(1, 3, H, W)`` around [0, 1], and the report it was judged by."""

    step: int
    image: Tensor
    report: LossReport


def optimize(
    content: Tensor,
    style: Tensor,
    loss: PerceptualLoss,
    config: OptimizeConfig = OptimizeConfig(),
) -> Iterator[Progress]:
    """Descend from the initial picture; yield it as step 0 and again after every step; a caller may stop at any time.

    Args:
        content: Photograph ``(1, 3, H, W)``, RGB in [0, 1]; the result has its size.
        style: Picture to imitate, of any size.
        loss: The objective, on the same device.
        config: How to descend.

    Raises:
        FloatingPointError: The loss is not finite.
    """
    objective = _Objective(loss, loss.content_target(content), loss.style_target(style), _initial(content, config))
    optimizer = _optimizer(objective.image, config)
    for step in range(config.steps + 1):
        if step:
            optimizer.param_groups[0]["lr"] = _step_size(config, step, objective.image.numel())
            before = objective.image.detach().clone()
            optimizer.step(objective)  # type: ignore[arg-type]  # torch takes tensors
            _shorten(optimizer, objective.image, before)
        report = objective.judge()
        if not torch.isfinite(report.total):
            raise FloatingPointError(f"the loss is {float(report.total)} at step {step}; try a lower lr")
        yield Progress(step, objective.image.detach().clone(), report)


class _Objective:
    """The loss as a function of the picture, evaluated once though a step ends where the next begins."""

    def __init__(self, loss: PerceptualLoss, content: Target, style: Target, image: Tensor) -> None:
        self.loss, self.content, self.style = loss, content, style
        self.image = image.requires_grad_()
        self.scale = 1.0
        self._evaluated: Tensor | None = None
        self._report: LossReport
        self._normalize()

    def __call__(self) -> Tensor:
        return self.judge().total * self.scale

    def _normalize(self) -> None:
        """Scale the loss so that the first gradient is itself a sensible first step.

        L-BFGS takes the bare gradient until it has learned a curvature, and drops curvatures under 1e-10: it depends
        on the scale of the loss, and with it on weights and size, unless that is settled.
        """
        self.judge()
        assert self.image.grad is not None
        self.scale = FIRST_STEP / max(float(self.image.grad.abs().mean()), 1e-30)
        self._evaluated = None

    def judge(self) -> LossReport:
        """Return the report of the picture as it is now, and leave the scaled gradient in ``image.grad``."""
        if self._evaluated is None or not torch.equal(self._evaluated, self.image):
            self.image.grad = None
            report = self.loss(self.image.contiguous(memory_format=torch.channels_last), self.content, self.style)
            (report.total * self.scale).backward()
            self._report = LossReport({path: term.detach() for path, term in report.terms.items()})
            self._evaluated = self.image.detach().clone()
        return self._report


@torch.no_grad()
def _shorten(optimizer: torch.optim.Optimizer, image: Tensor, before: Tensor) -> None:
    """Hold a step of L-BFGS to ``LONGEST_STEP``: where the curvature is almost none it leaps out of the picture."""
    state = optimizer.state[image]
    length = float((image - before).abs().mean())
    if "t" in state and length > LONGEST_STEP:
        share = LONGEST_STEP / length
        state["t"] *= share  # what the next step takes the displacement to have been
        image.copy_(before + share * (image - before))


def _step_size(config: OptimizeConfig, step: int, values: int) -> float:
    if config.optimizer == "adam":
        return config.lr or 0.02
    # Torch divides the first step by the L1 norm of the gradient; undo it.
    return (config.lr or 1.0) * (FIRST_STEP * values if step == 1 else 1.0)


def _initial(content: Tensor, config: OptimizeConfig) -> Tensor:
    if config.init == "content":
        return content.clone(memory_format=torch.contiguous_format)  # L-BFGS flattens gradients by view
    generator = torch.Generator().manual_seed(config.seed)
    return (0.5 + 0.2 * torch.randn(content.shape, generator=generator)).to(content)


def _optimizer(image: Tensor, config: OptimizeConfig) -> torch.optim.Optimizer:
    if config.optimizer == "adam":
        return torch.optim.Adam([image])
    return torch.optim.LBFGS([image], max_iter=1, history_size=10, tolerance_grad=0, tolerance_change=0)
