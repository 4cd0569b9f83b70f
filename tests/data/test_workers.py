import logging
import os
import re
import signal
import threading
import time
from itertools import islice

import pytest
import torch

from fastnst.data import loader as loader_module
from fastnst.data import workers
from fastnst.data.loader import CropLoader
from fastnst.data.photos import PhotoDataset
from fastnst.data.position import Position
from fastnst.data.sampler import EndlessBatches
from fastnst.data.sources import open_photos


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(loader_module, "POLL", 1)
    monkeypatch.setattr(workers, "POLL", 1)
    monkeypatch.setattr(loader_module, "PATIENCE", 4)


class Doomed(PhotoDataset):
    """Its process gets a signal: at one photograph and once, or at every photograph."""

    def __init__(self, photos, file, number, once) -> None:
        super().__init__(open_photos(photos), 32, seed=0)
        self.file, self.number, self.once = file, number, once

    def __getitem__(self, key):
        if not self.once:
            os.kill(os.getpid(), self.number)
        if key[0] == 1 and not self.file.exists():
            self.file.touch()
            os.kill(os.getpid(), self.number)
        return super().__getitem__(key)


def serve(dataset, count=12, workers=1):
    return list(islice(CropLoader(dataset, workers, batch_sampler=EndlessBatches(12, 2, seed=0)), count))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, "was ended by SIGKILL, likely for want of memory; others take over"),
        (signal.SIGBUS, "was ended by SIGBUS, likely for want of shared memory, /dev/shm; others take over"),
        (signal.SIGSTOP, "no photographs for 4 s from worker processes"),
    ],
)
def test_lost_workers_are_named_and_replaced_and_nothing_is_lost(photos, tmp_path, caplog, number, words):
    straight = serve(PhotoDataset(open_photos(photos), 32, seed=0), workers=0)
    began = time.monotonic()
    found = serve(Doomed(photos, tmp_path / "once", number, once=True))
    assert time.monotonic() - began < 60
    assert all(torch.equal(*pair) for pair in zip(straight, found, strict=True))
    assert words in caplog.text


def test_workers_that_die_again_and_again_are_one_error(photos, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(loader_module, "REPLACED", 1)
    with pytest.raises(OSError, match=r"^worker process \d+ was ended by SIGKILL, .*; lower --data\.workers$"):
        serve(Doomed(photos, tmp_path / "never", signal.SIGKILL, once=False))
    assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 1


def test_a_death_is_not_raised_in_the_middle_of_something_else(photos):
    before = signal.getsignal(signal.SIGCHLD)
    serve(PhotoDataset(open_photos(photos), 32, seed=0), count=1)
    assert signal.getsignal(signal.SIGCHLD) is before


def test_an_end_that_waits_for_a_lock_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(workers, "FAREWELL", 0.1)

    class Stuck:
        _workers = ()

        def _shutdown_workers(self):
            threading.Event().wait(5)

    began = time.monotonic()
    workers.dismiss(Stuck())
    assert time.monotonic() - began < 3


def test_serving_draws_nothing_from_the_programs_own_generator(photos):
    before = torch.get_rng_state()
    serve(PhotoDataset(open_photos(photos), 32, seed=0), count=1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("now", "streamed", "words"),
    [
        ({}, True, ""),
        ({"workers": 4}, False, ""),
        ({"workers": 4}, True, "4 workers in place of 2: .* near there, 80 photographs .*, in another order"),
        (
            {"processes": 2, "together": 8},
            False,
            "2 processes in place of 1 and 8 photographs a step in place of 4: .* follow on from there, 80 photographs",
        ),
    ],
)
def test_a_resumed_run_says_what_is_not_as_it_was(now, streamed, words):
    then = Position(20, 80, 4, 1, 2)
    found = then.compared(Position(**(vars(then) | now)), streamed)
    assert re.search(words, found) if words else found == ""
