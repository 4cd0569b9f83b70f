import errno
import os
import shutil

import pytest
import torch

from fastnst.checkpoint import CheckpointError
from fastnst.plain import PlainError
from fastnst.training.disk import Disk
from fastnst.training.folder import PREVIOUS_FILE, RESUME_FILE, clear_leftovers, find_resume_file
from fastnst.training.keeping import AtomicCheckpointIO


def full(*args):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def state(step: int) -> dict:
    return {"step": step, "weights": torch.full((4000,), float(step)), "fastnst": {"guard": {}}}


@pytest.fixture
def io() -> AtomicCheckpointIO:
    return AtomicCheckpointIO()


@pytest.fixture
def saved(io, tmp_path):
    """A run of two saves."""
    for step in (1, 2):
        io.save_checkpoint(state(step), tmp_path / RESUME_FILE)
    return tmp_path


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()  # or the one before, which may be another name of it, would change too
    path.write_bytes(content)


def step_of(io, path) -> int:
    return io.load_checkpoint(path)["step"]


def test_a_failed_write_keeps_the_previous_checkpoint(io, tmp_path, monkeypatch):
    path = tmp_path / RESUME_FILE
    io.save_checkpoint(state(1), path)
    monkeypatch.setattr("fastnst.atomic.os.fsync", full)
    with pytest.raises(OSError, match=r"last.ckpt: cannot be written \(No space"):
        io.save_checkpoint(state(2), path)
    assert step_of(io, path) == 1
    assert step_of(io, tmp_path / PREVIOUS_FILE) == 1
    assert {file.name for file in path.parent.iterdir()} == {"last.ckpt", "previous.ckpt"}


def test_a_full_disk_is_told_once_and_again_when_it_takes_files(tmp_path, monkeypatch, caplog):
    disk, path = Disk(), tmp_path / RESUME_FILE
    io = AtomicCheckpointIO(disk)
    io.save_checkpoint(state(1), path)
    with monkeypatch.context() as patch:
        patch.setattr("fastnst.atomic.os.fsync", full)
        io.save_checkpoint(state(2), path)
        io.save_checkpoint(state(3), path)
        with pytest.raises(OSError, match="No space"):
            disk.check()
    assert step_of(io, path) == 1
    io.save_checkpoint(state(4), path)
    disk.check()
    assert step_of(io, path) == 4
    first, second = caplog.messages
    assert "the training goes on, and tries again later" in first
    assert second.endswith("last.ckpt: written again")


def test_a_file_of_an_earlier_version_is_refused_in_words(io, tmp_path):
    torch.save(state(1) | {"fastnst": {"clock": {}}}, tmp_path / "old.ckpt")
    with pytest.raises(CheckpointError, match="old.ckpt was written by an earlier fastnst"):
        find_resume_file(tmp_path / "run", str(tmp_path / "old.ckpt"))


def test_files_with_code_are_refused(io, tmp_path):
    torch.save({"step": print}, tmp_path / "evil.ckpt")
    with pytest.raises(PlainError, match="holds more than tensors"):
        io.load_checkpoint(tmp_path / "evil.ckpt")
    with pytest.raises(CheckpointError, match="is no resume file"):
        find_resume_file(tmp_path, str(tmp_path / "evil.ckpt"))


@pytest.mark.parametrize("linked", [True, False])
def test_the_resume_file_before_the_last_is_kept(io, tmp_path, monkeypatch, linked):
    if not linked:
        monkeypatch.setattr("fastnst.training.folder.os.link", full)
    for step in range(1, 5):
        io.save_checkpoint(state(step), tmp_path / RESUME_FILE)
    assert step_of(io, tmp_path / PREVIOUS_FILE) == 3
    assert {file.name for file in (tmp_path / "checkpoints").iterdir()} == {"last.ckpt", "previous.ckpt"}


def test_a_crash_between_link_and_rename_leaves_both_names(io, saved, monkeypatch):
    """Both then name one file, which the system does not rename to itself."""
    shutil.copy(saved / RESUME_FILE, saved / "kept")
    (saved / PREVIOUS_FILE).unlink()
    os.link(saved / RESUME_FILE, saved / PREVIOUS_FILE)
    io.save_checkpoint(state(3), saved / RESUME_FILE)
    assert step_of(io, saved / PREVIOUS_FILE) == 2
    assert len(list((saved / "checkpoints").iterdir())) == 2


@pytest.mark.parametrize("kind", ["flipped", "short", "empty", "missing"])
def test_a_damaged_resume_file_gives_way_to_the_one_before(io, saved, kind):
    last = saved / RESUME_FILE
    content = last.read_bytes()
    last.unlink()
    if kind == "flipped":
        last.write_bytes(content)
        damage(last)
    elif kind != "missing":
        last.write_bytes(content[: 999 if kind == "short" else 0])
    source, note = find_resume_file(saved, "auto")
    assert step_of(io, source) == 1
    assert f"{last} is {'missing' if kind == 'missing' else 'damaged'}: going on from the one before it" in note


def test_a_damaged_file_does_not_take_the_place_of_the_one_before(io, saved):
    damage(saved / RESUME_FILE)
    io.save_checkpoint(state(3), saved / RESUME_FILE)
    assert step_of(io, saved / PREVIOUS_FILE) == 1


def test_two_damaged_files_are_one_clear_error(saved):
    damage(saved / RESUME_FILE)
    damage(saved / PREVIOUS_FILE)
    with pytest.raises(CheckpointError, match=r"last.ckpt is damaged, and previous.ckpt is damaged; begin anew"):
        find_resume_file(saved, "auto")


def test_a_sound_file_is_resumed_without_a_note(saved):
    assert find_resume_file(saved, "auto") == (saved / RESUME_FILE, "")
    assert find_resume_file(saved, str(saved / RESUME_FILE)) == (saved / RESUME_FILE, "")
    assert find_resume_file(saved / "elsewhere", str(saved / RESUME_FILE)) == (saved / RESUME_FILE, "")
    assert find_resume_file(saved / "elsewhere", "auto") == (None, "")


def test_what_a_killed_run_was_writing_is_removed(saved):
    (saved / "checkpoints" / ".fastnst-0123.part").write_bytes(b"half")
    clear_leftovers(saved)
    assert {file.name for file in (saved / "checkpoints").iterdir()} == {"last.ckpt", "previous.ckpt"}
