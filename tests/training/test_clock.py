import pytest

from fastnst.budget import Budget
from fastnst.training import clock as clocks
from fastnst.training.clock import Clock


@pytest.fixture
def now(monkeypatch):
    """The time, which tests set."""
    moment = [0.0]
    monkeypatch.setattr(clocks.time, "perf_counter", lambda: moment[0])
    return moment


def test_without_a_time_budget_only_steps_count(now):
    clock = Clock(Budget(steps=10))
    clock.start()
    now[0] = 1e6
    clock.reserve = 5
    assert [clock.share(step) for step in (0, 3, 10, 11)] == [0, 0.3, 1, 1]
    assert not clock.timed


def test_all_time_counts_and_the_share_reaches_one_when_the_reserve_is_left(now):
    clock = Clock(Budget(seconds=100))
    clock.start()
    clock.begin_steps()
    now[0], clock.reserve = 45, 10
    assert clock.share(7) == 0.5
    now[0] = 90
    assert clock.share(7) == 1


def test_the_schedule_begins_with_the_first_step_and_ends_in_time(now):
    clock = Clock(Budget(seconds=100))
    clock.start()
    now[0] = 20
    clock.begin_steps()
    assert clock.share(0) == 0
    now[0] = 60
    assert clock.share(1) == 0.5
    now[0] = 100
    assert clock.share(2) == 1


def test_whichever_budget_ends_first(now):
    clock = Clock(Budget(steps=10, seconds=100))
    clock.start()
    now[0] = 30
    assert clock.share(1) == pytest.approx(0.3)
    assert clock.share(6) == 0.6


def test_a_resumed_run_goes_on_with_the_time_that_was_spent(now):
    first = Clock(Budget(seconds=100))
    first.start()
    now[0] = 10
    first.begin_steps()
    now[0], first.reserve = 40, 5
    second = Clock(Budget(seconds=100))
    second.restore(first.state())
    assert second.share(3) == first.share(3) == pytest.approx(30 / 85)
    second.start()
    now[0] = 45
    second.begin_steps()
    assert second.seconds() == 45
    assert second.share(3) == pytest.approx(35 / 85)


def test_a_part_of_the_budget_is_trained_where_the_rest_would_not_suffice(now):
    clock = Clock(Budget(seconds=100))
    clock.start()
    now[0], clock.reserve = 80, 60
    clock.begin_steps()
    assert clock.share(0) == 0
    now[0] = 92.5
    assert clock.share(1) == 0.5
