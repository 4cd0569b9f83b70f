"""How many photographs a second the loader serves, and how many a training takes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from datasets import IterableDataset
from torch import Tensor

from fastnst.assets.drawings import draw
from fastnst.data.loader import CropLoader, usual_workers
from fastnst.data.photos import PhotoDataset
from fastnst.data.sampler import EndlessBatches
from fastnst.data.sources import Photos
from fastnst.data.stream import PhotoStream
from fastnst.devices import Precision, best_precision, pick_device
from fastnst.images import to_tensor
from fastnst.losses import LossConfig
from fastnst.training.recipe import Recipe, Training
from fastnst.training.start import initial_network
from fastnst.training.steps import take_targets

STYLE_SIZE = 384
"""Pixels of the style picture, as ``--style_size``."""

SPARE = 1.2
"""The loader is to be faster than the training by this factor: its pace is uneven."""

WARM = 2
"""Steps that are not counted: memory is taken, kernels are chosen."""


@dataclass(frozen=True)
class Pace:
    """Photographs a second.

    Args:
        loader: That the loader serves, by itself.
        first: That the default recipe takes in the first half of a run, when it sees a quarter of each crop.
        later: That it takes in the second half.
        workers: Processes of the loader.
        device: Where the training was measured.
    """

    loader: float
    first: float
    later: float
    workers: int
    device: str

    @property
    def enough(self) -> bool:
        """Whether a training never waits for photographs."""
        return self.loader >= SPARE * max(self.first, self.later)


def measure(
    photos: Photos,
    size: int = 256,
    batch_size: int = 4,
    workers: int | None = None,
    seconds: float = 5.0,
    device: str | None = None,
    precision: Precision | None = None,
    folder: Path | None = None,
) -> Pace:
    """Measure the loader, and steps of a training by the default recipe, for some seconds each.

    Where both share the cores of a CPU, either takes time from the other: the loader should be much faster there.

    Args:
        photos: Undecoded.
        size: Side of the crops, pixels.
        batch_size: Crops of a step.
        workers: Processes that decode; as a training has them by default.
        seconds: For each of three measurements.
        device: As ``--device`` of a training.
        precision: As ``--precision``.
        folder: Where shared starts are, in place of the bundled ones.

    Raises:
        ConfigError: No photograph can be used.
        OSError: The photographs cannot be read.
    """
    where = pick_device(device)
    loader = _loader(photos, size, batch_size, usual_workers() if workers is None else workers)
    batch, served = _served(loader, seconds)
    crops = (batch.float() / 255).to(where).contiguous(memory_format=torch.channels_last)
    train = _training(crops, where, precision or best_precision(where), folder)
    first, later = (_trained(train, crops, share, seconds) for share in (0.0, 1.0))
    return Pace(served, first, later, loader.num_workers, str(where))


def _served(loader: CropLoader, seconds: float) -> tuple[Tensor, float]:
    """Return the first batch, and how many photographs a second there are behind it; its workers end."""
    batches = iter(loader)
    return next(batches), _rate(lambda: len(next(batches)), seconds)


def _loader(photos: Photos, size: int, batch_size: int, workers: int) -> CropLoader:
    if isinstance(photos, IterableDataset):
        stream = PhotoStream(photos, size, 0, batch_size)
        return CropLoader(stream, min(workers, stream.most_workers), batch_size=batch_size)
    crops = PhotoDataset(photos, size, 0)
    return CropLoader(crops, workers, batch_sampler=EndlessBatches(len(crops), batch_size, 0))


def _training(crops: Tensor, device: torch.device, precision: Precision, folder: Path | None) -> Training:
    """Begin a training by the default recipe, in the style of a drawn picture."""
    style = to_tensor(draw(0, STYLE_SIZE)).to(device)
    start = initial_network("lite", {}, "shared", [style.cpu()], folder=folder)
    network = start.network.to(device).to(memory_format=torch.channels_last)
    targets = take_targets(LossConfig().build().to(device), style, crops)
    return Training(network, targets, Recipe.beginning(start.init != "random"), precision)


def _trained(train: Training, crops: Tensor, share: float, seconds: float) -> float:
    def one() -> int:
        float(train(crops, share).total)  # waits for the device
        return len(crops)

    for _ in range(WARM):
        one()
    return _rate(one, seconds)


def _rate(one: Callable[[], int], seconds: float) -> float:
    """Return how many a second there are, of one call at least."""
    start, count = time.perf_counter(), 0
    while not count or time.perf_counter() - start < seconds:
        count += one()
    return count / (time.perf_counter() - start)
