"""What runs in a worker on any machine: it paints batches, and writes pictures, or one table of each batch."""

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from fastnst import __version__
from fastnst.atomic import WriteError
from fastnst.devices import reuse_memory
from fastnst.fleet.table import Row, part_name, write_part
from fastnst.images import Picture
from fastnst.inference.folder import HOPELESS, Batch, Outcome
from fastnst.inference.job import Failed, Painted, StylizeJob, Task
from fastnst.inference.picture import Painter
from fastnst.inference.stages import encode_bytes
from fastnst.remote import Place


@dataclass(frozen=True)
class Parcel:
    """A job without its pictures, and the files it names that are on the machine where it was given."""

    job: StylizeJob
    files: Mapping[str, bytes]

    def load(self, folder: Path) -> Painter:
        """Load what paints; the files go into a folder."""
        paths = {}
        for number, (name, data) in enumerate(self.files.items()):
            path = folder / str(number) / Path(name).name
            path.parent.mkdir()
            path.write_bytes(data)
            paths[name] = str(path)
        changed = {name: _renamed(getattr(self.job, name), paths) for name in ("model", "style", "mask")}
        return replace(self.job, **changed).load()


def pack_job(job: StylizeJob) -> Parcel:
    """Make a parcel of a job, so that a worker needs no file of this machine but pictures."""
    words = [job.model, *job.mask]
    words += [*job.style] if isinstance(job.style, tuple | Mapping) else [job.style]
    words += [*job.model] if isinstance(job.model, tuple) else []
    files = {word: Path(word).read_bytes() for word in words if isinstance(word, str) and Path(word).is_file()}
    return Parcel(replace(job, tasks=(), manifest=None, skip_existing=False), files)


def _renamed(words: Any, paths: Mapping[str, str]) -> Any:
    if isinstance(words, Mapping):
        return {paths.get(word, word): weight for word, weight in words.items()}
    if isinstance(words, tuple):
        return tuple(paths.get(word, word) for word in words)
    return paths.get(words, words)


class Worker:
    """Paint batch after batch; two at a time, so that one is read and written while the other is computed.

    Args:
        parcel: How to paint.
        threads: To compute with.
        home: The folder in which the command was given, where there is such on this machine; for relative paths.
        table: The folder of the tables, if it is tables that are written.
    """

    def __init__(self, parcel: Parcel, threads: int, home: str, table: Place | None = None) -> None:
        with suppress(OSError):
            os.chdir(home)
        reuse_memory()
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        self._files = tempfile.TemporaryDirectory(prefix="fastnst-")
        painter = parcel.load(Path(self._files.name))
        self._table = table
        self._batch = Batch(parcel.job, painter) if table is None else Shelf(parcel.job, painter)

    def ready(self) -> str:
        """Say that it is there, and of which version."""
        return __version__

    def paint(self, tasks: Sequence[Task]) -> tuple[list[Outcome], str | None]:
        """Paint a batch; say what became of its pictures, and what keeps all others from being written, if anything."""
        outcomes = list(self._batch.outcomes(tasks))
        if isinstance(self._batch, Shelf) and self._table is not None:
            outcomes = self._shelve(self._batch, outcomes, tasks, self._table)
        return outcomes, self._batch.obstacle

    def _shelve(
        self, shelf: "Shelf", outcomes: Sequence[Outcome], tasks: Sequence[Task], table: Place
    ) -> list[Outcome]:
        """Write the painted pictures of a batch as one table; they are there, or all have failed."""
        painted = [outcome for outcome in outcomes if isinstance(outcome, Painted)]
        others = [outcome for outcome in outcomes if not isinstance(outcome, Painted)]
        part = table / part_name([source for source, _ in tasks])
        rows = [Row(p.target.removeprefix(f"{table}/"), shelf.data.pop(p.target), p) for p in painted]
        try:
            if rows:
                write_part(part, rows)
        except WriteError as error:
            if error.errno in HOPELESS:
                shelf.obstacle = str(error)
            return [*others, *(Failed(p.source, p.target, p.seconds, str(error)) for p in painted)]
        return [*others, *(replace(row.painted, target=f"{part}#{row.path}") for row in rows)]


class Shelf(Batch):
    """Keep what is painted in memory, for a table.

    Attributes:
        data: Files by the names of their targets.
    """

    def __init__(self, job: StylizeJob, painter: Painter) -> None:
        super().__init__(job, painter)
        self.data: dict[str, bytes] = {}

    def keep(self, painted: Sequence[Picture], target: Place, made: dict[str, Any]) -> str:
        """Keep a picture; return its SHA-256."""
        data = encode_bytes(painted, target, made, self.job)
        self.data[str(target)] = data
        return hashlib.sha256(data).hexdigest()
