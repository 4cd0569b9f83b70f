"""Which worker has which batch: bookkeeping alone, so that it can be tested and simulated without a cluster."""

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Generic, TypeVar

Item = TypeVar("Item")

HAND = 2
"""Batches that a worker has in hand, so that it reads and writes one while it computes another."""

TRIES = 4
"""Workers that an item may take with it, before it is given up; half of these in company, the others alone."""

SLOW = 3.0
"""A batch that takes so many times the median is given to a second worker, once there are no others to give."""

PATIENCE = 30.0
"""Seconds that it takes at least."""

LATELY = 200
"""Batches of which the median is taken."""


@dataclass(eq=False)
class Batch(Generic[Item]):
    """Items that one worker takes together.

    Attributes:
        losses: Workers that were lost with it.
        since: When it was given to each worker that has it.
    """

    items: Sequence[Item]
    losses: int = 0
    since: dict[Hashable, float] = field(default_factory=dict)

    @property
    def suspect(self) -> bool:
        """Whether it may be what takes workers with it; then a worker has it alone in hand."""
        return self.losses >= TRIES // 2


class Dispatch(Generic[Item]):
    """Give batches to workers until each is settled once, whatever becomes of the workers.

    What a lost worker had in hand goes to others. A batch that was lost twice is taken apart, so that an item which
    takes its worker with it (one that does not fit into memory, say) is found, and given up alone. At the end, idle
    workers get a copy of what others are slow at; the first result counts.

    Args:
        batches: In the order in which they are given.
    """

    def __init__(self, batches: Sequence[Sequence[Item]]) -> None:
        self._waiting = deque(Batch(items) for items in batches if items)
        self._flying: dict[Batch[Item], None] = {}  # in the order in which they were given
        self._hands: dict[Hashable, list[Batch[Item]]] = {}
        self._times: deque[float] = deque(maxlen=LATELY)
        self._stopped = False

    @property
    def done(self) -> bool:
        """Whether all is settled."""
        return not self._flying and (self._stopped or not self._waiting)

    def take(self, worker: Hashable, now: float) -> Batch[Item] | None:
        """Give a worker its next batch, or nothing: it has enough, or there is none for it."""
        mine = self._hands.setdefault(worker, [])
        if self._stopped or len(mine) >= HAND or any(batch.suspect for batch in mine):
            return None
        batch = next((batch for batch in self._waiting if not (mine and batch.suspect)), None)
        if batch is not None:
            self._waiting.remove(batch)
        elif not mine:
            batch = self._slow(now)
        if batch is not None:
            self._flying[batch] = None
            batch.since[worker] = now
            mine.append(batch)
        return batch

    def settle(self, worker: Hashable, batch: Batch[Item], now: float) -> bool:
        """Take note of a result; says whether it is the first of its batch, which counts."""
        self._hands[worker].remove(batch)
        first = batch in self._flying
        if first:
            del self._flying[batch]
            self._times.append(now - batch.since[worker])
        return first

    def lose(self, worker: Hashable) -> list[Item]:
        """Give what a lost worker had to others; return the items that are given up."""
        given_up: list[Item] = []
        for batch in self._hands.pop(worker, []):
            if batch not in self._flying:  # a copy, and the other is done
                continue
            del batch.since[worker]
            batch.losses += 1
            if batch.since:  # another has a copy
                continue
            del self._flying[batch]
            if len(batch.items) == 1 and batch.losses >= TRIES:
                given_up += batch.items
            elif len(batch.items) > 1 and batch.suspect:
                self._waiting.extendleft(Batch([item], batch.losses) for item in reversed(batch.items))
            else:
                self._waiting.appendleft(batch)
        return given_up

    def stop(self) -> None:
        """Give nothing else; what is in hand is settled as it comes."""
        self._stopped = True

    def _slow(self, now: float) -> Batch[Item] | None:
        """Return what has taken longest, if that is far too long and only one worker is at it."""
        oldest = next((batch for batch in self._flying if len(batch.since) == 1), None)
        if oldest is None or not self._times:
            return None
        limit = max(PATIENCE, SLOW * median(self._times))
        return oldest if now - min(oldest.since.values()) > limit else None
