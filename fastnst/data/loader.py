"""Serve batches of crops from worker processes, with what the workers have to report."""

import os
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from fastnst.data.photos import PhotoDataset, Problem, Sample
from fastnst.data.stream import PhotoStream


def usual_workers() -> int:
    """Return how many processes decode where nothing is said: one less than there are cores, at most 8."""
    return min(8, max(1, (os.cpu_count() or 2) - 1))


class CropLoader(DataLoader[Any]):
    """Batches ``(B, 3, H, W)`` of bytes.

    Iterating raises the errors that workers hand over, :class:`ConfigError` and ``OSError``, as they would be raised
    without workers.

    Args:
        dataset: What is served.
        workers: Processes that decode; 0 decodes in this one.
        drop: Batches to leave out at the beginning: those that a resumed :class:`PhotoStream` serves again.
        options: Of ``DataLoader``: a batch size or a batch sampler.

    Attributes:
        skipped: Names of the photographs that could not be used, in the batches so far.
    """

    def __init__(self, dataset: PhotoDataset | PhotoStream, workers: int = 0, drop: int = 0, **options: Any) -> None:
        super().__init__(
            dataset,
            num_workers=workers,
            collate_fn=_gather,
            pin_memory=torch.cuda.is_available(),
            persistent_workers=workers > 0,
            prefetch_factor=4 if workers else None,
            **options,
        )
        self.drop = drop
        self.skipped: dict[Hashable, str] = {}

    def __iter__(self) -> Iterator[Tensor]:  # type: ignore[override]  # the parent promises its own kind of iterator
        for number, batch in enumerate(super().__iter__()):
            if isinstance(batch, Exception):
                raise type(batch)(*batch.args)  # raised itself, it would hold this frame and be held by it
            self.skipped = batch.skipped | self.skipped  # a photograph keeps its first name
            if number >= self.drop:
                yield batch.crop


def _gather(samples: Sequence[Sample | Problem]) -> Sample | Problem:
    """Stack crops and join names, or hand on the first error."""
    crops: list[Tensor] = []
    skipped: dict[Hashable, str] = {}
    for sample in samples:
        if not isinstance(sample, Sample):
            return sample
        crops.append(sample.crop)
        skipped |= sample.skipped
    return Sample(torch.stack(crops), skipped)
