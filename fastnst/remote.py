"""Files at addresses that fsspec knows: ``s3://bucket/photos``, ``gs://``, ``hf://datasets/``, ``memory://``."""

import glob
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Union

from fastnst.atomic import PREFIX, SUFFIX, WriteError, check_writable
from fastnst.errors import ConfigError, first_line

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "hf", "memory"})
"""Where a file appears when all of it is there; elsewhere it is written under another name first."""

EXTRAS = {"s3": "install fastnst[s3]", "gs": "pip install gcsfs", "az": "pip install adlfs"}


@dataclass(frozen=True, slots=True)
class Remote:
    """A file or a folder at an address, with what is used of ``pathlib.Path``; read and written in one piece.

    Args:
        address: With its scheme; the last slash does not count.
        size: Bytes of the file, where a listing told.
    """

    address: str
    size: int | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "address", self.address.rstrip("/"))

    def __str__(self) -> str:
        return self.address

    def __truediv__(self, below: str | PurePath) -> "Remote":
        return Remote(f"{self.address}/{PurePosixPath(below)}")

    @property
    def name(self) -> str:
        return self.address.rpartition("/")[2]

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name).stem

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name).suffix

    @property
    def parent(self) -> "Remote":
        return Remote(self.address.rpartition("/")[0])

    def is_dir(self) -> bool:
        """Say whether there are files below it.

        Raises:
            OSError: It cannot be told.
        """
        with _telling(self.address, "cannot be looked for"):
            system, path = _system(self.address)
            return bool(system.isdir(path))

    def exists(self) -> bool:
        """Say whether there is such a file.

        Raises:
            OSError: It cannot be told.
        """
        with _telling(self.address, "cannot be looked for"):
            system, path = _system(self.address)
            return bool(system.exists(path))

    def read_bytes(self) -> bytes:
        """Return what is in it.

        Raises:
            FileNotFoundError: No such file.
            OSError: It cannot be read.
        """
        with _telling(self.address, "cannot be read"):
            system, path = _system(self.address)
            return bytes(system.cat_file(path))

    def write_bytes(self, data: bytes) -> None:
        """Write it, all or nothing, in place of what was there.

        Raises:
            WriteError: It cannot be written.
        """
        try:
            with _telling(self.address, "cannot be written", WriteError):
                system, path = _system(self.address)
                if self.address.partition(":")[0] in WHOLE:
                    system.pipe_file(path, data)
                    return
                _write_aside(system, path, data)
        except FileNotFoundError as error:
            raise WriteError(f"{self.address}: cannot be written (there is no such place)") from error

    def unlink(self, missing_ok: bool = False) -> None:
        """Remove the file."""
        try:
            with _telling(self.address, "cannot be removed"):
                system, path = _system(self.address)
                system.rm_file(path)
        except FileNotFoundError:
            if not missing_ok:
                raise


Place = Union[Path, Remote]  # noqa: UP007 (a type at run time)
"""Where a file or a folder is."""


def place(text: str) -> Place:
    """Return what an address or a path stands for."""
    if not SCHEME.match(text):
        return Path(text)
    return Path(text.removeprefix("file://")) if text.startswith("file://") else Remote(text)


def find_remote(folder: Remote, without: Place | None = None) -> list[tuple[Remote, Path]] | None:
    """List the files at an address, each with its path below it; those below ``without`` are left out.

    Args:
        folder: A folder with all in it, a file, or a pattern such as ``s3://bucket/2024/*.jpg``.

    Returns:
        In the order of their names, or ``None`` if nothing is there.

    Raises:
        ConfigError: fsspec lacks what it takes to go there.
        OSError: It cannot be listed.
    """
    with _telling(folder.address, "cannot be listed"):
        system, path = _system(folder.address)
        system.invalidate_cache()
        magic = glob.has_magic(path)
        try:
            found = (system.glob if magic else system.find)(path, detail=True)
        except FileNotFoundError:
            found = {}
    files = {name: entry.get("size") for name, entry in found.items() if entry.get("type") == "file"}
    if not files:
        return None
    if path in files:
        return [(Remote(folder.address, files[path]), Path(folder.name))]
    top, root = (_fixed(path), Remote(_fixed(folder.address))) if magic else (path, folder)
    below = {Path(name[len(top) :].lstrip("/")): size for name, size in sorted(files.items())}
    left_out = f"{without}/"
    listed = [(Remote(str(root / name), size), name) for name, size in below.items()]
    return [entry for entry in listed if not str(entry[0]).startswith(left_out)]


def listing(folder: Place) -> set[str]:
    """Name the files in a folder and below, by their paths below it; none where it does not exist."""
    if isinstance(folder, Path):
        return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {below.as_posix() for _, below in find_remote(folder) or []}


def check_place(folder: Place) -> None:
    """Fail now, rather than after the work, if nothing can be written to a folder; leaves no trace.

    Raises:
        OSError: It takes no files.
    """
    if isinstance(folder, Path):
        check_writable(folder)
        return
    probe = folder / _aside()
    probe.write_bytes(b"-")
    with suppress(OSError):  # who may write need not be one who may remove
        probe.unlink(missing_ok=True)


def _write_aside(system: Any, path: str, data: bytes) -> None:
    """Write beside a file, then move it there; some systems move only where nothing is."""
    folder = path.rpartition("/")[0]
    aside = f"{folder}/{_aside()}"
    system.makedirs(folder, exist_ok=True)
    try:
        system.pipe_file(aside, data)
        try:
            system.mv(aside, path)
        except OSError:
            if not system.exists(path):
                raise
            system.rm_file(path)
            system.mv(aside, path)
    except BaseException:
        with suppress(OSError):
            system.rm_file(aside)
        raise


def common_folder(files: Sequence[Place]) -> str:
    """Return the folder that holds all of several files."""
    if any(isinstance(file, Remote) for file in files):
        scheme, _, _ = str(files[0]).partition("://")
        return f"{scheme}://{os.path.commonpath([str(file.parent).partition('://')[2] for file in files])}"
    return os.path.commonpath([str(file.parent) for file in files])


def _fixed(pattern: str) -> str:
    """Return what stands before the first part of a pattern that is one."""
    parts = pattern.split("/")
    return "/".join(parts[: next(i for i, part in enumerate(parts) if glob.has_magic(part))])


def _aside() -> str:
    return f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}"


def _system(address: str) -> tuple[Any, str]:
    """Return fsspec's file system of an address, and the path there.

    Raises:
        ConfigError: It is of a kind that is unknown or not installed.
    """
    scheme = address.partition(":")[0]
    try:
        from fsspec.core import url_to_fs

        system, path = url_to_fs(address)
    except ImportError as error:
        raise ConfigError(f"{address}: {EXTRAS.get(scheme, first_line(error))}") from None
    except ValueError as error:
        raise ConfigError(f"{address}: is no address to read or write ({first_line(error)})") from None
    return system, path


@contextmanager
def _telling(address: str, what: str, kind: type[OSError] = OSError) -> Iterator[None]:
    """Make an error of the system of what any client of a store raises; the message names the address.

    Raises:
        FileNotFoundError: Of the block.
        OSError: In place of anything else, of the ``kind`` given.
    """
    try:
        yield
    except (FileNotFoundError, ConfigError):
        raise
    except Exception as error:  # those of the clients (botocore, aiohttp, ...) have no other base in common
        told = kind(f"{address}: {what} ({first_line(error)})")
        told.errno = getattr(error, "errno", None)
        raise told from error
