"""What a night brings, to trainings of a second each."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import fastnst
from fastnst.cli import run
from fastnst.data import workers
from fastnst.training import folder
from fastnst.training.module import FeedForwardModule


@pytest.fixture(autouse=True)
def spies(monkeypatch):
    """Let this process import the callbacks of ``spies.py`` by name."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))


@pytest.fixture
def out(train_options) -> Path:
    return Path(train_options[train_options.index("--out") + 1])


def into(options: list[str], folder: Path) -> list[str]:
    changed = list(options)
    changed[changed.index("--out") + 1] = str(folder)
    return changed


def spy(name: str, **settings) -> list[str]:
    words = [f"--trainer.callbacks+=spies.{name}"]
    return words + [word for key, value in settings.items() for word in (f"--trainer.callbacks.{key}", str(value))]


def state(folder: Path) -> dict:
    return torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)


def in_a_fork(options: list[str]) -> int:
    """Train in a copy of this process, which may be killed."""
    process = multiprocessing.get_context("fork").Process(target=lambda: sys.exit(run(options)))
    process.start()
    process.join(100)
    return process.exitcode


def same(first, second) -> bool:
    if isinstance(first, torch.Tensor):
        return torch.equal(first, second)
    if isinstance(first, dict):
        keys = first.keys() - {"clock"}
        return keys == second.keys() - {"clock"} and all(same(first[key], second[key]) for key in keys)
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return first == second


EVERY_2 = ["--steps", "8", "--trainer.val_check_interval", "2"]


@pytest.mark.parametrize("more", [[], ["--trainer.accumulate_grad_batches", "2"], spy("Random")])
def test_weights_moments_random_states_and_position_survive_a_kill(train_options, tmp_path, more):
    options = [*train_options, *EVERY_2, *more]
    assert run(into(options, tmp_path / "left")) == 0
    killed = into(options, tmp_path / "killed")
    assert in_a_fork([*killed, *spy("DieAt", step=3)]) == 9
    assert state(tmp_path / "killed")["global_step"] == 2
    assert run([*killed, "--resume"]) == 0
    left, again = state(tmp_path / "left"), state(tmp_path / "killed")
    for part in ("state_dict", "optimizer_states", "fastnst", "ImageDataModule", "global_step"):
        assert same(left[part], again[part]), part


def test_a_kill_in_the_last_validation_costs_no_style(train_options, out, capsys):
    assert in_a_fork([*train_options, *spy("DieIn")]) == 9
    assert state(out)["global_step"] == 4
    assert not (out / "style.safetensors").exists()
    assert run([*train_options, "--resume", "--json"]) == 0
    judged = json.loads(capsys.readouterr().out)["judged"]
    metadata = fastnst.load(out / "style.safetensors", "cpu").metadata
    assert metadata.training["steps"] == 4
    assert metadata.judged["terms"] == judged
    assert judged["loss"] > 0


def test_a_damaged_resume_file_falls_back_to_the_one_before(train_options, out, tmp_path, caplog):
    options = [*train_options, *EVERY_2]
    assert run(into(options, tmp_path / "left")) == 0
    assert run([*options, "--steps", "4"]) == 0
    last = out / folder.RESUME_FILE
    content = last.read_bytes()
    last.unlink()
    last.write_bytes(content[:-1000])
    assert run([*options, "--resume"]) == 0
    assert "last.ckpt is damaged: going on from the one before it" in caplog.text
    weights = [load_file(path / "style.safetensors") for path in (tmp_path / "left", out)]
    assert weights[0].keys() == weights[1].keys()
    assert state(out)["global_step"] == 8


def test_a_step_that_is_no_number_is_undone_and_the_run_goes_on(train_options, out, caplog):
    assert run([*train_options, "--steps", "6", *spy("Poison", steps=[2])]) == 0
    assert "not a finite number at step 3: back to the weights of step 2, going on at 0.5" in caplog.text
    saved = state(out)
    assert saved["fastnst"]["guard"] == {"lr": 2e-3, "factor": 0.5, "times": 1}
    assert all(torch.isfinite(value).all() for value in load_file(out / "style.safetensors").values())


def test_a_run_without_hope_keeps_the_last_good_files(train_options, out, capsys):
    assert run([*train_options, *EVERY_2, *spy("Poison", steps=[4, 5, 6, 7])]) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "at step 8 after 3 returns to good weights; the last good files are kept" in said
    assert state(out)["global_step"] == 6
    for tensors in (state(out)["state_dict"], load_file(out / "style.safetensors")):
        assert all(torch.isfinite(value).all() for value in tensors.values())


def test_workers_that_were_killed_are_replaced_and_nothing_is_lost(train_options, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(workers, "POLL", 1)
    options = [*train_options, "--steps", "24", "--data.workers", "1", "--trainer.val_check_interval", "24"]
    assert run(into(options, tmp_path / "left")) == 0
    assert run([*into(options, tmp_path / "killed"), *spy("KillWorkers", step=2, number=9)]) == 0
    assert "was ended by SIGKILL, likely for want of memory; others take over" in caplog.text
    assert same(state(tmp_path / "left")["state_dict"], state(tmp_path / "killed")["state_dict"])


def test_photographs_that_cannot_be_reached_end_a_run_that_can_be_resumed(train_options, out, monkeypatch, capsys):
    served = 0

    def broken(*args):
        nonlocal served
        served += 1
        if served > 9:
            raise OSError("Stale file handle")
        return decode(*args)

    from fastnst.data.photos import decode

    monkeypatch.setattr("fastnst.data.photos.decode", broken)
    assert run([*train_options, "--steps", "12"]) == 1
    assert capsys.readouterr().err.endswith("error: the photographs cannot be read (Stale file handle)\n")
    monkeypatch.undo()
    reached = state(out)["global_step"]
    assert reached > 0
    assert run([*train_options, "--steps", "12", "--resume"]) == 0


def test_another_batch_size_goes_on_in_the_photographs_where_the_run_stood(train_options, out, caplog):
    assert run(train_options) == 0
    assert state(out)["ImageDataModule"] == {
        "steps": 4, "photographs": 8, "together": 2, "processes": 1, "workers": 0,
    }  # fmt: skip
    assert run([*train_options, "--steps", "6", "--data.batch_size", "1", "--resume"]) == 0
    assert "1 photographs a step in place of 2: the photographs follow on from there, 8 photographs" in caplog.text
    assert state(out)["ImageDataModule"]["photographs"] == 10


def test_memory_that_runs_out_is_one_line_with_numbers(train_options, monkeypatch, capsys):
    def greedy(*args):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")

    monkeypatch.setattr(FeedForwardModule, "training_step", greedy)
    assert run(train_options) == 1
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert "does not hold a step: 2 crops of 32x32 pixels" in said
    assert "--batch_size 1, or --auto_batch" in said


def test_auto_batch_keeps_the_steps_photographs(train_options, out, monkeypatch, capsys, caplog):
    trial = FeedForwardModule.trial_step

    def small(module, batch):
        if len(batch) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return trial(module, batch)

    monkeypatch.setattr(FeedForwardModule, "trial_step", small)
    assert run([*train_options, "--auto_batch", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 4
    assert "2 crops do not fit: taken in 2 parts of 1" in caplog.text
    assert fastnst.load(out / "style.safetensors", "cpu").metadata.training["batch_size"] == 2
    assert state(out)["ImageDataModule"]["photographs"] == 8


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 6 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)]
    if os.name != "posix" or os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_waited_out(train_options, small_disk, caplog, capfd):
    options = [*into(train_options, small_disk / "run"), *EVERY_2]
    fill = spy("Fill", file=small_disk / "ballast", full=3, free=7)
    assert run([*options, *fill]) == 0
    run_folder = small_disk / "run"
    assert state(run_folder)["global_step"] == 8
    assert state(run_folder)["state_dict"]
    for name in ("last.ckpt", "style.safetensors", "the events of TensorBoard"):
        assert f"{name} cannot be written" in caplog.text or f"{name}: cannot be written" in caplog.text
        assert f"{name}: written again" in caplog.text
    assert "Traceback" not in capfd.readouterr().err


def test_a_disk_that_stays_full_keeps_the_files_before(train_options, small_disk, capfd):
    options = [*into(train_options, small_disk / "run"), *EVERY_2]
    assert run([*options, *spy("Fill", file=small_disk / "ballast", full=5, free=99)]) == 1
    assert state(small_disk / "run")["global_step"] == 4
    assert fastnst.load(small_disk / "run" / "style.safetensors", "cpu").metadata.training["steps"] == 4
    said = capfd.readouterr().err
    assert said.strip().splitlines()[-1].endswith("cannot be written (No space left on device)")
    assert "Traceback" not in said


def test_a_signal_saves_before_the_last_validation(train_options, out, monkeypatch):
    """As from SLURM, whose SIGUSR1 comes a minute before the end of a job."""
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert in_a_fork([*train_options, "--steps", "1000", *spy("SignalAt", step=3, number=int(signal.SIGUSR1))]) == 138
    assert state(out)["global_step"] == 3
    before_validation = json.loads((out / "saved.json").read_text())
    assert before_validation == 3
