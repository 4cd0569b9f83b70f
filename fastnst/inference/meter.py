"""How much arithmetic and memory a computation takes, found by watching it on something small."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode

CONVOLUTIONS = ("conv2d", "conv_transpose2d")


class Meter(TorchFunctionMode):
    """Watch what torch computes within the context, call by call; not what a function of torch does inside.

    Attributes:
        macs: Multiplications of convolutions.
        peak: Bytes of all tensors made within the context that were alive at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.macs = self.peak = 0
        self._live: dict[int, tuple[StorageWeakRef, int]] = {}

    def __torch_function__(
        self, func: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if isinstance(result, Tensor):
            self._count(result)
            if getattr(func, "__name__", "") in CONVOLUTIONS:
                self.macs += (result if func.__name__ == "conv2d" else args[0]).numel() * args[1][0].numel()
        return result

    def _count(self, result: Tensor) -> None:
        storage = result.untyped_storage()
        self._live[storage._cdata] = (StorageWeakRef(storage), storage.nbytes())
        self._live = {key: entry for key, entry in self._live.items() if not entry[0].expired()}
        self.peak = max(self.peak, sum(size for _, size in self._live.values()))


def bytes_per_pixel(compute: Callable[[int], object], side: int) -> float:
    """Return by how much the memory of ``compute(side)`` grows with every pixel of a square picture.

    The difference of two sizes leaves out what a picture of any size takes.
    """
    peaks = []
    for length in (side, 2 * side):
        with Meter() as meter, torch.no_grad():
            compute(length)
        peaks.append(meter.peak)
    return (peaks[1] - peaks[0]) / (3 * side * side)
