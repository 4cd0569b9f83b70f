from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnst.budget import Budget
from fastnst.optimize.schedule import Schedule, plan_stages


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 1000))
def test_steps_are_shared_and_fewer_as_size_grows(height, width, steps):
    stages = plan_stages(height, width, steps)
    counts = [stage.steps for stage in stages]
    assert (stages[-1].height, stages[-1].width) == (height, width)
    assert sum(counts) == max(steps, len(stages)) or steps < 2 * len(stages)
    assert counts[0] >= counts[-1] or steps < 4 * len(stages)
    assert stages[-1].until == pytest.approx(1)
    assert all(a.until < b.until for a, b in pairwise(stages))


def test_sizes_double():
    assert [(s.height, s.width) for s in plan_stages(72, 96, 100)] == [(18, 24), (36, 48), (72, 96)]


def test_no_stage_is_too_small_for_the_loss():
    assert len(plan_stages(72, 96, 100, least=19)) == 2


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_few_steps_are_made_at_few_sizes(steps):
    stages = plan_stages(1024, 768, steps)
    assert sum(stage.steps for stage in stages) == steps
    assert (stages[-1].height, stages[-1].width) == (1024, 768)


def test_one_stage_if_asked():
    assert len(plan_stages(72, 96, 100, count=1)) == 1


def test_a_stage_ends_with_its_steps_or_its_time():
    stages = plan_stages(72, 96, 100)
    schedule = Schedule(stages, Budget(100, 10))
    for _ in range(stages[0].steps // 2):
        schedule.advance(0.0)
    assert schedule.stage_share() == (stages[0].steps // 2) / stages[0].steps
    schedule.advance(10 * stages[0].until)
    assert schedule.stage_share() == pytest.approx(1)
    schedule.next_stage()
    assert schedule.stage_share() == pytest.approx(0)
    assert not schedule.is_last


def test_time_alone_bounds_a_run():
    stages = plan_stages(200, 200, float("inf"))
    schedule = Schedule(stages, Budget(seconds=4))
    schedule.advance(1.0)
    assert schedule.share() == 0.25
