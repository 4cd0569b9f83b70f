import threading

import pytest

from fastnst.inference.batching import Batcher


class Held:
    """A batcher whose thread is busy until it is let go, and what it computed."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.sizes: list[int] = []
        self.batcher = Batcher(lambda count, seconds: self.sizes.append(count))
        self.go = threading.Event()
        begun = threading.Event()
        self.batcher.alone(lambda: (begun.set(), self.go.wait(10)))
        begun.wait(10)

    def double(self, items: list[int]) -> list[int]:
        self.batches.append(items)
        if 13 in items:
            raise ValueError("thirteen")
        return [2 * item for item in items]

    def submit(self, key: str, *items: int, most: int = 8):
        return [self.batcher.submit(key, self.double, item, most) for item in items]

    def finish(self) -> None:
        self.go.set()
        self.batcher.close()


def test_what_waits_under_one_key_is_one_batch():
    held = Held()
    first = held.submit("a", 1, 2)
    other = held.submit("b", 3)
    last = held.submit("a", 4)
    held.finish()
    assert [future.result() for future in (*first, *other, *last)] == [2, 4, 6, 8]
    assert held.batches == [[1, 2, 4], [3]]
    assert held.sizes == [1, 3, 1]


def test_a_batch_holds_no_more_than_it_may():
    held = Held()
    held.submit("a", 1, 2, 3, 4, 5, most=2)
    held.finish()
    assert held.batches == [[1, 2], [3, 4], [5]]


def test_one_that_fails_spoils_no_other():
    held = Held()
    good, bad, fine = held.submit("a", 1, 13, 2)
    held.finish()
    assert (good.result(), fine.result()) == (2, 4)
    with pytest.raises(ValueError, match="thirteen"):
        bad.result()


def test_what_is_cancelled_is_not_computed():
    held = Held()
    _, dropped, _ = held.submit("a", 1, 2, 3)
    assert dropped.cancel()
    held.finish()
    assert held.batches == [[1, 3]]


def test_closing_finishes_what_waits_and_takes_no_more():
    held = Held()
    waiting = held.submit("a", 1)
    held.finish()
    assert waiting[0].result() == 2
    assert not held.batcher.alive
    with pytest.raises(RuntimeError, match="being stopped"):
        held.submit("a", 2)
