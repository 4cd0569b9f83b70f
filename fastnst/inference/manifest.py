"""What became of every picture of a folder, noted as it goes: a line of JSON for each.

A line has ``source``, ``target`` and ``seconds``, and ``width``, ``height`` and ``sha256`` of the file written, or else
``error``. A file that exists is added to: the last line on a picture counts. Pictures that were skipped get no line,
but for those that were painted by a run which was killed before it could note them: their ``seconds`` are 0.
Names are written in ASCII, with ``\\udcxx`` for a byte of a name that is no UTF-8; :func:`os.fsencode` gives it back.

Nothing can be added to an object of a store: for ``manifest.jsonl`` there, every run writes parts beside it, named
``manifest-TIME-0000.jsonl`` and so on, the last of them anew every few seconds.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastnst.atomic import naming
from fastnst.errors import ConfigError
from fastnst.inference.job import Failed, Painted
from fastnst.remote import Place, Remote, find_remote

NAME = "manifest.jsonl"
"""Of the manifest in the folder of the results."""

EVERY = 10
"""Seconds between two writings of a part at an address; an end without warning loses the lines since."""

PART = 10_000
"""Lines of a part at an address."""


@contextmanager
def writing(path: Place | None) -> Iterator[Callable[[Painted | Failed], None]]:
    """Give a function that adds a line to the manifest at once; it does nothing without a ``path``.

    Raises:
        ConfigError: The file exists and is no manifest.
        WriteError: It cannot be written.
    """
    if path is None:
        yield lambda outcome: None
        return
    if isinstance(path, Remote):
        parts = _Parts(path)
        try:
            yield parts.write
        finally:
            parts.flush()
        return
    check(path)
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("a+", encoding="ascii")
    with file:

        def write(outcome: Painted | Failed) -> None:
            with naming(path):
                file.write(json.dumps(asdict(outcome)) + "\n")
                file.flush()

        with naming(path):
            file.write(_missing_end(path))
        yield write


class _Parts:
    """Write lines to parts beside an address, each part in one piece."""

    def __init__(self, path: Remote) -> None:
        self._path, self._lines, self._number = path, list[str](), 0
        self._stamp, self._written = time.strftime("%Y%m%dT%H%M%S"), time.monotonic()

    def write(self, outcome: Painted | Failed) -> None:
        self._lines.append(json.dumps(asdict(outcome)) + "\n")
        if len(self._lines) >= PART or time.monotonic() - self._written >= EVERY:
            self.flush()

    def flush(self) -> None:
        if self._lines:
            name = f"{self._path.stem}-{self._stamp}-{self._number:04}{self._path.suffix}"
            (self._path.parent / name).write_bytes("".join(self._lines).encode("ascii"))
        self._written = time.monotonic()
        if len(self._lines) >= PART:
            self._lines, self._number = [], self._number + 1


def files(path: Place) -> list[Place]:
    """List the files that make up a manifest, in the order in which they were written."""
    if isinstance(path, Path):
        return [path] if path.is_file() else []
    found = find_remote(Remote(f"{path.parent}/{path.stem}*{path.suffix}")) or []
    return [file for file, _ in found]


def read(path: Place) -> dict[str, dict[str, Any]]:
    """Return the last line on every picture, by the file it became or was to become; torn lines are passed over."""
    last: dict[str, dict[str, Any]] = {}
    for file in files(path):
        for line in file.read_bytes().splitlines():
            try:
                entry = json.loads(line)
                last[entry["target"]] = entry
            except (ValueError, RecursionError, TypeError, KeyError):
                continue
    return last


def remove(path: Place) -> None:
    """Remove a manifest, and nothing else."""
    for file in files(path):
        if isinstance(file, Path):
            check(file)
        file.unlink(missing_ok=True)


def noted(path: Place | None) -> set[str] | None:
    """Return what a manifest calls painted, by the names of the files; nothing where none was begun."""
    if path is None or not files(path):
        return None
    return {target for target, line in read(path).items() if "sha256" in line}


def check(path: Path) -> None:
    """Refuse to add to a file that is no manifest.

    Raises:
        ConfigError: It exists and does not begin like one.
    """
    if not path.is_file() or not path.stat().st_size:
        return
    with path.open("rb") as file:
        try:
            line = json.loads(file.readline(2**20))
        except (ValueError, RecursionError):
            line = None
    if not isinstance(line, dict) or not {"source", "target"} <= line.keys():
        raise ConfigError(f"{path}: exists and is no manifest; name another by --manifest")


def _missing_end(path: Path) -> str:
    """Return the end of a last line that an interruption cut off."""
    if not path.is_file() or not path.stat().st_size:
        return ""
    with path.open("rb") as file:
        file.seek(-1, 2)
        return "" if file.read() == b"\n" else "\n"
