"""Every item is settled once, whatever is lost and in whatever order results come."""

import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fastnst.fleet.dispatch import HAND, PATIENCE, TRIES, Dispatch


def take_all(dispatch, worker, now=0.0):
    found = []
    while batch := dispatch.take(worker, now):
        found.append(batch)
    return found


def test_a_worker_has_two_batches_in_hand():
    dispatch = Dispatch([[1], [2], [3]])
    first, second = take_all(dispatch, "a")
    assert (first.items, second.items, HAND) == ([1], [2], 2)
    assert dispatch.settle("a", first, 1.0)
    assert [batch.items for batch in take_all(dispatch, "a")] == [[3]]


def test_what_a_lost_worker_had_goes_to_others_first():
    dispatch = Dispatch([[1, 2], [3], [4]])
    take_all(dispatch, "a")
    assert dispatch.lose("a") == []
    assert sorted(batch.items for batch in take_all(dispatch, "b")) == [[1, 2], [3]]


def test_only_the_item_that_takes_workers_with_it_is_given_up():
    dispatch, given_up, settled, losses = Dispatch([[0, 1, 2, 3], [4, 5]]), [], [], 0
    while not dispatch.done:
        worker = object()
        batches = take_all(dispatch, worker)
        if any(2 in batch.items for batch in batches):
            losses += 1
            given_up += dispatch.lose(worker)
            continue
        for batch in batches:
            settled += batch.items
            dispatch.settle(worker, batch, 1.0)
    assert given_up == [2]
    assert sorted(settled) == [0, 1, 3, 4, 5]
    assert losses == TRIES


def test_an_idle_worker_gets_a_copy_of_what_another_is_slow_at_and_the_first_result_counts():
    dispatch = Dispatch([[1], [2], [3], [4]])
    slow, _ = take_all(dispatch, "slow", 0.0)
    for batch in take_all(dispatch, "quick", 0.0):
        dispatch.settle("quick", batch, 1.0)
    assert dispatch.take("quick", PATIENCE) is None
    copy = dispatch.take("quick", PATIENCE + 1)
    assert copy is slow
    assert dispatch.settle("quick", copy, PATIENCE + 2)
    assert not dispatch.settle("slow", slow, PATIENCE + 3)
    assert not dispatch.done
    dispatch.settle("slow", dispatch.take("other", PATIENCE + 1), PATIENCE + 4)
    assert dispatch.done


def test_a_copy_survives_the_loss_of_either_worker():
    dispatch = Dispatch([[1], [2]])
    slow = dispatch.take("slow", 0.0)
    dispatch.settle("quick", dispatch.take("quick", 0.0), 1.0)
    assert dispatch.take("quick", PATIENCE + 1) is slow
    assert dispatch.lose("slow") == []
    assert dispatch.settle("quick", slow, PATIENCE + 2)
    assert dispatch.done


def test_after_a_stop_nothing_is_given_and_what_is_in_hand_is_settled():
    dispatch = Dispatch([[1], [2], [3]])
    first, second = take_all(dispatch, "a")
    dispatch.stop()
    dispatch.settle("a", first, 1.0)
    assert dispatch.take("a", 1.0) is None
    assert not dispatch.done
    dispatch.lose("a")
    assert dispatch.done
    assert second.items == [2]


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 5))
def test_every_item_is_settled_once(seed, count, workers):
    chance = random.Random(seed)
    items = list(range(count))
    dispatch = Dispatch([items[at : at + 3] for at in range(0, count, 3)])
    settled, now, hands = Counter(), 0.0, {number: [] for number in range(workers)}
    while not dispatch.done:
        now += chance.uniform(0, 2 * PATIENCE)
        worker = chance.choice(list(hands))
        hands[worker] += take_all(dispatch, worker, now)
        if chance.random() < 0.2:
            settled.update(dispatch.lose(worker))
            del hands[worker]
            hands[max(hands, default=worker) + 1 + worker] = []
        elif hands[worker]:
            batch = hands[worker].pop(chance.randrange(len(hands[worker])))
            if dispatch.settle(worker, batch, now):
                settled.update(batch.items)
    assert settled == Counter(items)
