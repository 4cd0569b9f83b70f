"""Paint many pictures: several at a time, in bounded memory, and carrying on behind a broken one.

Every picture is read, painted and written by one thread, so one is decoded or encoded while others are painted. On a
CPU, pictures are painted side by side on one thread each, which loses nothing to synchronization; only a large one is
painted on several threads, so that memory does not grow with the number of cores. Elsewhere, those of one size that
wait at the same time are painted in one pass.
"""

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from errno import EDQUOT, ENOSPC, EROFS
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from fastnst.atomic import WriteError, remove_leftovers
from fastnst.devices import reuse_memory
from fastnst.errors import first_line
from fastnst.images import ImageError, Picture, check_output
from fastnst.images.decode import picture_size
from fastnst.inference import manifest
from fastnst.inference.job import Failed, Painted, Skipped, StylizeJob, StylizeResult, Task, note
from fastnst.inference.joint import Joint
from fastnst.inference.picture import Painter
from fastnst.inference.pipeline import Gate, in_order
from fastnst.inference.stages import decode, encode, fetch, paint, size_up
from fastnst.remote import Place, Remote, check_place

HELD_PIXELS = 2**26
"""Pixels of all pictures that are in memory at a time, or a single larger one: some 400 MB with their results."""

PIXELS_PER_THREAD = 2**21
"""A picture is painted on one thread for every so many of its pixels, as far as there are threads."""

AHEAD = 4
"""Pictures per worker that may be finished or under way before the first of them is done."""

HOPELESS = (ENOSPC, EDQUOT, EROFS)
"""What keeps all other pictures from being written too."""

Outcome = Painted | Failed | Skipped


def run(job: StylizeJob, on_progress: Callable[[StylizeResult], bool | None] | None = None) -> StylizeResult:
    """Paint every picture of a job; one that cannot be read is noted, and the others are painted.

    Args:
        job: What to paint.
        on_progress: Called after every picture, in their order; once its result is true, the pictures at hand are
            finished and no other is begun.

    Raises:
        CheckpointError: The model cannot be used.
        ConfigError: No such model, style, device or engine; or the manifest is another file.
        ImageError: The style picture cannot be read.
        OSError: A folder takes no files, or the manifest cannot be written.
    """
    files = [target for _, target in job.tasks] + ([job.manifest] if job.manifest else [])
    elsewhere = [file for file in files if isinstance(file, Remote)][-1:]  # one stands for all: each probe is written
    folders: set[Place] = {file.parent for file in files if isinstance(file, Path)}
    for folder in sorted(folders | {file.parent for file in elsewhere}, key=str):
        check_place(folder)
        if isinstance(folder, Path):
            remove_leftovers(folder)
    reuse_memory()
    batch, result = Batch(job), StylizeResult()
    batch.noted = manifest.noted(job.manifest) if job.skip_existing else None
    threads = torch.get_num_threads()
    try:
        with manifest.writing(job.manifest) as note_line:
            for outcome in batch.outcomes():
                result.add(outcome)
                if line := outcome.unnoted if isinstance(outcome, Skipped) else outcome:
                    note_line(line)
                batch.stopping = bool(on_progress and on_progress(result))
    finally:
        batch.close()
        torch.set_num_threads(threads)  # for threads that are made later; those of the batch had their own
    result.obstacle = batch.obstacle
    return result


class Batch:
    """Take pictures from file to file, in several threads at once.

    Args:
        job: How to paint, and what.
        painter: What paints; loaded as the job says by default.

    Attributes:
        stopping: Begin no other picture.
        obstacle: What keeps all other pictures from being written, such as a full disk.
        noted: What the manifest calls painted; nothing where what exists is not to be noted.
    """

    stopping: bool = False
    obstacle: str | None = None
    noted: set[str] | None = None

    def __init__(self, job: StylizeJob, painter: Painter | None = None) -> None:
        self.job, self.painter = job, painter or job.load()
        self.threads = torch.get_num_threads()
        # Elsewhere than on a CPU, and in other programs than torch, one pass at a time has all there is.
        engines = [(layer.stylizer.device.type, layer.stylizer.engine) for layer in self.painter.layers]
        side_by_side = all(kind == "cpu" and isinstance(engine, nn.Module) for kind, engine in engines)
        self.slots = self.threads if side_by_side else 1
        alone = len(job.tasks) == 1  # it has no company, and is painted in the thread that Ctrl-C ends
        self._joint = None if side_by_side or alone else Joint()
        self.painter.joint = self._joint
        self._idle = self.slots // len(job.tasks) if job.tasks else 0  # threads that a short job would leave unused
        self._memory, self._painting = Gate(HELD_PIXELS), Gate(self.slots)

    def outcomes(self, tasks: Sequence[Task] | None = None) -> Iterator[Outcome]:
        """Paint pictures, those of the job by default; give what became of each, in their order.

        Ends early once it is to stop or there is an obstacle.
        """
        tasks = self.job.tasks if tasks is None else tasks
        if len(tasks) == 1:
            return map(self, tasks)  # in this thread, which Ctrl-C ends at once
        workers = self.threads + 1  # while so many paint, another reads or writes
        return in_order(self, tasks, workers, AHEAD * workers, self._stopped)

    def close(self) -> None:
        """End the thread that paints for all, if there is one."""
        if self._joint is not None:
            self._joint.close()

    def _stopped(self) -> bool:
        return self.stopping or self.obstacle is not None

    def __call__(self, task: Task) -> Outcome:
        """Paint one picture, unless its result may stay."""
        source, target = task
        start = time.perf_counter()
        try:
            if self.job.skip_existing and target.exists():
                return Skipped(str(source), self._unnoted(source, target))
            width, height, digest = self._take(source, target)
        except (ImageError, OSError, FloatingPointError, MemoryError, RuntimeError) as error:
            if isinstance(error, WriteError) and error.errno in HOPELESS:
                self.obstacle = self.obstacle or str(error)
            text = str(error) if isinstance(error, ImageError | WriteError) else f"{source}: {first_line(error)}"
            return Failed(str(source), str(target), round(time.perf_counter() - start, 3), text)
        return Painted(str(source), str(target), width, height, round(time.perf_counter() - start, 3), digest)

    def _unnoted(self, source: Place, target: Place) -> Painted | None:
        """Return the line that a result lacks because the run that painted it was killed."""
        if self.noted is None or str(target) in self.noted:
            return None
        with suppress(ImageError, OSError):  # what is no picture was not painted
            data = target.read_bytes()
            width, height, _ = picture_size(data)
            return Painted(str(source), str(target), width, height, 0.0, hashlib.sha256(data).hexdigest())
        return None

    def _take(self, source: Place, target: Place) -> tuple[int, int, str]:
        given, name = fetch(source), str(source)
        pixels = size_up(given, target, self.job, name)
        with self._memory(pixels):
            painted = self._paint(decode(given, check_output(target), self.job, name), pixels)
            digest = self.keep(painted, target, note(self.job, name, str(target)))
            height, width = painted[0].size
        return width, height, digest

    def keep(self, painted: Sequence[Picture], target: Place, made: dict[str, Any]) -> str:
        """Write what was painted; return its SHA-256."""
        return encode(painted, target, made, self.job)

    def _paint(self, pictures: list[Picture], pixels: int) -> list[Picture]:
        if self._joint is not None:  # which takes care that there is one pass at a time
            work = partial(paint, self.painter, pictures)
            return work() if self.painter.joins(pictures) else self._joint.alone(work)
        slots = min(self.slots, max(1, self._idle, math.ceil(pixels / PIXELS_PER_THREAD)))
        with self._painting(slots):
            if self.slots > 1 and torch.get_num_threads() != slots:
                torch.set_num_threads(slots)  # of this thread alone
            return paint(self.painter, pictures)
