"""Serve batches of crops from worker processes, with what the workers have to report."""

import logging
import os
from collections.abc import Hashable, Iterator, Sequence
from itertools import count
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from fastnst.data.photos import PhotoDataset, Problem, Sample
from fastnst.data.sampler import EndlessBatches
from fastnst.data.stream import PhotoStream
from fastnst.data.workers import POLL, LostWorkersError, dismiss, keeping_child_handler, next_batch

log = logging.getLogger(__name__)

REPLACED = 3
"""How often in a row, without a batch in between, lost workers are replaced."""

PATIENCE = 60.0
"""Seconds without a batch after which workers count as lost; a stream may take :data:`STREAM_PATIENCE`."""

STREAM_PATIENCE = 600.0


def usual_workers() -> int:
    """Return how many processes decode where nothing is said: one less than there are cores, at most 8."""
    return min(8, max(1, (os.cpu_count() or 2) - 1))


class CropLoader(DataLoader[Any]):
    """Batches ``(B, 3, H, W)`` of bytes.

    Iterating raises the errors that workers hand over, :class:`ConfigError` and ``OSError``, as they would be raised
    without workers. Workers that die or hang are replaced, and what they owed is served as if nothing had happened;
    where that fails several times in a row, it is an ``OSError``.

    Args:
        dataset: What is served. Of a :class:`PhotoStream` the batches are left out that it serves again when resumed.
        workers: Processes that decode; 0 decodes in this one.
        pin_memory: For a GPU of CUDA, which then copies faster.
        options: Of ``DataLoader``: a batch size or a batch sampler.

    Attributes:
        skipped: Names of the photographs that could not be used, in the batches so far.
    """

    def __init__(
        self, dataset: PhotoDataset | PhotoStream, workers: int = 0, pin_memory: bool = False, **options: Any
    ) -> None:
        super().__init__(
            dataset,
            num_workers=workers,
            collate_fn=_gather,
            pin_memory=pin_memory,
            persistent_workers=workers > 0,
            prefetch_factor=4 if workers else None,
            timeout=POLL if workers else 0,
            generator=torch.Generator(),  # or each iteration would draw a number from the program's own
            **options,
        )
        self.skipped: dict[Hashable, str] = {}
        self._first = self._source.start if self._source else 0

    def __iter__(self) -> Iterator[Tensor]:  # type: ignore[override]  # the parent promises its own kind of iterator
        at, lost = self._first, 0
        while True:
            try:
                for batch in self._serve(at):
                    at, lost = at + 1, 0
                    yield batch
                return
            except LostWorkersError as error:
                lost += 1
                if lost > REPLACED or self._source is None:
                    raise OSError(f"{error}; lower --data.workers") from error
                log.warning("%s; others take over", error)

    def _serve(self, start: int) -> Iterator[Tensor]:
        """Serve from a batch on.

        Raises:
            LostWorkersError: After they have been dismissed.
        """
        streamed, drop = isinstance(self.dataset, PhotoStream), 0
        if self._source is not None:
            self._source.start, drop = start, start % max(1, self.num_workers) if streamed else 0
        with keeping_child_handler():
            batches = super().__iter__()
        patience = STREAM_PATIENCE if streamed else PATIENCE
        try:
            for number in count():
                batch = next_batch(batches, patience)
                if isinstance(batch, Exception):
                    raise type(batch)(*batch.args)  # raised itself, it would hold this frame and be held by it
                self.skipped = batch.skipped | self.skipped  # a photograph keeps its first name
                if number >= drop:
                    yield batch.crop
        except StopIteration:
            return
        except LostWorkersError:
            dismiss(batches)
            self._iterator = None  # torch would use it again
            raise

    @property
    def _source(self) -> PhotoStream | EndlessBatches | None:
        """What can begin at any batch."""
        for source in (self.dataset, self.batch_sampler):
            if isinstance(source, PhotoStream | EndlessBatches):
                return source
        return None


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
