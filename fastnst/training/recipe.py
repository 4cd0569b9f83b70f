"""The training recipe, without Lightning: what a step does at which share of the run, and the steps themselves."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fastnst.devices import Precision, autocast
from fastnst.errors import ConfigError
from fastnst.losses import LossReport
from fastnst.training.draws import draw
from fastnst.training.steps import Targets, step

LEAST = 0.01
"""The learning rate at both ends of a run, as a part of its highest."""

CLIP = 1.0
"""Norm to which gradients are clipped."""

RISE = 0.05
"""Share of a run over which the learning rate rises."""

FROM_RANDOM, FROM_START = 2e-3, 3e-3
"""Learning rate from random weights, and from weights that paint already, which bear more: ``scripts/README.md`` has a
table."""


@dataclass(frozen=True)
class Recipe:
    """What changes in the course of a run, as a function of the share of it that is over.

    A share is 0 at the beginning and 1 at the end, whether the run is measured in steps or in seconds: the learning
    rate has fallen at the end of every run, also on a slow machine.

    Args:
        lr: Learning rate of Adam at its highest.
        grow: Share of the run, at the beginning, that sees a corner of half the side of each crop: four times the
            steps in the same time, when most is learned.
        steady: Weight of the term ``steady``: how much a painting changes with small shifts and zooms, brightness and
            noise; a mesh locked to the pixel grid makes it large.

    Raises:
        ConfigError: ``lr`` is not positive, ``steady`` is negative, or ``grow`` is no share.
    """

    lr: float = FROM_RANDOM
    grow: float = 0.5
    steady: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.lr < math.inf:
            raise ConfigError(f"lr must be positive, got {self.lr}")
        if not 0 <= self.steady < math.inf:
            raise ConfigError(f"steady is a weight and cannot be negative, got {self.steady}")
        if not 0 <= self.grow <= 1:
            raise ConfigError(f"grow is a share of the run, from 0 to 1, got {self.grow}")

    @classmethod
    def beginning(cls, started: bool, lr: float | None = None, grow: float = 0.5, steady: float = 0.0) -> "Recipe":
        """Return the recipe for a network that begins from a start or from random weights; a rate given stands."""
        return cls((FROM_START if started else FROM_RANDOM) if lr is None else lr, grow, steady)

    def rate(self, share: float) -> float:
        """Return the learning rate: a linear rise at the beginning, then a cosine down to a hundredth."""
        if share < RISE:
            return self.lr * (LEAST + (1 - LEAST) * share / RISE)
        progress = min(1.0, (share - RISE) / (1 - RISE))
        return self.lr * (LEAST + (1 - LEAST) * 0.5 * (1 + math.cos(math.pi * progress)))

    def crop(self, share: float) -> float:
        """Return which part of the side of its crops a step sees."""
        return 0.5 if share < self.grow else 1.0

    def cut(self, batch: Tensor, share: float, least: int) -> Tensor:
        """Cut a batch down to the part that a step sees, unless that part's sides were under ``least`` pixels."""
        part = self.crop(share)
        height, width = (int(part * side) for side in batch.shape[-2:])
        return batch if part == 1 or min(height, width) < least else corner(batch, height, width)


def corner(images: Tensor, height: int, width: int) -> Tensor:
    """Cut the upper left corner out of ``(B, 3, H, W)``."""
    return images[..., :height, :width].contiguous(memory_format=torch.channels_last)


def make_optimizer(network: nn.Module, lr: float, fused: bool = True) -> torch.optim.Optimizer:
    """Return Adam over the weights that are not frozen; fused is faster, but cannot clip gradients that were scaled."""
    trained = [weights for weights in network.parameters() if weights.requires_grad]
    return torch.optim.Adam(trained, lr=lr, fused=fused)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give all weights one learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def clip_gradients(network: nn.Module, norm: float) -> None:
    """Scale the gradients of a network down to a norm."""
    nn.utils.clip_grad_norm_(network.parameters(), norm)


class Training:
    """Train a network step by step as ``fastnst train`` does, in one process and without Lightning.

    Args:
        network: What is trained, on its device.
        targets: What its paintings are compared with.
        recipe: The schedule.
        precision: In which numbers network and backbone compute.
        seed: Of what is drawn at random, as ``--seed`` of ``fastnst train``.
    """

    def __init__(
        self,
        network: nn.Module,
        targets: Targets,
        recipe: Recipe = Recipe(),
        precision: Precision = "float32",
        seed: int = 0,
    ) -> None:
        self.network, self.targets, self.recipe, self.precision = network, targets, recipe, precision
        self.optimizer = make_optimizer(network, recipe.lr)
        self.seed, self.steps = seed, 0

    def __call__(self, batch: Tensor, share: float) -> LossReport:
        """Make one step on photographs, RGB in [0, 1], at a share of the run; return its loss."""
        set_rate(self.optimizer, self.recipe.rate(share))
        batch = self.recipe.cut(batch, share, self.targets.least)
        drawn = draw((self.seed, self.steps, 0), len(batch), count_styles(self.network))
        with autocast(batch.device, self.precision):
            report = step(self.network, batch, self.targets, drawn, self.recipe.steady)
        self.optimizer.zero_grad()
        report.total.backward()
        clip_gradients(self.network, CLIP)
        self.optimizer.step()
        self.steps += 1
        return LossReport({path: term.detach() for path, term in report.terms.items()})


def count_styles(network: nn.Module) -> int:
    """Return how many styles a network's table holds; 0 for a network of one style."""
    styles = getattr(network, "styles", None)
    return 0 if styles is None else len(styles.codes)
