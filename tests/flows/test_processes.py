"""Trainings in two processes, each of a second or two; begun as torchrun does, unless a test says otherwise."""

import json
import logging
import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import fastnst.training.running  # noqa: F401 (before the forks)
from fastnst.cli import run
from fastnst.training.folder import RESUME_FILE

EQUAL = ["--lr", "3e-5", "--steps", "6", "--trainer.val_check_interval", "2"]
"""At a rate at which rounding is not magnified from step to step."""


@pytest.fixture(autouse=True, scope="module")
def spies():
    """Let this process import the callbacks of ``spies.py`` by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parents[1]))
        yield


def spy(name: str, **settings) -> list[str]:
    words = [f"--trainer.callbacks+=spies.{name}"]
    return words + [word for key, value in settings.items() for word in (f"--trainer.callbacks.{key}", str(value))]


def life(options: list[str], environment: dict[str, str], said: Path) -> None:
    """Train in this copy of the process, whose output goes to a file."""
    os.environ.update(environment)
    file = os.open(said, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
    logging.getLogger().handlers.clear()
    sys.exit(run(options))


def by_torchrun(rank: int) -> dict[str, str]:
    return {"WORLD_SIZE": "2", "RANK": str(rank), "LOCAL_RANK": str(rank), "TORCHELASTIC_RUN_ID": "test"}


def by_slurm(rank: int) -> dict[str, str]:
    return {
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NAME": "train",
        "SLURM_NTASKS": "2",
        "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_PROCID": str(rank),
        "SLURM_LOCALID": str(rank),
        "SLURM_NODEID": "0",
        "SLURM_NODELIST": "127.0.0.1",
    }


class Pair:
    """Two processes of one training, begun.

    Args:
        options: Of both.
        folder: For what they say.
        second: More options of the second.
        placed: Gives what the environment of a process says of its place.
    """

    def __init__(
        self,
        options: list[str],
        folder: Path,
        second: Sequence[str] = (),
        placed: Callable[[int], dict[str, str]] = by_torchrun,
    ) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
        self.files, words = [folder / f"said_{rank}.txt" for rank in range(2)], [*options, "--trainer.devices", "2"]
        self.processes = []
        for rank, more in enumerate(([], second)):
            environment = common | placed(rank)
            process = multiprocessing.get_context("fork").Process(
                target=life, args=([*words, *more], environment, self.files[rank])
            )
            process.start()
            self.processes.append(process)

    def codes(self, seconds: float = 100) -> list[int | None]:
        """Wait for both, and return how they ended."""
        deadline = time.monotonic() + seconds
        for process in self.processes:
            process.join(max(0.0, deadline - time.monotonic()))
        codes = [process.exitcode for process in self.processes]
        for process in self.processes:
            process.kill()
        return codes

    def said(self) -> list[str]:
        return [file.read_text() for file in self.files]


def curve(folder: Path, tag: str = "train/loss") -> list[float]:
    events = EventAccumulator(str(folder), {"scalars": 0})
    events.Reload()
    return [event.value for event in events.Scalars(tag)]


def state(folder: Path) -> dict:
    return torch.load(folder / RESUME_FILE, weights_only=True)


def reports(folder: Path) -> list[dict]:
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(2)]


@pytest.fixture(scope="module")
def several(make_train_options, photos, style_picture, tmp_path_factory) -> Callable[..., list[str]]:
    """Give the options of a steady training of two styles on eight photographs, judged on three others."""
    folder = tmp_path_factory.mktemp("mixed")
    for number in range(8):
        shutil.copy(sorted(photos.glob("*.png"))[number], folder / f"{number}.png")
    held_out = ["--val", str(photos / "nested"), "--data.val_count", "3"]
    styles = ["--styles", str(style_picture), str(folder / "7.png"), "--steady", "10"]

    def options(out: Path, batch: int, *more: str) -> list[str]:
        words = make_train_options(out)
        words[words.index("--style") : words.index("--style") + 2] = styles
        words[words.index("--photos") + 1] = str(folder)
        return [*words, *EQUAL, "--data.batch_size", str(batch), *held_out, *more]

    return options


@pytest.fixture(scope="module")
def one(several, tmp_path_factory) -> Path:
    """The folder of a run of one process."""
    out = tmp_path_factory.mktemp("one") / "run"
    assert run(several(out, 4)) == 0
    return out


@pytest.fixture(scope="module")
def two(several, tmp_path_factory) -> tuple[Path, Pair]:
    """The folder of the same run in two processes, and what they left."""
    folder = tmp_path_factory.mktemp("two")
    pair = Pair(several(folder / "run", 2, *spy("Spy", folder=folder)), folder)
    assert pair.codes() == [0, 0], pair.said()
    return folder, pair


@pytest.mark.parametrize("tag", ["train/loss", "train/steady", "val/loss"])
def test_two_processes_have_the_losses_of_one_with_the_same_photographs_a_step(one, two, tag):
    assert curve(two[0] / "run", tag) == pytest.approx(curve(one, tag), rel=1e-3 if "steady" in tag else 1e-4)


def test_gradients_accumulated_have_the_losses_of_the_larger_batch(one, several, tmp_path):
    assert (
        run(several(tmp_path / "run", 2, "--trainer.accumulate_grad_batches", "2", "--trainer.val_check_interval", "2"))
        == 0
    )
    for tag in ("train/loss", "val/loss"):
        assert curve(tmp_path / "run", tag) == pytest.approx(curve(one, tag), rel=1e-4)


def test_no_photograph_is_seen_twice_in_a_pass(two):
    keys = [tuple(key) for report in reports(two[0]) for key in report["keys"]]
    assert len(set(keys)) == len(keys)
    for number in range(3):  # whole passes over the eight
        assert sorted(index for at, index in keys if at == number) == list(range(8))


def test_one_process_alone_writes_and_speaks(two):
    folder, pair = two
    first, second = pair.said()
    assert second == ""
    assert first.count("style.safetensors: 6 steps") == 1
    names = sorted(path.name.split(".")[0] for path in (folder / "run").rglob("*") if path.is_file())
    assert names == ["config", "events", "hparams", "last", "previous", "style"]


def test_a_process_that_is_killed_ends_the_run_which_resumes_as_if_nothing_had_been(several, two, tmp_path):
    options = several(tmp_path / "run", 2)
    pair = Pair([*options, *spy("KillProcess", rank=1, step=4)], tmp_path)
    assert pair.codes(60) == [1, -9]
    errors = [line for text in pair.said() for line in text.splitlines() if "error" in line]
    assert errors == [
        "fastnst: error: another of 2 processes is dead or cannot be reached; go on with the same command and --resume"
    ]
    assert state(tmp_path / "run")["global_step"] == 2
    assert Pair([*options, "--resume"], tmp_path).codes() == [0, 0]
    left, again = (state(folder / "run")["state_dict"] for folder in (two[0], tmp_path))
    assert all(torch.equal(left[key], again[key]) for key in left)


def test_all_processes_stop_at_the_same_step_when_the_time_is_up(train_options, tmp_path):
    timed = ["--time_budget", "4s", "--steps", "100000", *spy("Spy", folder=tmp_path)]
    pair = Pair([*train_options, *timed], tmp_path)
    assert pair.codes() == [0, 0], pair.said()
    first, second = reports(tmp_path)
    assert first["step"] == second["step"] > 0
    assert first["weights"] == second["weights"]


def test_photographs_that_were_skipped_are_summed_over_the_processes(several, photos, tmp_path):
    mixed = tmp_path / "mixed"
    shutil.copytree(photos, mixed)
    for number in range(4):
        (mixed / f"broken{number}.png").write_text("no")
    options = several(tmp_path / "run", 2, "--photos", str(mixed), "--val", str(photos), "--json")
    pair = Pair(options, tmp_path)
    assert pair.codes() == [0, 0], pair.said()
    assert json.loads(pair.said()[0].splitlines()[-1])["skipped"] == 4


def test_processes_that_see_different_runs_are_refused(several, two, tmp_path):
    again = several(two[0] / "run", 2, "--steps", "8", "--resume")
    pair = Pair(again, tmp_path, ["--out", str(tmp_path / "elsewhere")])
    assert pair.codes() == [2, 1]
    first, second = pair.said()
    assert "error: the processes would go on from different steps" in first
    assert "error" not in second


def test_slurm_says_who_is_who_and_its_signal_stops_all(train_options, tmp_path):
    long = [*train_options, "--steps", "100000", "--trainer.val_check_interval", "3"]
    pair = Pair([*long, *spy("SignalAt", step=5, number=int(signal.SIGUSR1))], tmp_path, placed=by_slurm)
    assert pair.codes() == [138, 138], pair.said()
    first, second = pair.said()
    assert "stopped at step 5; go on with the same command and --resume" in first
    assert second == ""
    assert state(tmp_path / "run")["global_step"] == 5


LAUNCHERS = {
    "lightning": (
        ["fastnst"],
        r"error: process 1 of 2 \(\d+\) was ended by SIGKILL, likely for want of memory; go on ",
    ),
    "torchrun": (["torch.distributed.run", "--nproc_per_node=2", "-m", "fastnst"], r"rank +: 1 .*\n +exitcode +: -9 "),
}
"""How to begin two processes, and by what words a killed one is named."""


@pytest.mark.slow
@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_killed_process_is_named_whoever_started_it(name, train_options, tmp_path):
    launcher, reason = LAUNCHERS[name]
    options = [*train_options, *EQUAL, "--trainer.devices", "2", *spy("KillProcess", rank=1, step=4)]
    words, tests = [sys.executable, "-m", *launcher, *options], Path(__file__).parents[1]
    paths = os.pathsep.join(map(str, (tests.parent, tests)))
    ended = subprocess.run(
        words, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True, timeout=280, check=False
    )
    errors = [line for line in ended.stderr.splitlines() if line.startswith("fastnst: error")]
    assert ended.returncode == 1
    assert len(errors) == 1 or (name == "torchrun" and not errors), ended.stderr  # it may be quicker than we are
    assert re.search(reason, ended.stderr)
    assert state(tmp_path / "run")["global_step"] == 2


@pytest.mark.slow
def test_a_process_that_waits_for_a_dead_one_without_end_is_ended(train_options, tmp_path):
    """As with NCCL, out of whose calls no exception comes."""
    options = [*train_options, *EQUAL, "--trainer.devices", "2", *spy("KillProcess", rank=1, step=4)]
    options += spy("Waits", rank=0, step=4)
    paths = os.pathsep.join(str(Path(__file__).parents[up]) for up in (2, 1))
    ended = subprocess.run(
        [sys.executable, "-m", "fastnst", *options],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ended.returncode == 1
    assert "error: process 1 of 2" in ended.stderr
    assert not list((tmp_path / "run").rglob("*.part"))
