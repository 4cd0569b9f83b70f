"""What is optimized: the pixels of a picture, or the weights of a network that paints it."""

from abc import ABC, abstractmethod
from copy import deepcopy
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call

from fastnst.images import resize
from fastnst.networks import TransformationNetwork, build_network

Parameterization = Literal["pixels", "hrnet"]

SQUARES = 4
"""Sizes of the squares whose averages precondition L-BFGS: sides of 2, 4, 8 and 16 pixels."""


class Canvas(ABC):
    """A flat vector of parameters, and the picture that they stand for.

    Args:
        photo: The photograph ``(1, 3, H, W)``, RGB in [0, 1].
        mask: Where to paint, ``(1, 1, H, W)`` in [0, 1]; elsewhere the photograph stays. Everywhere by default.
    """

    def __init__(self, photo: Tensor, mask: Tensor | None) -> None:
        self.photo, self.mask = photo, mask

    @abstractmethod
    def start(self) -> Tensor:
        """Return the vector to begin with."""

    @abstractmethod
    def paint(self, vector: Tensor) -> Tensor:
        """Return the picture ``(1, 3, H, W)`` around [0, 1], with its gradients."""

    @abstractmethod
    def resize_change(self, change: Tensor, onto: "Canvas") -> Tensor:
        """Return a change of the vector as a change of the vector of a canvas of another size."""

    @abstractmethod
    def resize_vector(self, vector: Tensor, onto: "Canvas") -> Tensor:
        """Return where to begin on a canvas of another size, given where this one ended."""

    @abstractmethod
    def gradient_scale(self, onto: "Canvas") -> float:
        """Return the factor of a gradient's values on a canvas of another size."""

    def image(self, vector: Tensor) -> Tensor:
        """Return the picture, painted only where the mask says so."""
        painted = self.paint(vector)
        return painted if self.mask is None else torch.lerp(self.photo, painted, self.mask)

    def precondition(self, gradient: Tensor) -> Tensor:
        """Multiply a gradient by a symmetric positive map that approximates the inverse curvature."""
        return gradient

    def active_bounds(self, vector: Tensor, gradient: Tensor) -> Tensor:
        """Tell which values are at a bound that a step along the negative gradient would cross."""
        return torch.zeros_like(vector, dtype=torch.bool)

    def project_(self, vector: Tensor) -> Tensor:
        """Project a vector, in place, onto those whose picture can be written."""
        return vector


class Pixels(Canvas):
    """The picture is the vector.

    Args:
        photo: As :class:`Canvas`.
        mask: As :class:`Canvas`.
        first: The picture to begin with, RGB in [0, 1], of any size; the photograph by default.
    """

    def __init__(self, photo: Tensor, mask: Tensor | None = None, first: Tensor | None = None) -> None:
        super().__init__(photo, mask)
        self.first = photo if first is None else first

    def start(self) -> Tensor:
        return resize(self.first, *self.photo.shape[2:]).flatten()

    def paint(self, vector: Tensor) -> Tensor:
        return vector.view(self.photo.shape)

    def resize_change(self, change: Tensor, onto: Canvas) -> Tensor:
        return resize(change.view(self.photo.shape), *onto.photo.shape[2:]).flatten()

    def resize_vector(self, vector: Tensor, onto: Canvas) -> Tensor:
        """Enlarge the difference from the photograph, not the photograph, so that its details are there at once."""
        return onto.photo.flatten() + self.resize_change(vector - self.photo.flatten(), onto)

    def gradient_scale(self, onto: Canvas) -> float:
        return self.photo.numel() / onto.photo.numel()

    def active_bounds(self, vector: Tensor, gradient: Tensor) -> Tensor:
        """Tell which values are 0 and should fall, or 1 and should rise.

        They take no part in a step, or L-BFGS would learn the curvature of changes that clipping undid.
        Source: Bertsekas. Projected Newton methods for optimization problems with simple constraints. SIAM J. Control
        Optim. 20, 1982, section 2.
        """
        return ((vector <= 0) & (gradient > 0)).logical_or_((vector >= 1) & (gradient < 0))

    def project_(self, vector: Tensor) -> Tensor:
        """Clip to [0, 1] after every step: a file keeps no more, and clipping at the end costs much of the loss."""
        return vector.clamp_(0, 1)

    def precondition(self, gradient: Tensor) -> Tensor:
        """Add averages over squares of growing size, so that low frequencies converge sooner.

        L-BFGS then needs three quarters of the evaluations.
        """
        image = gradient.view(self.photo.shape)
        return _enlarged(_averages(image, SQUARES), *image.shape[2:]).add_(image).flatten()


class Network(Canvas):
    """The vector is the weights of a small network that is trained to repaint this one photograph.

    Such a network cannot produce noise or invented strokes, so edges stay where they were, as on a photograph taken in
    other light.

    Args:
        photo: As :class:`Canvas`.
        mask: As :class:`Canvas`.
        name: The network.
        seed: Of its initial weights.
    """

    def __init__(self, photo: Tensor, mask: Tensor | None = None, name: str = "hrnet", seed: int = 0) -> None:
        super().__init__(photo, mask)
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            network = build_network(name)
        self.network = network.to(photo.device).requires_grad_(False)
        self.shapes = {key: value.shape for key, value in self.network.named_parameters()}

    def start(self) -> Tensor:
        return torch.cat([value.flatten() for value in self.network.parameters()])

    def paint(self, vector: Tensor) -> Tensor:
        return functional_call(self.network, self._weights(vector), (self.photo,))

    def trained(self, vector: Tensor) -> TransformationNetwork:
        """Return a network of its own with these weights."""
        network = deepcopy(self.network)
        network.load_state_dict(self._weights(vector), strict=False)  # buffers stay
        return network

    def _weights(self, vector: Tensor) -> dict[str, Tensor]:
        parts = vector.split([shape.numel() for shape in self.shapes.values()])
        return {key: part.view(shape) for (key, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def resize_change(self, change: Tensor, onto: Canvas) -> Tensor:
        return change

    def resize_vector(self, vector: Tensor, onto: Canvas) -> Tensor:
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
