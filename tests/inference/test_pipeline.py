import threading
import time

import pytest

from fastnst.inference.pipeline import Gate, in_order


def never() -> bool:
    return False


def test_results_come_in_the_order_of_the_items():
    waits = [0.03, 0.0, 0.02, 0.0, 0.01]
    assert list(in_order(lambda i: time.sleep(waits[i]) or i, range(5), 3, 5, never)) == [0, 1, 2, 3, 4]


def test_items_are_taken_as_they_are_needed():
    taken = []
    results = in_order(lambda i: i, (taken.append(i) or i for i in range(100)), 2, 4, never)
    assert next(results) == 0
    assert len(taken) == 4
    next(results)
    assert len(taken) == 5


def test_work_is_done_at_the_same_time():
    together = threading.Barrier(3, timeout=5)
    assert len(list(in_order(lambda _: together.wait(), range(6), 3, 6, never))) == 6


def test_once_stopped_what_was_begun_is_finished_and_nothing_else():
    begun, may_end = [], threading.Event()

    def work(i):
        begun.append(i)
        if i:
            may_end.wait(5)
        return i

    stop = []
    results = in_order(work, range(100), 2, 10, lambda: bool(stop))
    assert next(results) == 0
    while len(begun) < 3:
        time.sleep(0.001)
    stop.append(True)
    threading.Timer(0.05, may_end.set).start()
    assert list(results) == [1, 2]
    assert begun == [0, 1, 2]


def test_an_error_ends_it_with_no_thread_at_work():
    at_work = []

    def work(i):
        if i == 1:
            raise ValueError("one")
        at_work.append(i)
        time.sleep(0.05)
        at_work.remove(i)

    with pytest.raises(ValueError, match="one"):
        list(in_order(work, range(20), 3, 9, never))
    assert not at_work


def test_a_gate_holds_no_more_than_its_limit_and_lets_what_is_heavier_pass_alone():
    gate, inside, most = Gate(10), [], []

    def pass_(weight):
        with gate(weight):
            inside.append(weight)
            most.append(tuple(inside))
            time.sleep(0.005)
            inside.remove(weight)

    list(in_order(pass_, [4, 4, 4, 25, 4, 10, 1, 9, 2], 6, 9, never))
    assert all(sum(weights) <= 10 or weights == (25,) for weights in most)
    assert (25,) in most
    assert any(len(weights) > 1 for weights in most)


def test_something_heavy_is_not_overtaken_by_what_comes_later():
    gate, passed = Gate(2), []

    def pass_(name, weight):
        with gate(weight):
            passed.append(name)

    with gate(1):
        threads = []
        for name, weight in (("heavy", 2), ("light", 1)):
            threads.append(threading.Thread(target=pass_, args=(name, weight)))
            threads[-1].start()
            time.sleep(0.02)
        assert not passed
    for thread in threads:
        thread.join()
    assert passed == ["heavy", "light"]
