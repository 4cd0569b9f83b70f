"""Photographs that are streamed: endless crops, the same again when a run is resumed."""

from collections.abc import Hashable, Iterator
from itertools import count, islice

import numpy as np
from datasets import IterableDataset
from datasets.distributed import split_dataset_by_node
from torch.utils import data

from fastnst.data.photos import (
    MAX_ATTEMPTS,
    Problem,
    Row,
    Sample,
    decode,
    digest,
    name_of,
    problem,
    random_crop,
    to_bytes,
)
from fastnst.errors import ConfigError
from fastnst.images import ImageError

SHUFFLE_BUFFER = 1000
"""Photographs among which a worker draws the next."""


class PhotoStream(data.IterableDataset[Sample | Problem]):
    """Endless crops of streamed photographs, every pass in another order.

    The order of a pass is a function of the seed, the pass and the number of workers; a crop is one of the seed, the
    process, the worker and its place in the order. A photograph that cannot be used is replaced by the next that can.
    So every row is one place, and a resumed stream continues exactly where it stopped: it reads the rows before that
    place again, without decoding them.

    Args:
        photos: Undecoded photographs, of all processes.
        size: Side of the crops, pixels.
        seed: Of order and crops.
        batch_size: Crops of one worker that become a batch; the workers take turns.
        start: Batches already served. Since the workers always begin with the first, the stream begins at the last
            multiple of their number: ``start % workers`` batches are served again.
        rank: Of this process.
        world_size: Number of processes.
        held_out: Digests of photographs that are kept for validation.
    """

    def __init__(
        self,
        photos: IterableDataset,
        size: int,
        seed: int,
        batch_size: int = 1,
        start: int = 0,
        rank: int = 0,
        world_size: int = 1,
        held_out: frozenset[bytes] = frozenset(),
    ) -> None:
        self.photos, self.size, self.seed = photos, size, seed
        self.batch_size, self.start = batch_size, start
        self.rank, self.world_size, self.held_out = rank, world_size, held_out

    @property
    def most_workers(self) -> int:
        """The number of workers that get photographs: one for each file of this process's share."""
        return int(split_dataset_by_node(self.photos, self.rank, self.world_size).num_shards)

    def __iter__(self) -> Iterator[Sample | Problem]:
        info = data.get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        first = self.start // workers * self.batch_size
        try:
            yield from self._crops(islice(self._rows(worker, workers), first, None), worker, first)
        except (OSError, ValueError) as error:
            yield problem(error)

    def _crops(self, rows: Iterator[tuple[str, Row]], worker: int, first: int) -> Iterator[Sample]:
        skipped: dict[Hashable, str] = {}
        unusable = 0
        for place, (name, row) in enumerate(rows, first):
            try:
                image = decode(row, self.size // 2, name)
            except ImageError as error:
                unusable += 1
                if unusable >= MAX_ATTEMPTS:
                    raise ConfigError(f"no usable photograph among {unusable} in a row: {error}") from error
                skipped[digest(row)] = name_of(row, name)
                continue
            for number in range(place - unusable, place + 1):
                rng = np.random.default_rng((self.seed, self.rank, worker, number))
                yield Sample(to_bytes(random_crop(image, self.size, rng)), skipped)
            skipped, unusable = {}, 0

    def _rows(self, worker: int, workers: int) -> Iterator[tuple[str, Row]]:
        """Read the rows of one worker, pass after pass, each with a name for it.

        Raises:
            ConfigError: A pass without any.
        """
        for epoch in count():
            empty = True
            for number, row in enumerate(self._pass(epoch)):
                if not self.held_out or digest(row) not in self.held_out:
                    empty = False
                    yield f"photograph {number} of worker {worker} in pass {epoch}", row
            if empty:
                raise ConfigError(_nothing(worker, workers, len(self.held_out)))

    def _pass(self, epoch: int) -> IterableDataset:
        """Shuffle anew; ``set_epoch`` would change the pass of all workers, which share that number."""
        generator = np.random.default_rng((self.seed, epoch))
        shuffled = self.photos.shuffle(generator=generator, buffer_size=SHUFFLE_BUFFER)
        return split_dataset_by_node(shuffled, self.rank, self.world_size)


def _nothing(worker: int, workers: int, held_out: int) -> str:
    beside = f" beside the {held_out} that are held out" if held_out else ""
    if workers == 1:
        return f"the stream holds no photographs to train on{beside}"
    return f"worker {worker} of {workers} finds no photographs in its share of the stream{beside}; lower data.workers"
