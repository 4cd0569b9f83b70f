"""L-BFGS and Adam, on one flat vector, with a memory that survives a change of its size."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Method = Literal["lbfgs", "adam"]

FIRST_STEP = 0.01
"""Mean change of a value by the first step of L-BFGS, which has not measured any curvature yet."""

LONGEST_STEP = 0.04
"""Mean change of a value by any step of L-BFGS, at most: where there is almost no curvature its steps would be huge."""

HISTORY_VALUES = 80_000_000
"""Most values in one half of the history of L-BFGS: 0.64 GB in all, for pictures up to 13 megapixels."""

Linear = Callable[[Tensor], Tensor]


class Descent(ABC):
    """Turn gradients into steps. Neither depends on the scale of the loss: a thousandfold loss gives the same steps."""

    @abstractmethod
    def step(self, position: Tensor, gradient: Tensor, lr: float) -> Tensor:
        """Return the change of ``position``, a vector; its ``gradient`` was taken there."""

    @abstractmethod
    def resize(self, resized: Linear, gradient_scale: float) -> None:
        """Resize the memory along with the vector.

        Args:
            resized: Turns a change of the old vector into one of the new.
            gradient_scale: What a gradient is multiplied by: with four times the pixels each weighs a quarter.
        """

    @abstractmethod
    def reset(self) -> None:
        """Forget everything."""

    @abstractmethod
    def state(self) -> dict[str, Tensor]:
        """Return all memory as tensors."""

    @abstractmethod
    def load(self, state: dict[str, Tensor]) -> None:
        """Take memory from :meth:`state` back."""


class Lbfgs(Descent):
    """L-BFGS of one evaluation a step, without line search.

    Args:
        history: Pairs of vectors kept; fewer, but two, where they are longer than :data:`HISTORY_VALUES` in all.
        precondition: The initial inverse curvature, up to its scale: a symmetric positive map. The identity by default.

    Source: Nocedal, Wright. Numerical Optimization, 2006, algorithm 7.4.
    """

    def __init__(self, history: int = 10, precondition: Linear = lambda gradient: gradient) -> None:
        self.history, self.precondition = history, precondition
        self.reset()

    def reset(self) -> None:
        self.steps: list[Tensor] = []
        self.changes: list[Tensor] = []
        self.last: tuple[Tensor, Tensor] | None = None

    def step(self, position: Tensor, gradient: Tensor, lr: float) -> Tensor:
        self._remember(position, gradient)
        self.last = position, gradient
        if not self.steps:
            downhill = self.precondition(gradient)
            return downhill * (-lr * FIRST_STEP / max(float(downhill.abs().mean()), 1e-30))
        direction = self._direction(gradient).mul_(lr)
        length = float(direction.abs().mean())
        return direction.mul_(LONGEST_STEP / length) if length > LONGEST_STEP else direction

    def _remember(self, position: Tensor, gradient: Tensor) -> None:
        if self.last is None:
            return
        step, change = position - self.last[0], gradient - self.last[1]
        self.last = None
        curvature = step.dot(change)
        if curvature > 1e-8 * step.norm() * change.norm():  # no negative curvature
            room = self._room(step)
            self.steps, self.changes = [*self.steps, step][-room:], [*self.changes, change][-room:]

    def _room(self, vector: Tensor) -> int:
        """Return how many pairs are kept of such large vectors."""
        return max(2, min(self.history, HISTORY_VALUES // vector.numel()))

    def _direction(self, gradient: Tensor) -> Tensor:
        pairs = list(zip(self.steps, self.changes, strict=True))
        rates = [1 / step.dot(change) for step, change in pairs]
        direction = -gradient
        shares = []
        for (step, change), rate in reversed(list(zip(pairs, rates, strict=True))):
            shares.append(rate * step.dot(direction))
            direction.addcmul_(change, -shares[-1])
        step, change = pairs[-1]
        scale = step.dot(change) / change.dot(self.precondition(change))
        direction = self.precondition(direction).mul_(scale)
        for (step, change), rate, share in zip(pairs, rates, reversed(shares), strict=True):
            direction.addcmul_(step, share - rate * change.dot(direction))
        return direction

    def resize(self, resized: Linear, gradient_scale: float) -> None:
        old = list(zip(self.steps, self.changes, strict=True))
        self.reset()
        while old:
            step, change = (resized(vector) for vector in old.pop())
            if len(self.steps) == self._room(step):
                return
            change *= gradient_scale
            if step.dot(change) > 0:
                self.steps, self.changes = [step, *self.steps], [change, *self.changes]

    def state(self) -> dict[str, Tensor]:
        last = {} if self.last is None else {"last_position": self.last[0], "last_gradient": self.last[1]}
        steps = {f"step{i}": step for i, step in enumerate(self.steps)}
        return last | steps | {f"change{i}": change for i, change in enumerate(self.changes)}

    def load(self, state: dict[str, Tensor]) -> None:
        count = sum(key.startswith("change") for key in state)
        self.steps = [state[f"step{i}"] for i in range(count)]
        self.changes = [state[f"change{i}"] for i in range(count)]
        self.last = (state["last_position"], state["last_gradient"]) if "last_position" in state else None


class Adam(Descent):
    """Adam, with an epsilon relative to the gradient: see :meth:`step`.

    Args:
        betas: Decay of the mean and of the mean square.

    Source: Kingma, Ba. Adam: A Method for Stochastic Optimization. ICLR 2015, algorithm 1.
    """

    def __init__(self, betas: tuple[float, float] = (0.9, 0.99)) -> None:
        self.betas = betas
        self.reset()

    def reset(self) -> None:
        self.taken = 0
        self.mean: Tensor | None = None
        self.square: Tensor | None = None

    def step(self, position: Tensor, gradient: Tensor, lr: float) -> Tensor:
        if self.mean is None or self.square is None:
            self.mean, self.square = torch.zeros_like(gradient), torch.zeros_like(gradient)
        self.taken += 1
        first, second = self.betas
        self.mean = torch.lerp(self.mean, gradient, 1 - first)
        self.square = torch.lerp(self.square, gradient.square(), 1 - second)
        deviation = (self.square / (1 - second**self.taken)).sqrt_()
        # A millionth of the typical slope in place of Adam's 1e-8, which is much or nothing by the scale of the loss.
        deviation.add_(1e-6 * deviation.mean() + 1e-30)
        return (self.mean * (-lr / (1 - first**self.taken))).div_(deviation)

    def resize(self, resized: Linear, gradient_scale: float) -> None:
        if self.mean is not None and self.square is not None:
            self.mean = resized(self.mean) * gradient_scale
            self.square = resized(self.square).clamp_min(0) * gradient_scale**2

    def state(self) -> dict[str, Tensor]:
        if self.mean is None or self.square is None:
            return {}
        return {"mean": self.mean, "square": self.square, "taken": torch.tensor(self.taken)}

    def load(self, state: dict[str, Tensor]) -> None:
        self.reset()
        if state:
            self.mean, self.square, self.taken = state["mean"], state["square"], int(state["taken"])


def make_descent(method: Method, precondition: Linear) -> Descent:
    """Return the optimizer; only L-BFGS takes a preconditioner."""
    return Adam() if method == "adam" else Lbfgs(precondition=precondition)
