"""Write down another program's network: its layers as words, and its tensors in the same order."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from fastnst.errors import ConfigError
from fastnst.networks.foreign import Foreign

Numbers = Sequence[float]
Ranges = tuple[tuple[Numbers, Numbers], tuple[Numbers, Numbers]]
"""A factor and a summand per channel for what enters, from [0, 1], and for what leaves, to [0, 1]."""

BYTES: Ranges = (([255.0] * 3, [0.0] * 3), ([1 / 255] * 3, [0.0] * 3))
"""Of networks that read and write 0 to 255."""

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
IMAGENET: Ranges = (
    ([1 / value for value in DEVIATION], [-mean / value for mean, value in zip(MEAN, DEVIATION, strict=True)]),
    (DEVIATION, MEAN),
)
"""Of networks that read and write values standardized by ImageNet's mean and deviation."""


class Mismatch(Exception):  # noqa: N818 (the question whether a layout fits, answered by no)
    """Tensors are missing, left over, or of another shape than a program's network has."""


class Plan:
    """A network that is being written down, from the tensors of a file or from tensors given one by one.

    Args:
        tensors: Those of the file, by name; each is used once, and none may be left in the end.
    """

    def __init__(self, tensors: Mapping[str, Tensor] | None = None) -> None:
        self._left = dict(tensors or {})
        self._layers: list[str] = []
        self._weights: list[Tensor] = []

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str) -> Tensor:
        """Use a tensor of the file."""
        if name not in self._left:
            raise Mismatch(f"no tensor {name}")
        return self._left.pop(name)

    def add(self, *layers: str) -> None:
        """Write layers without weights."""
        self._layers += layers

    def insert(self, place: int, layer: str) -> None:
        """Write a layer without weights before the one at ``place``."""
        self._layers.insert(place, layer)

    def __len__(self) -> int:
        return len(self._layers)

    def conv(self, name: str, stride: int = 1, pad: str = "reflect") -> None:
        """Write a convolution of the file, padded so that it keeps the size."""
        weight, bias = self.take(f"{name}.weight"), self.take(f"{name}.bias")
        if weight.dim() != 4:
            raise Mismatch(f"{name} is no convolution")
        if weight.shape[-1] > 1:
            self.add(f"pad {pad} {weight.shape[-1] // 2}")
        self.convolve(weight, bias, stride)

    def convolve(self, weight: Tensor, bias: Tensor | None, stride: int = 1) -> None:
        """Write a convolution that does not pad; the filters are ``(C, C_in, K, K)``."""
        channels, _, kernel, other = weight.shape
        if kernel != other:
            raise Mismatch(f"filters of {kernel}x{other}")
        self.add(f"conv {channels} {kernel} {stride}")
        self._weights += [weight, torch.zeros(channels) if bias is None else bias]

    def deconv(self, weight: Tensor, bias: Tensor | None, stride: int, padding: int, more: int) -> None:
        """Write a transposed convolution; the filters are ``(C_in, C, K, K)``."""
        if weight.dim() != 4:
            raise Mismatch("filters of no convolution")
        channels, kernel = weight.shape[1:3]
        self.add(f"deconv {channels} {kernel} {stride} {padding} {more}")
        self._weights += [weight, torch.zeros(channels) if bias is None else bias]

    def norm(self, name: str, eps: float = 1e-5) -> None:
        """Write an instance normalization of the file; running averages, which old programs stored, were not used."""
        self.normalize(self.take(f"{name}.weight"), self.take(f"{name}.bias"), eps)
        for unused in ("running_mean", "running_var", "num_batches_tracked"):
            self._left.pop(f"{name}.{unused}", None)

    def normalize(self, scale: Tensor, shift: Tensor, eps: float) -> None:
        """Write an instance normalization."""
        self.add(f"norm {eps:g}")
        self._weights += [scale, shift]

    def scale(self, factor: Tensor, summand: Tensor) -> None:
        """Write a factor and a summand per channel."""
        self.add("scale")
        self._weights += [factor, summand]

    def stage(self, conv: str, norm: str, stride: int = 1, up: int = 1) -> None:
        """Write an enlargement, a convolution with reflected borders, an instance normalization and a ReLU."""
        if up > 1:
            self.add(f"up {up}")
        self.conv(conv, stride)
        self.norm(norm)
        self.add("relu")

    def residual(self, first: tuple[str, str], second: tuple[str, str], times: int = 1) -> None:
        """Write a residual block of two convolutions and norms, whose input is added ``times`` times."""
        self.add("keep 0")
        self.stage(*first)
        self.conv(second[0])
        self.norm(second[1])
        self.add(f"add {times}")

    def build(self, ranges: Ranges = BYTES, channels: str = "rgb") -> Foreign:
        """Make the network.

        Raises:
            Mismatch: Tensors are left over, or do not fit the layers.
        """
        if self._left:
            raise Mismatch(f"tensors are left over: {', '.join(self._left)}")
        try:
            network = Foreign(self._layers, channels, *ranges)
        except ConfigError as error:
            raise Mismatch(str(error)) from error
        own = network.state_dict()
        if [value.shape for value in own.values()] != [value.shape for value in self._weights]:
            raise Mismatch("tensors of another shape")
        network.load_state_dict(dict(zip(own, self._weights, strict=True)))
        return network.eval()


def numbered(plan: Plan, pattern: str, start: int = 1) -> Iterator[int]:
    """Count as long as the plan's file holds the tensor that a pattern such as ``res{}.conv1.weight`` names."""
    number = start
    while pattern.format(number) in plan:
        yield number
        number += 1
