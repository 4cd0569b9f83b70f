"""Disks that are small, or stand still for a while; used by ``soak.py``. Mounting needs root and Linux."""

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FREEZE, THAW = 0xC0045877, 0xC0045878
"""``FIFREEZE`` and ``FITHAW`` of Linux: all that writes to a file system waits until it is thawed."""

PLAIN, SMALL, SLOW = "plain", "small", "slow"


class Disk:
    """A folder that can be made to take nothing, or only slowly.

    Args:
        kind: ``small``, a tmpfs that can be filled; ``slow``, an ext4 in a file that can be frozen; or ``plain``.
        path: The folder.
    """

    def __init__(self, kind: str, path: Path) -> None:
        self.kind, self.path = kind, path

    @contextmanager
    def full(self) -> Iterator[None]:
        """Fill the disk to its last byte."""
        ballast = self.path / ".ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        try:
            yield
        finally:
            ballast.unlink(missing_ok=True)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let everything that writes wait."""
        place = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(place, FREEZE, 0)
            try:
                yield
            finally:
                fcntl.ioctl(place, THAW, 0)
        finally:
            os.close(place)

    def stutter(self, seconds: float) -> None:
        """Freeze nine tenths of the time, a fifth of a second each."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self.frozen():
                time.sleep(0.18)
            time.sleep(0.02)


def kinds() -> list[str]:
    """Return the disks that there can be here."""
    able = os.name == "posix" and os.geteuid() == 0 and shutil.which("mount") is not None
    if not able:
        return [PLAIN]
    slow = [SLOW] if shutil.which("mkfs.ext4") and Path("/dev/loop-control").exists() else []
    return [PLAIN, SMALL, *slow]


@contextmanager
def mounted(kind: str, path: Path, megabytes: int) -> Iterator[Disk]:
    """Mount a disk on a folder; a plain one is the folder itself."""
    path.mkdir(parents=True, exist_ok=True)
    if kind == PLAIN:
        yield Disk(kind, path)
        return
    image = path.with_name(f"{path.name}.disk")
    if kind == SLOW:
        with image.open("wb") as file:
            file.truncate(max(8, megabytes) * 2**20)
        _call("mkfs.ext4", "-q", "-O", "^has_journal", str(image))
        _call("mount", "-o", "loop", str(image), str(path))
        (path / "lost+found").rmdir()
    else:
        _call("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path))
    try:
        yield Disk(kind, path)
    finally:
        _call("umount", "-l", str(path))
        image.unlink(missing_ok=True)


def _call(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)
