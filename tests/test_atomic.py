import errno
import os
import stat
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from fastnst.atomic import LEFT, WriteError, abandon, check_writable, remove_leftovers, replacing

resource = pytest.importorskip("resource", reason="the system has no limits to set")


def write(path: Path, data: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(data)


@pytest.fixture
def closed_folder():
    """A folder that takes no files; even as root, who has to become another user for that."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        yield Path(name)
        if root:
            os.seteuid(0)
        Path(name).chmod(0o755)


@pytest.fixture
def small_limit():
    """Let no file grow beyond 4 KiB, as a full disk would."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_write_that_the_system_cuts_off_leaves_what_was_there(tmp_path, small_limit):
    write(tmp_path / "a.png", b"before")
    for name in ("a.png", "b.png"):
        with pytest.raises(WriteError, match=rf"{name}: cannot be written \(File too large\)") as caught:
            write(tmp_path / name, b"x" * 10_000)
        assert caught.value.errno == errno.EFBIG
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == b"before"


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 KiB."""
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path], capture_output=True).returncode:
        pytest.skip("may not mount a small disk here")
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


def test_a_full_disk_is_named_and_leaves_nothing_half_written(small_disk):
    write(small_disk / "a.png", b"before")
    with pytest.raises(WriteError, match=r"a\.png: cannot be written \(No space left on device\)") as caught:
        write(small_disk / "a.png", b"x" * 100_000)
    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in small_disk.iterdir()] == ["a.png"]
    assert (small_disk / "a.png").read_bytes() == b"before"


def test_a_read_only_folder_is_named(closed_folder):
    with pytest.raises(WriteError, match=r"a\.png: cannot be written \(Permission denied\)"):
        write(closed_folder / "a.png", b"x")
    with pytest.raises(PermissionError, match="cannot write to .*: Permission denied"):
        check_writable(closed_folder)
    assert not list(closed_folder.iterdir())


def test_files_get_the_permissions_of_the_umask_from_any_number_of_threads(tmp_path):
    umask = os.umask(0o027)
    try:
        threads = [
            threading.Thread(target=lambda i=i: [write(tmp_path / f"{i}-{j}", b"x") for j in range(10)])
            for i in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o640}
    finally:
        assert os.umask(umask) == 0o027


def test_a_link_is_replaced_not_what_it_leads_to(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "a.png").symlink_to(tmp_path / "mine.txt")
    write(tmp_path / "a.png", b"painted")
    assert not (tmp_path / "a.png").is_symlink()
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path):
    write(tmp_path / ("a" * 251 + ".png"), b"x")
    with pytest.raises(WriteError, match="File name too long"):
        write(tmp_path / ("a" * 252 + ".png"), b"x")


def test_what_is_being_written_can_be_abandoned(tmp_path):
    def end_early() -> None:
        with replacing(tmp_path / "a.png") as temporary:
            temporary.write_bytes(b"x")
            abandon()
            assert not list(tmp_path.iterdir())

    with pytest.raises(WriteError):
        end_early()
    assert not list(tmp_path.iterdir())


def test_leftovers_of_a_killed_process_are_removed_and_those_of_a_running_one_are_not(tmp_path):
    old, new, other = (tmp_path / name for name in (".fastnst-1.part", ".fastnst-2.part", "film.part"))
    for path in (old, new, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (time.time() - LEFT - 10,) * 2)
    remove_leftovers(tmp_path)
    assert sorted(tmp_path.iterdir()) == [new, other]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
def test_nobody_else_can_read_a_file_while_it_is_written(tmp_path, umask):
    before = os.umask(umask)
    try:
        with replacing(tmp_path / "a.png") as temporary:
            temporary.write_bytes(b"x")
            assert mode(temporary) == 0o600
        assert mode(tmp_path / "a.png") == 0o666 & ~umask
    finally:
        os.umask(before)


@pytest.mark.parametrize("kept", [0o600, 0o640, 0o664, 0o444])
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path, kept):
    (tmp_path / "a.png").write_bytes(b"before")
    (tmp_path / "a.png").chmod(kept)
    write(tmp_path / "a.png", b"after")
    assert (mode(tmp_path / "a.png"), (tmp_path / "a.png").read_bytes()) == (kept, b"after")


def test_what_a_link_leads_to_lends_no_permissions(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "mine.txt").chmod(0o600)
    (tmp_path / "a.png").symlink_to(tmp_path / "mine.txt")
    before = os.umask(0o022)
    try:
        write(tmp_path / "a.png", b"x")
    finally:
        os.umask(before)
    assert mode(tmp_path / "a.png") == 0o644
