"""What became of every picture of a folder, noted as it goes: a line of JSON for each.

A line has ``source``, ``target`` and ``seconds``, and ``width``, ``height`` and ``sha256`` of the file written, or else
``error``. A file that exists is added to: the last line on a picture counts. Pictures that were skipped get no line.
Names are written in ASCII, with ``\\udcxx`` for a byte of a name that is no UTF-8; :func:`os.fsencode` gives it back.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from fastnst.atomic import naming
from fastnst.errors import ConfigError
from fastnst.inference.job import Failed, Painted

NAME = "manifest.jsonl"
"""Of the manifest in the folder of the results."""


@contextmanager
def writing(path: Path | None) -> Iterator[Callable[[Painted | Failed], None]]:
    """Give a function that adds a line to the manifest at once; it does nothing without a ``path``.

    Raises:
        ConfigError: The file exists and is no manifest.
        WriteError: It cannot be written.
    """
    if path is None:
        yield lambda outcome: None
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
