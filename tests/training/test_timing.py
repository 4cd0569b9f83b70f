from types import SimpleNamespace

import pytest
import torch

from fastnst.budget import Budget
from fastnst.training.clock import Clock
from fastnst.training.timing import AT_SHARES, Timekeeper, passed


def make_trainer(**changes):
    settings = {
        "global_step": 0, "world_size": 1, "should_stop": False, "val_check_interval": AT_SHARES,
        "val_check_batch": AT_SHARES, "log_every_n_steps": 1000, "sanity_checking": False, "num_val_batches": [8],
        "accumulate_grad_batches": 1,
    }  # fmt: skip
    return SimpleNamespace(**settings | changes)


def make_keeper(budget: Budget) -> Timekeeper:
    keeper = Timekeeper(SimpleNamespace(clock=Clock(budget), share=0.0, device=torch.device("cpu")))
    keeper.module.clock.start()
    return keeper


@pytest.mark.parametrize(("before", "share", "expected"), [(0.2, 0.25, True), (0.2, 0.24, False), (0.9, 1.0, True)])
def test_a_quarter_is_passed_once(before, share, expected):
    assert passed(before, share, 4) is expected


def test_validation_is_due_at_each_quarter_and_the_end_stops_the_run():
    keeper, trainer = make_keeper(Budget(steps=8)), make_trainer()
    due = []
    for trainer.global_step in range(1, 9):
        keeper.on_train_batch_end(trainer, keeper.module, None, [1], 0)
        due.append(trainer.val_check_batch == 1)
        assert trainer.should_stop == (trainer.global_step == 8)
    assert due == [False, True] * 4


def test_a_dear_validation_is_left_to_the_end():
    keeper, trainer = make_keeper(Budget(steps=4, seconds=1000)), make_trainer()
    keeper.module.clock.reserve = 30
    for trainer.global_step in range(1, 5):
        keeper.on_train_batch_end(trainer, keeper.module, None, [1], 0)
        assert trainer.val_check_batch == AT_SHARES
    assert trainer.should_stop


def test_an_interval_in_steps_is_left_to_lightning():
    keeper, trainer = make_keeper(Budget(steps=4)), make_trainer(val_check_interval=3, val_check_batch=3)
    trainer.global_step = 2
    keeper.on_train_batch_end(trainer, keeper.module, None, [1], 0)
    assert trainer.val_check_batch == 3


def test_the_clock_of_the_first_process_rules_over_all():
    strategy = SimpleNamespace(broadcast=lambda share: 1.0)
    keeper, trainer = make_keeper(Budget(seconds=1000)), make_trainer(global_step=1, world_size=2, strategy=strategy)
    keeper.on_train_batch_end(trainer, keeper.module, None, [1], 0)
    assert keeper.module.share == 1.0
    assert trainer.should_stop


def test_a_rehearsed_batch_tells_what_a_validation_costs(monkeypatch):
    keeper, trainer = make_keeper(Budget(seconds=1000)), make_trainer(sanity_checking=True)
    moments = iter([10.0, 12.0])
    monkeypatch.setattr("fastnst.training.timing.time.perf_counter", lambda: next(moments))
    keeper.on_validation_batch_start()
    keeper.on_validation_batch_end(trainer)
    assert keeper.module.clock.reserve == 16


def test_a_run_whose_time_is_spent_makes_no_step():
    keeper, trainer = make_keeper(Budget(seconds=10)), make_trainer()
    keeper.module.clock.before = 11
    keeper.on_fit_start(trainer, keeper.module)
    assert trainer.should_stop
