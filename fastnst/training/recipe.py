"""The training recipe, without Lightning: one step, and what a step does at which share of the run."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fastnst.devices import Precision, autocast
from fastnst.errors import ConfigError
from fastnst.losses import LossReport, PerceptualLoss, Target

RISE = 0.05
"""Share of a run over which the learning rate rises."""

LEAST = 0.01
"""The learning rate at both ends of a run, as a part of its highest."""

CLIP = 1.0
"""Norm to which gradients are clipped."""

SCALE_PHOTOS = 16
"""Photographs on which the scales of the content terms are measured."""


@dataclass(frozen=True)
class Targets:
    """What paintings are compared with.

    Args:
        loss: The objective.
        style: The statistics of the style picture, taken once.
        scales: Of the content terms by layer, measured once; those of a photograph alone would weigh each differently.
    """

    loss: PerceptualLoss
    style: Target
    scales: Mapping[str, float]

    @property
    def least(self) -> int:
        """Pixels that each side of a crop must have for the backbone."""
        return self.loss.min_size


def take_targets(
    loss: PerceptualLoss, style: Tensor, photos: Tensor, scales: Mapping[str, float] | None = None
) -> Targets:
    """Take the style's statistics, and measure the content scales unless they are known; in float32.

    Args:
        loss: The objective, on the device where the pictures are.
        style: ``(1, 3, H, W)``, RGB in [0, 1].
        photos: ``(N, 3, H, W)``, RGB in [0, 1].
        scales: From a checkpoint.
    """
    with torch.autocast(style.device.type, enabled=False):
        return Targets(loss, loss.style_target(style), scales or loss.content_scales(photos[:SCALE_PHOTOS]))


def step(network: Callable[[Tensor], Tensor], batch: Tensor, targets: Targets) -> LossReport:
    """Paint photographs ``(B, 3, H, W)``, RGB in [0, 1], and compare the result with them and with the style."""
    content = targets.loss.content_target(batch, targets.scales)
    return targets.loss(network(batch), content, targets.style)


@dataclass(frozen=True)
class Recipe:
    """What changes in the course of a run, as a function of the share of it that is over.

    A share is 0 at the beginning and 1 at the end, whether the run is measured in steps or in seconds: the learning
    rate has fallen at the end of every run, also on a slow machine.

    Args:
        lr: Learning rate of Adam at its highest.
        grow: Share of the run, at the beginning, that sees a corner of half the side of each crop: four times the
            steps in the same time, when most is learned.

    Raises:
        ConfigError: ``lr`` is not positive, or ``grow`` is no share.
    """

    lr: float = 2e-3
    grow: float = 0.5

    def __post_init__(self) -> None:
        if not self.lr > 0:
            raise ConfigError(f"lr must be positive, got {self.lr}")
        if not 0 <= self.grow <= 1:
            raise ConfigError(f"grow is a share of the run, from 0 to 1, got {self.grow}")

    def rate(self, share: float) -> float:
        """Return the learning rate: a linear rise over a twentieth of the run, then a cosine down to a hundredth."""
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
    """Return Adam over the weights of a network; fused is faster, but cannot clip gradients that were scaled up."""
    return torch.optim.Adam(network.parameters(), lr=lr, fused=fused)


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
    """

    def __init__(
        self, network: nn.Module, targets: Targets, recipe: Recipe = Recipe(), precision: Precision = "float32"
    ) -> None:
        self.network, self.targets, self.recipe, self.precision = network, targets, recipe, precision
        self.optimizer = make_optimizer(network, recipe.lr)

    def __call__(self, batch: Tensor, share: float) -> LossReport:
        """Make one step on photographs, RGB in [0, 1], at a share of the run; return its loss."""
        set_rate(self.optimizer, self.recipe.rate(share))
        batch = self.recipe.cut(batch, share, self.targets.least)
        with autocast(batch.device, self.precision):
            report = step(self.network, batch, self.targets)
        self.optimizer.zero_grad()
        report.total.backward()
        clip_gradients(self.network, CLIP)
        self.optimizer.step()
        return LossReport({path: term.detach() for path, term in report.terms.items()})
