"""Work on many things at once in bounded memory, and get the results in their order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from threading import Condition, Lock
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Gate:
    """Let work pass while the weights of all that is inside stay within a limit; what is heavier passes alone.

    In the order of arrival, so that something heavy is not overtaken for ever.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._inside = limit, 0
        self._turn, self._changed = Lock(), Condition()

    @contextmanager
    def __call__(self, weight: int) -> Iterator[None]:
        """Wait until ``weight`` fits, and hold it as long as the block runs."""
        with self._turn, self._changed:
            self._changed.wait_for(lambda: not self._inside or self._inside + weight <= self._limit)
            self._inside += weight
        try:
            yield
        finally:
            with self._changed:
                self._inside -= weight
                self._changed.notify_all()


def in_order(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int, ahead: int, stopped: Callable[[], bool]
) -> Iterator[Result]:
    """Do ``work`` on all items in threads; yield the results in the order of the items.

    Args:
        work: Called once per item.
        items: Taken as they are needed.
        workers: Threads.
        ahead: Items that are worked on or wait to be yielded, at most.
        stopped: Asked after every result; once it is true, what was begun is finished and yielded, and nothing else.

    Raises:
        Exception: What ``work`` raised, after what was begun has ended.
        BaseException: ``KeyboardInterrupt`` and ``SystemExit``, at once; threads still finish what they are at.
    """
    pool, source = ThreadPoolExecutor(workers, "fastnst"), iter(items)
    waiting: deque[Future[Result]] = deque()
    try:
        while True:
            if stopped():
                waiting = deque(future for future in waiting if not future.cancel())
            else:
                waiting += (pool.submit(work, item) for item in islice(source, ahead - len(waiting)))
            if not waiting:
                return
            yield waiting.popleft().result()
    except Exception:  # whatever work raised: wait for what was begun, then let it pass
        pool.shutdown(cancel_futures=True)
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
