from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastnst.optimize.schedule import plan_stages


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


def test_one_stage_if_asked():
    assert len(plan_stages(72, 96, 100, count=1)) == 1
