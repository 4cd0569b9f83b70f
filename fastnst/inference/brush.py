"""Paint one picture at once where memory allows, and in tiles where it does not."""

import logging
from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from fastnst.errors import ConfigError
from fastnst.images.bands import bands
from fastnst.inference.meter import bytes_per_pixel
from fastnst.inference.pixels import Canvas, Pixels
from fastnst.inference.tiled import Statistics, paint_tiled
from fastnst.memory import find_memory
from fastnst.networks import TransformationNetwork, are_even, paint_even

log = logging.getLogger(__name__)

SMALL = 2**20
"""Pictures of so many pixels are painted at once, unless a memory budget is given."""

LIMIT = "32-bit index"
"""In what kernels of a GPU say of a tensor of more than 2**31 values, however much memory there is."""

LEAST_MEMORY = 2**24
"""Where so little does not suffice on a GPU, no tile will."""


class Brush:
    """Paint pictures of any size with one network.

    Args:
        device: Where it computes.
        engine: Computes what the network does for a whole picture; may be the network.
        network: In the style to paint in, without gradients; nothing where only a graph of it is known, which paints
            every picture at once.
    """

    def __init__(
        self, device: torch.device, engine: Callable[[Tensor], Tensor], network: TransformationNetwork | None
    ) -> None:
        self.device, self.engine, self.network = device, engine, network

    def __call__(
        self, pixels: Pixels, canvas: Canvas, memory: int | None = None, statistics: Statistics = "exact"
    ) -> None:
        """Paint a picture.

        Args:
            pixels: The picture.
            canvas: What is painted on.
            memory: Bytes to work with; a share of what is free by default. If a GPU cannot, half of it is tried.
            statistics: See :func:`~fastnst.inference.tiled.paint_tiled`.

        Raises:
            ConfigError: The memory does not suffice, or the network cannot be computed in tiles.
            FloatingPointError: The network returned values that are not finite.
            OSError: There is no room for temporary data.
        """
        if self.network is None:
            if memory is not None or statistics != "exact":
                raise ConfigError("a graph paints every picture at once; choose the .safetensors for tiles")
            return self._paint_whole(pixels, canvas)
        least = self.network.min_size
        count = max(pixels.height, least) * max(pixels.width, least)  # what the network works at
        if memory is None and count <= SMALL and statistics == "exact":
            budget = needed = float(self.whole_bytes * count) if self.device.type != "cpu" else 0.0
        else:
            budget, needed = float(memory or find_memory(self.device)), self.whole_bytes * count
        while True:
            try:
                return self._paint(pixels, canvas, budget, needed, statistics)
            except RuntimeError as error:
                budget = min(budget, needed) / 2
                if budget < LEAST_MEMORY or not (isinstance(error, torch.OutOfMemoryError) or LIMIT in str(error)):
                    raise
                reason = "cannot take so much at once" if LIMIT in str(error) else "is out of memory"
            log.warning("%s %s; trying again with %.1f GB of it", self.device, reason, budget / 2**30)
            torch.cuda.empty_cache()

    def _paint(self, pixels: Pixels, canvas: Canvas, budget: float, needed: float, statistics: Statistics) -> None:
        assert self.network is not None, "a graph paints whole pictures"
        if statistics == "exact" and needed <= budget:
            return self._paint_whole(pixels, canvas)
        if not self.network.holds_statistics and _is_even(pixels):
            return self._paint_evenly(pixels, canvas)
        if self.engine is not self.network:
            log.warning("a picture of %dx%d is painted in tiles, by torch", pixels.width, pixels.height)
        paint_tiled(self.network, pixels, canvas, budget, statistics)

    def _paint_whole(self, pixels: Pixels, canvas: Canvas) -> None:
        canvas.write(0, 0, self.whole(pixels.read(slice(0, pixels.height), slice(0, pixels.width))))

    def _paint_evenly(self, pixels: Pixels, canvas: Canvas) -> None:
        assert self.network is not None, "a graph paints whole pictures"
        color = paint_even(self.network, pixels.read(slice(0, 1), slice(0, 1)).to(self.device))
        for rows in bands(pixels.height, pixels.width):
            canvas.write(rows.start, 0, color.expand(1, 3, rows.stop - rows.start, pixels.width))

    @torch.inference_mode()
    def whole(self, images: Tensor) -> Tensor:
        """Paint ``(B, 3, H, W)``, RGB in [0, 1], at once.

        Raises:
            FloatingPointError: The network returned values that are not finite.
        """
        images = images.to(self.device, torch.float32).contiguous(memory_format=torch.channels_last)
        painted = self._even(images, self.engine(images).clamp(0, 1))
        if not torch.isfinite(painted).all():
            raise FloatingPointError("the network returned values that are not finite numbers; train it again")
        return painted

    def _even(self, images: Tensor, painted: Tensor) -> Tensor:
        """Put one color for pictures of one color, unless they are parts of another; a graph does so itself."""
        if self.network is None or self.network.holds_statistics:
            return painted
        even = are_even(images)
        if not even.any():
            return painted
        return torch.where(even[:, None, None, None], paint_even(self.network, images), painted)

    @cached_property
    def whole_bytes(self) -> float:
        """Memory per pixel of a picture that is painted at once."""
        network = self.network
        assert network is not None, "a graph does not say"
        side = network.size_multiple
        while side < max(64, network.min_size):
            side *= 2
        return bytes_per_pixel(lambda side: network(torch.rand(1, 3, side, side, device=self.device)), side)


def _is_even(pixels: Pixels) -> bool:
    """Say whether a picture of any size is of one color."""
    corner = pixels.read(slice(0, 1), slice(0, 1))
    strips = (pixels.read(rows, slice(0, pixels.width)) for rows in bands(pixels.height, pixels.width))
    return all(bool((strip == corner).all()) for strip in strips)
