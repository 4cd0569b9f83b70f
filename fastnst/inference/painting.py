"""Paint one picture at once where memory allows, and in tiles where it does not."""

import logging
from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from fastnst.inference.meter import bytes_per_pixel
from fastnst.inference.pixels import Canvas, Pixels
from fastnst.inference.tiled import Statistics, paint_tiled
from fastnst.memory import find_memory
from fastnst.networks import TransformationNetwork

log = logging.getLogger(__name__)

SMALL = 2**20
"""Pictures of so many pixels are painted at once, unless a memory budget is given."""

LEAST_MEMORY = 2**24
"""Where so little does not suffice on a GPU, no tile will."""


class Painter:
    """Paint pictures of any size with one network.

    Args:
        network: In the style to paint in, without gradients, on its device.
        engine: Computes what the network does for a whole picture; the network itself by default.
    """

    def __init__(self, network: TransformationNetwork, engine: Callable[[Tensor], Tensor] | None = None) -> None:
        self.network, self.engine = network, engine or network
        self.device = next(network.parameters()).device

    def __call__(
        self, pixels: Pixels, canvas: Canvas, memory: int | None = None, statistics: Statistics = "exact"
    ) -> None:
        """Paint a picture.

        Args:
            pixels: The picture.
            canvas: What is painted on.
            memory: Bytes to work with; a share of what is free by default. If a GPU runs out, half of it is tried.
            statistics: See :func:`~fastnst.inference.tiled.paint_tiled`.

        Raises:
            ConfigError: The memory does not suffice, or the network cannot be computed in tiles.
            FloatingPointError: The network returned values that are not finite.
            OSError: There is no room for temporary data.
        """
        count = pixels.height * pixels.width
        if memory is None and count <= SMALL and statistics == "exact":
            budget = needed = float(self.whole_bytes * count) if self.device.type != "cpu" else 0.0
        else:
            budget, needed = float(memory or find_memory(self.device)), self.whole_bytes * count
        while True:
            try:
                return self._paint(pixels, canvas, budget, needed, statistics)
            except torch.OutOfMemoryError:
                budget = min(budget, needed) / 2
                if budget < LEAST_MEMORY:
                    raise
            log.warning("%s is out of memory; trying again with %.1f GB of it", self.device, budget / 2**30)
            torch.cuda.empty_cache()

    def _paint(self, pixels: Pixels, canvas: Canvas, budget: float, needed: float, statistics: Statistics) -> None:
        if statistics == "exact" and needed <= budget:
            image = pixels.read(slice(0, pixels.height), slice(0, pixels.width))
            canvas.write(0, 0, self.whole(image))
            return
        if self.engine is not self.network:
            log.warning("a picture of %dx%d is painted in tiles, by torch", pixels.width, pixels.height)
        paint_tiled(self.network, pixels, canvas, budget, statistics)

    @torch.inference_mode()
    def whole(self, images: Tensor) -> Tensor:
        """Paint ``(B, 3, H, W)``, RGB in [0, 1], at once.

        Raises:
            FloatingPointError: The network returned values that are not finite.
        """
        images = images.to(self.device, torch.float32).contiguous(memory_format=torch.channels_last)
        painted = self.engine(images).clamp(0, 1)
        if not torch.isfinite(painted).all():
            raise FloatingPointError("the network returned values that are not finite numbers; train it again")
        return painted

    @cached_property
    def whole_bytes(self) -> float:
        """Memory per pixel of a picture that is painted at once."""
        side = self.network.size_multiple
        while side < max(64, self.network.min_size):
            side *= 2
        return bytes_per_pixel(lambda side: self.network(torch.rand(1, 3, side, side, device=self.device)), side)
