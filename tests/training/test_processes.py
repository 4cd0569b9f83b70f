import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from fastnst.training import processes
from fastnst.training.processes import LostProcessError, Watch, is_lost

GLOO = RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:561] Connection closed by peer [127.0.0.1]")


@pytest.fixture
def child():
    """A process that sleeps, and is gone at the end."""
    process = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(100)"])
    yield process
    process.kill()
    process.wait()


def make_watch(*children, first=True, local_rank=0):
    strategy = SimpleNamespace(launcher=SimpleNamespace(procs=list(children)), cluster_environment=None)
    rank = 4 + local_rank
    trainer = SimpleNamespace(
        strategy=strategy, world_size=8, is_global_zero=first, local_rank=local_rank, global_rank=rank
    )
    return Watch(trainer, lambda: "go on with --resume")


def test_an_error_of_the_network_is_told_from_others():
    assert is_lost(GLOO)
    assert is_lost(torch.distributed.DistBackendError("timed out"))
    assert not is_lost(RuntimeError("shapes differ"))
    assert not is_lost(ValueError("gloo/"))


def test_a_process_that_was_killed_is_named(child):
    child.kill()
    with pytest.raises(LostProcessError) as error, make_watch(child):
        raise GLOO
    named = rf"process 5 of 8 ({child.pid}) was ended by SIGKILL, likely for want of memory; go on with --resume"
    assert str(error.value) == named


def test_where_another_process_reports_this_one_ends_in_silence(monkeypatch):
    monkeypatch.setattr(processes, "POLL", 0.01)
    with pytest.raises(SystemExit) as exit_, make_watch(first=False, local_rank=1):
        raise GLOO
    assert exit_.value.code == 1


def test_what_all_processes_raise_is_said_by_the_first():
    with pytest.raises(FloatingPointError), make_watch():
        raise FloatingPointError
    with pytest.raises(SystemExit), make_watch(first=False):
        raise FloatingPointError


def test_an_error_ends_the_others_and_success_does_not(child):
    with make_watch(child):
        pass
    assert child.poll() is None
    with pytest.raises(ValueError, match="of its own"), make_watch(child):
        raise ValueError("of its own")
    assert child.wait(10) == -signal.SIGKILL


def test_a_process_that_does_not_come_out_of_a_call_is_ended_by_force(child, monkeypatch, capsys):
    ended = []
    monkeypatch.setattr(processes, "POLL", 0.01)
    monkeypatch.setattr(processes, "GRACE", 0.1)
    monkeypatch.setattr(os, "_exit", ended.append)
    with make_watch(child):
        child.kill()
        deadline = time.monotonic() + 20
        while not ended and time.monotonic() < deadline:
            time.sleep(0.01)
    assert ended == [1]
    assert capsys.readouterr().err.startswith("fastnst: error: process 5 of 8 ")


def test_a_process_that_a_signal_asked_to_stop_is_not_lost(monkeypatch):
    monkeypatch.setattr(processes, "POLL", 0.01)
    stopped = subprocess.Popen([sys.executable, "-S", "-c", "raise SystemExit(143)"])
    stopped.wait()
    with make_watch(stopped):
        time.sleep(0.1)


def join(ending=None):
    torch.distributed.init_process_group("gloo", store=torch.distributed.HashStore(), rank=0, world_size=1)
    if ending:
        raise ending


def test_the_connection_is_closed_where_all_end_alike():
    with make_watch():
        join()
    assert not torch.distributed.is_initialized()
    with pytest.raises(FloatingPointError), make_watch():
        join(FloatingPointError)
    assert not torch.distributed.is_initialized()


def test_a_connection_that_was_there_before_is_left():
    join()
    try:
        with make_watch():
            pass
        assert torch.distributed.is_initialized()
    finally:
        torch.distributed.destroy_process_group()
