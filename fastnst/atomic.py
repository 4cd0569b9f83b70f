"""Write files so that an interruption never leaves half of one, nor loses the one before."""

import os
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX, SUFFIX = ".fastnst-", ".part"
"""Of the names of temporary files."""

LEFT = 3600
"""Seconds after which nobody writes to a temporary file any more."""

_OPEN: set[Path] = set()
"""Temporary files that are being written."""


class WriteError(OSError):
    """A file cannot be written; the message names it and states the reason, and ``errno`` is the system's."""


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place when the block succeeds.

    The data is on the disk before the rename; on any error the temporary file is removed and an older ``path`` stays. A
    link is replaced, not what it leads to. Threads may write at the same time.

    Nobody else can read the temporary file. What becomes of it has the permissions of the file that it replaces, or
    those that the umask leaves.

    Raises:
        WriteError: The folder cannot be made or written, or the disk is full; any ``OSError`` of the block becomes one.
    """
    path = Path(path)
    temporary = path.with_name(f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}")
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        permissions = _permissions(path, temporary)
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        _OPEN.add(temporary)
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            with suppress(PermissionError):  # a mount that knows no permissions
                temporary.chmod(permissions)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
            _OPEN.discard(temporary)


def _permissions(path: Path, probe: Path) -> int:
    """Return the permissions of the file that is replaced, or those that the umask leaves to a new one, ``probe``.

    To ask for the umask is to change it, for all threads.
    """
    with suppress(FileNotFoundError):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode):
            return stat.S_IMODE(found.st_mode) & 0o777
    try:
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        return stat.S_IMODE(probe.stat().st_mode)
    finally:
        probe.unlink(missing_ok=True)


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Make an error of the system name the file that could not be written.

    Raises:
        WriteError: In place of any other ``OSError`` of the block.
    """
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        named = WriteError(f"{os.fspath(path)}: cannot be written ({error.strerror or error})")
        named.errno = error.errno
        raise named from error


def abandon() -> None:
    """Remove the temporary files of this process; for the moment before it ends with threads at work."""
    for temporary in list(_OPEN):
        with suppress(OSError):
            temporary.unlink()


def remove_leftovers(folder: str | os.PathLike[str], older: float = LEFT) -> None:
    """Remove temporary files that a process left which was killed; those of others that still write are younger."""
    for path in Path(folder).glob(f"{PREFIX}*{SUFFIX}"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime >= older:
                path.unlink()


def check_writable(folder: str | Path) -> None:
    """Fail now, rather than after the work, if nothing can be written below ``folder``; leaves no trace.

    Raises:
        OSError: The folder, or the nearest parent there is, takes no files.
    """
    nearest = Path(folder).absolute()
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        raise NotADirectoryError(f"cannot write to {folder}: {nearest} is not a folder")
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        raise type(error)(f"cannot write to {folder}: {error.strerror}") from error
