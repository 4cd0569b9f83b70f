import signal
from types import SimpleNamespace

import pytest

from fastnst.training.stopping import StopGently, stopping_signals


@pytest.fixture
def stop():
    """A callback whose handlers are in place, and taken away behind the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    stop = StopGently()
    stop.on_train_start(SimpleNamespace(is_global_zero=False), None)
    yield stop
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("second", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_exits_with_its_own_code(stop, first, second, code):
    signal.raise_signal(first)
    assert stop.received == first
    with pytest.raises(SystemExit) as exit_:
        signal.raise_signal(second)
    assert exit_.value.code == code


def test_the_run_stops_behind_the_step(stop):
    trainer = SimpleNamespace(world_size=1, should_stop=False, accumulate_grad_batches=2)
    stop.on_train_batch_end(trainer, None, None, None, 1)
    assert not trainer.should_stop
    signal.raise_signal(signal.SIGTERM)
    stop.on_train_batch_end(trainer, None, None, None, 2)
    assert not trainer.should_stop  # half of the gradients of a step would be lost
    stop.on_train_batch_end(trainer, None, None, None, 3)
    assert trainer.should_stop


def test_a_signal_to_one_process_stops_all():
    strategy = SimpleNamespace(reduce_boolean_decision=lambda own, all: True)
    trainer = SimpleNamespace(world_size=2, should_stop=False, strategy=strategy, accumulate_grad_batches=1)
    StopGently().on_train_batch_end(trainer, None, None, None, 0)
    assert trainer.should_stop


def test_who_asks_one_process_to_stop_stops_all():
    asked = []
    strategy = SimpleNamespace(reduce_boolean_decision=lambda own, all: asked.append(own) or own)
    trainer = SimpleNamespace(world_size=2, should_stop=True, strategy=strategy, accumulate_grad_batches=1)
    StopGently().on_train_batch_end(trainer, None, None, None, 0)
    assert asked == [True]
    assert trainer.should_stop


def test_under_slurm_the_signal_before_the_end_of_a_job_stops_too(monkeypatch):
    assert signal.SIGUSR1 not in stopping_signals()
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert signal.SIGUSR1 in stopping_signals()
