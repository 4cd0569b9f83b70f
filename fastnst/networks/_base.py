"""What every transformation network declares, and the names by which checkpoints refer to them."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from fastnst.errors import ConfigError
from fastnst.images import pad_to
from fastnst.registry import Registry


class TransformationNetwork(nn.Module, ABC):
    """Paint images in one forward pass.

    Images are ``(B, 3, H, W)``, RGB in [0, 1]; the result has exactly their size and lies *around* [0, 1]: it is
    clamped at the exit of the program, not here, so that gradients live at the edges of the range.

    Attributes:
        size_multiple: Sides the network works at are multiples of this; :meth:`forward` pads and crops.
        min_size: Shortest side it works at, in pixels.
        receptive_field: Side of the square, centered on an output pixel, outside which no pixel matters to it, apart
            from normalization.
        norm: ``"instance"`` if statistics of the whole picture enter every pixel.
        num_styles: How many styles one set of weights paints.
        config: Keyword arguments that rebuild the network; plain data.
        output: The last layer, which stays in float32 when the rest does not.
    """

    size_multiple: ClassVar[int]
    min_size: ClassVar[int]
    norm: ClassVar[str] = "instance"
    num_styles: int = 1
    receptive_field: int
    config: dict[str, Any]
    output: nn.Module

    def compute_in(self, dtype: torch.dtype) -> None:
        """Turn all layers but the output to ``dtype``; :meth:`paint` casts what passes between them."""
        for name, child in self.named_children():
            child.to(torch.float32 if name == "output" else dtype)

    @abstractmethod
    def paint(self, images: Tensor) -> Tensor:
        """Transform images whose sides are multiples of ``size_multiple`` and at least ``min_size``."""

    def forward(self, images: Tensor) -> Tensor:
        """Transform images of any size."""
        height, width = images.shape[-2:]
        painted = self.paint(pad_to(images, self.size_multiple, self.min_size))
        return painted[..., :height, :width]


NETWORKS: Registry[type[TransformationNetwork]] = Registry("network")
"""Transformation networks by the name that configs and checkpoints use."""


def build_network(name: str, **config: Any) -> TransformationNetwork:
    """Make the network ``name`` with random weights.

    Raises:
        ConfigError: An unknown name, or options it does not take.
    """
    try:
        return NETWORKS[name](**config)
    except TypeError as error:
        raise ConfigError(f"network {name} does not take {config}: {error}") from None
