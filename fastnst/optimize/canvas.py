"""What is descended upon: the pixels themselves, or the weights of a network that paints them."""

from abc import ABC, abstractmethod
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from fastnst.images import resize
from fastnst.networks import build_network

Parameterization = Literal["pixels", "hrnet"]

SQUARES = 4
"""Sizes of the squares whose averages are descended along with the pixels: sides of 2, 4, 8 and 16 pixels."""


class Canvas(ABC):
    """A flat vector of numbers, and the picture that they stand for.

    Args:
        photo: The photograph ``(1, 3, H, W)``, RGB in [0, 1].
        where: Where to paint, ``(1, 1, H, W)`` in [0, 1]; elsewhere the photograph stays. Everywhere by default.
    """

    def __init__(self, photo: Tensor, where: Tensor | None) -> None:
        self.photo, self.where = photo, where

    @abstractmethod
    def start(self) -> Tensor:
        """Return the vector to begin with."""

    @abstractmethod
    def paint(self, vector: Tensor) -> Tensor:
        """Return the picture ``(1, 3, H, W)`` around [0, 1], with its gradients."""

    @abstractmethod
    def move(self, vector: Tensor, onto: "Canvas") -> Tensor:
        """Return what a change of the vector is on a canvas of another size."""

    @abstractmethod
    def lift(self, vector: Tensor, onto: "Canvas") -> Tensor:
        """Return where to begin on a canvas of another size, given where this one ended."""

    def image(self, vector: Tensor) -> Tensor:
        """Return the picture, painted only where it is wanted."""
        painted = self.paint(vector)
        return painted if self.where is None else torch.lerp(self.photo, painted, self.where)

    @abstractmethod
    def gradient_scale(self, onto: "Canvas") -> float:
        """Return what a gradient becomes multiplied by on a canvas of another size."""

    def smooth(self, gradient: Tensor) -> Tensor:
        """Return a gradient in the metric that suits the vector."""
        return gradient

    def stuck(self, vector: Tensor, gradient: Tensor) -> Tensor:
        """Tell which values downhill is where they cannot go."""
        return torch.zeros_like(vector, dtype=torch.bool)

    def project_(self, vector: Tensor) -> Tensor:
        """Turn a vector, in place, into the nearest that stands for a picture that can be written."""
        return vector


class Pixels(Canvas):
    """The picture is the vector.

    Args:
        photo: As :class:`Canvas`.
        where: As :class:`Canvas`.
        first: The picture to begin with, RGB in [0, 1], of any size; the photograph by default.
    """

    def __init__(self, photo: Tensor, where: Tensor | None = None, first: Tensor | None = None) -> None:
        super().__init__(photo, where)
        self.first = photo if first is None else first

    def start(self) -> Tensor:
        return resize(self.first, *self.photo.shape[2:]).flatten()

    def paint(self, vector: Tensor) -> Tensor:
        return vector.view(self.photo.shape)

    def move(self, vector: Tensor, onto: Canvas) -> Tensor:
        return resize(vector.view(self.photo.shape), *onto.photo.shape[2:]).flatten()

    def lift(self, vector: Tensor, onto: Canvas) -> Tensor:
        """Enlarge what was painted over the photograph, not the photograph, so that its details are there at once."""
        return onto.photo.flatten() + self.move(vector - self.photo.flatten(), onto)

    def gradient_scale(self, onto: Canvas) -> float:
        return self.photo.numel() / onto.photo.numel()

    def stuck(self, vector: Tensor, gradient: Tensor) -> Tensor:
        """Tell which values are black or white and should be more so.

        They take no part in a step, or the curvature that is learned would be that of changes that never happened.
        Source: Bertsekas. Projected Newton methods for optimization problems with simple constraints. SIAM J. Control
        Optim. 20, 1982, section 2.
        """
        return ((vector <= 0) & (gradient > 0)).logical_or_((vector >= 1) & (gradient < 0))

    def project_(self, vector: Tensor) -> Tensor:
        """Clip to [0, 1] after a step: what is beyond is lost on writing, and the loss is much worse for it."""
        return vector.clamp_(0, 1)

    def smooth(self, gradient: Tensor) -> Tensor:
        """Add averages over squares of growing size: what lies far below the pixels moves sooner.

        L-BFGS is there in three quarters of the evaluations.
        """
        image = gradient.view(self.photo.shape)
        return _enlarged(_averages(image, SQUARES), *image.shape[2:]).add_(image).flatten()


class Network(Canvas):
    """The vector is the weights of a small network that is trained to repaint this one photograph.

    What such a network cannot do, noise and invented strokes, does not come: edges stay where they were, as on a
    photograph taken in other light.

    Args:
        photo: As :class:`Canvas`.
        where: As :class:`Canvas`.
        name: The network.
        seed: Of its first weights.
    """

    def __init__(self, photo: Tensor, where: Tensor | None = None, name: str = "hrnet", seed: int = 0) -> None:
        super().__init__(photo, where)
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            network = build_network(name)
        self.network = network.to(photo.device).requires_grad_(False)
        self.shapes = {key: value.shape for key, value in self.network.named_parameters()}

    def start(self) -> Tensor:
        return torch.cat([value.flatten() for value in self.network.parameters()])

    def paint(self, vector: Tensor) -> Tensor:
        parts = vector.split([shape.numel() for shape in self.shapes.values()])
        weights = {key: part.view(shape) for (key, shape), part in zip(self.shapes.items(), parts, strict=True)}
        return functional_call(self.network, weights, (self.photo,))

    def move(self, vector: Tensor, onto: Canvas) -> Tensor:
        return vector

    def lift(self, vector: Tensor, onto: Canvas) -> Tensor:
        return vector

    def gradient_scale(self, onto: Canvas) -> float:
        return 1.0


def _averages(image: Tensor, times: int) -> Tensor:
    """Return the sum of the averages over squares of sides 2, 4, ... as an image of half the size."""
    total, count, found = image, torch.ones_like(image[:1, :1]), []
    for _ in range(times):
        # Sums and counts, because the squares at the right and the lower border are not whole.
        total = F.avg_pool2d(total, 2, ceil_mode=True, divisor_override=1)
        count = F.avg_pool2d(count, 2, ceil_mode=True, divisor_override=1)
        found.append(total / count)
    coarse = found.pop()
    while found:
        finer = found.pop()
        coarse = finer.add_(_enlarged(coarse, *finer.shape[2:]))
    return coarse


def _enlarged(image: Tensor, height: int, width: int) -> Tensor:
    return F.interpolate(image, scale_factor=2, mode="nearest")[..., :height, :width]
