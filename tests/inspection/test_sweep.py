from dataclasses import replace

import pytest

from fastnst.inspection import SweepJob, run_sweep
from fastnst.optimize import OptimizeConfig


@pytest.fixture
def job(photos, style_picture):
    config = OptimizeConfig(steps=4, precision="float32")
    return SweepJob(
        str(photos / "01.png"), str(style_picture), (32,), style_weights=(30.0,), config=config, device="cpu"
    )


def test_the_curve_has_every_evaluation(job):
    sweep = run_sweep(job)
    assert [cell.setting.optimizer for cell in sweep.cells] == ["lbfgs", "adam"]
    for cell in sweep.cells:
        assert [moment.evaluations for moment in cell.curve] == [0, 1, 2, 3, 4]
        assert cell.curve[0].loss == pytest.approx(cell.photograph, rel=1e-3)  # of the picture rounded to 8 bits
        assert cell.curve[-1].kinds.keys() == {"content", "style", "tv"}
        assert cell.curve[-1].loss == pytest.approx(sum(cell.curve[-1].kinds.values()))
        assert cell.loss <= min(moment.loss for moment in cell.curve[1:])


def test_a_goal_is_reached_at_the_first_evaluation_that_is_as_low(job):
    cell = run_sweep(job).cells[0]
    assert cell.reached(cell.curve[0].loss) == 0
    assert cell.reached(min(moment.loss for moment in cell.curve)) in (1, 2, 3, 4)
    assert cell.reached(0.0) is None


def test_progress_may_stop_a_sweep(job):
    sweep = run_sweep(job, lambda cell, done, total: True)
    assert (len(sweep.cells), sweep.planned) == (1, 2)
    assert sweep.interrupted


def test_a_combination_that_fails_keeps_the_others(job):
    sweep = run_sweep(replace(job, sizes=(2, 32), optimizers=("adam",), config=OptimizeConfig(steps=1)))
    assert [cell.setting.size for cell in sweep.cells] == [32]
    (failure,) = sweep.failures
    assert failure.setting.size == 2
    assert "needs at least 8x8" in str(failure.error)
    assert not sweep.interrupted


def test_a_small_picture_is_not_enlarged(job, photos):
    sweep = run_sweep(replace(job, sizes=(32, 4096), optimizers=("lbfgs",), config=OptimizeConfig(steps=1)))
    assert [max(cell.picture.size) for cell in sweep.cells] == [32, 65]


def test_coarser_stages_are_not_part_of_the_curve(job):
    sweep = run_sweep(replace(job, sizes=(64,), optimizers=("lbfgs",), config=OptimizeConfig(steps=4, stages=2)))
    (cell,) = sweep.cells
    assert [moment.evaluations for moment in cell.curve] == [3, 4]
