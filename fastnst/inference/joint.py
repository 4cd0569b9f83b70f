"""Paint pictures of one size at once: on a GPU a small picture leaves most cores idle."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from fastnst.inference.batch import MAX_BATCH_PIXELS
from fastnst.inference.batching import Batcher, Result
from fastnst.inference.brush import SMALL
from fastnst.inference.pixels import ArrayPixels
from fastnst.inference.stylizer import Stylizer

CPU_PIXELS = 2**18
"""Of a batch on a CPU: of eight pictures of 64 pixels a side each takes a third of its time, of 256 all of it, and of
512, which drive each other out of the caches, half as much again."""

MOST = 16
"""Pictures of a batch."""


def together(photo: np.ndarray, most: int, device: torch.device) -> int:
    """Return how many pictures of a size may be one batch: large ones gain nothing by it, and deep ones lose."""
    pixels = photo.shape[0] * photo.shape[1]
    if photo.dtype != np.uint8 or pixels > SMALL:
        return 1
    return max(1, min(most, (CPU_PIXELS if device.type == "cpu" else MAX_BATCH_PIXELS) // pixels))


def paint(stylizer: Stylizer, photos: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Paint pictures of one size and type at once.

    Each becomes what it becomes alone, but that a kernel chosen for the batch may add up in another order, which moves
    one value in ten thousand to the next of 256 levels.
    """
    if len(photos) == 1:
        return [stylizer.paint(photos[0])]
    height, width = photos[0].shape[:2]
    everything = slice(0, height), slice(0, width)
    painted = stylizer(torch.cat([ArrayPixels(photo).read(*everything) for photo in photos]))
    results = [np.empty_like(photo) for photo in photos]
    for result, image in zip(results, painted, strict=True):
        ArrayPixels(result).write(0, 0, image[None])
    return results


class Joint:
    """Let threads paint in company: what waits at the same time, of one size and style, is painted at once."""

    def __init__(self) -> None:
        self._batcher = Batcher()

    def __call__(self, stylizer: Stylizer, photo: np.ndarray) -> np.ndarray:
        """Paint one picture; as :func:`paint`.

        Raises:
            FloatingPointError: The network returned values that are not finite.
        """
        most = together(photo, MOST, stylizer.device)
        key = (id(stylizer), photo.shape, photo.dtype)
        return self._batcher.submit(key, lambda photos: paint(stylizer, photos), photo, most).result()

    def alone(self, work: Callable[[], Result]) -> Result:
        """Do what has no company in its turn."""
        return self._batcher.alone(work).result()

    @property
    def waiting(self) -> int:
        """Pictures that have not begun."""
        return self._batcher.waiting

    def close(self) -> None:
        """End its thread."""
        self._batcher.close()
