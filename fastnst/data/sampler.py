"""The order of the photographs: endless, shuffled, shared out among processes, and resumable at any step."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from fastnst.data.photos import Key


class EndlessBatches(Sampler[list[Key]]):
    """Yield the keys of one process's batches, pass after pass, without end.

    Every pass is a permutation that depends on the seed and the number of the pass only. The processes take turns:
    step ``t`` uses the next ``batch_size * world_size`` photographs, of which each process takes its own part, so no
    two see the same one within a pass.

    Args:
        length: Photographs in the set.
        batch_size: Photographs per process and step.
        seed: Of the permutations.
        rank: Of this process.
        world_size: Number of processes.
        start: Steps already done.
        before: Photographs served before those steps, by another number of processes or in batches of another size.
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        seed: int,
        rank: int = 0,
        world_size: int = 1,
        start: int = 0,
        before: int = 0,
    ) -> None:
        self.length, self.batch_size, self.seed = length, batch_size, seed
        self.rank, self.world_size, self.start, self.before = rank, world_size, start, before

    def __iter__(self) -> Iterator[list[Key]]:
        step, epoch, order = self.start, -1, np.empty(0, dtype=int)
        while True:
            first = self.before + (step * self.world_size + self.rank) * self.batch_size
            keys = []
            for position in range(first, first + self.batch_size):
                if position // self.length != epoch:
                    epoch = position // self.length
                    order = np.random.default_rng((self.seed, epoch)).permutation(self.length)
                keys.append((epoch, int(order[position % self.length])))
            yield keys
            step += 1
