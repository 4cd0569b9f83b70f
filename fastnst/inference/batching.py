"""One thread that computes for all: what can be computed together is, in the order in which it came."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

SMOOTH = 0.1
"""Weight of the newest item in the average of how long one takes."""


@dataclass
class _Entry:
    """An item that waits, and how it is computed together with ``most - 1`` others of its key."""

    key: Hashable
    work: Callable[[list[Any]], Sequence[Any]]
    item: Any
    most: int
    future: Future[Any] = field(default_factory=Future)


class Batcher:
    """Compute items in one thread; those of one key that wait at the same time are one batch.

    Nothing is held back in the hope of company: what comes alone is computed at once, and a batch is made of what came
    while the one before was computed. The oldest item goes first, so none waits for ever.

    Args:
        on_batch: Called in that thread with the number of items and the seconds they took.

    Attributes:
        seconds: An item has taken on average, lately.
    """

    def __init__(self, on_batch: Callable[[int, float], None] = lambda count, seconds: None) -> None:
        self.on_batch, self.seconds = on_batch, 0.0
        self._waiting: deque[_Entry] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="fastnst-compute", daemon=True)
        self._thread.start()

    def submit(
        self, key: Hashable, work: Callable[[list[Item]], Sequence[Result]], item: Item, most: int
    ) -> Future[Result]:
        """Have an item computed.

        Args:
            key: Equal for items that can be computed together, by the same work.
            work: Computes several items.
            item: To compute.
            most: Items of a batch.

        Raises:
            RuntimeError: The batcher was closed.
        """
        entry = _Entry(key, work, item, most)
        with self._changed:
            if self._closed:
                raise RuntimeError("the server is being stopped")
            self._waiting.append(entry)
            self._changed.notify()
        return entry.future

    def alone(self, work: Callable[[], Result]) -> Future[Result]:
        """Have something computed that has no company."""
        return self.submit(object(), lambda items: [work()], None, 1)

    @property
    def waiting(self) -> int:
        """Items that have not begun."""
        return len(self._waiting)

    @property
    def alive(self) -> bool:
        """Whether the thread is there."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Compute what waits, then end the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while entries := self._next():
            started = [entry for entry in entries if entry.future.set_running_or_notify_cancel()]
            if not started:
                continue
            begun = time.perf_counter()
            _compute(started)
            taken = time.perf_counter() - begun
            self.seconds += (SMOOTH if self.seconds else 1) * (taken / len(started) - self.seconds)
            self.on_batch(len(started), taken)

    def _next(self) -> list[_Entry]:
        """Wait for the next batch; none when all is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return []
            first = self._waiting.popleft()
            batch, others = [first], deque[_Entry]()
            for entry in self._waiting:
                (batch if entry.key == first.key and len(batch) < first.most else others).append(entry)
            self._waiting = others
            return batch


def _compute(entries: list[_Entry]) -> None:
    """Compute a batch; where that fails, each item alone, so that none fails for another's sake."""
    try:
        results = entries[0].work([entry.item for entry in entries])
    except Exception as error:  # which is handed to whoever waits
        if len(entries) == 1:
            entries[0].future.set_exception(error)
            return
        log.warning("a batch of %d failed (%s); each is computed alone", len(entries), error)
        for entry in entries:
            _compute([entry])
        return
    for entry, result in zip(entries, results, strict=True):
        entry.future.set_result(result)
