"""Paint pictures in the workers of a Ray cluster, each picture once, whatever becomes of workers and machines.

A worker is given names, and reads, paints and writes by itself: only names and what became of them pass through the
driver. A result is there as a whole or not at all, under a name that the picture decides, so painting one twice changes
nothing. What the manifest has, and is still there, is settled: a run that was killed goes on from it. A lost worker
costs what it had in hand: two half batches.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from fastnst import __version__
from fastnst.atomic import remove_leftovers
from fastnst.errors import ConfigError
from fastnst.fleet.cluster import Post, joined
from fastnst.fleet.crew import Crew, Event
from fastnst.fleet.dispatch import HAND, TRIES, Dispatch
from fastnst.fleet.table import SUFFIX, parts, remove_unnamed
from fastnst.fleet.worker import Parcel, Worker, pack_job
from fastnst.inference import manifest
from fastnst.inference.job import Failed, Skipped, StylizeJob, StylizeResult, Task
from fastnst.remote import Place, Remote, check_place, listing

PICTURES, BYTES = 16, 2**25
"""Of a half batch, at most: pictures, and bytes of their files; or a single picture."""

SHARE = 4
"""Half batches for each worker, at least, as far as there are pictures, so that all have work until the end."""

OnProgress = Callable[[StylizeResult], bool | None]


def run(job: StylizeJob, on_progress: OnProgress | None = None, *, folder: Place, anew: bool = False) -> StylizeResult:
    """Paint every picture of a job; one that cannot be painted is noted, and the others are painted.

    Args:
        job: What to paint; ``manifest`` is a must, ``skip_existing`` leaves out what it says is painted and is there,
            or all that is there where it says nothing of this folder.
        on_progress: Called after every half batch; once its result is true, those at hand are finished and no other is
            begun.
        folder: Of the results; a name that ends in ``.parquet`` asks for tables.
        anew: Begin the manifest anew.

    Raises:
        CheckpointError: The model cannot be used.
        ConfigError: No such model or style, no Ray, no machine that could take a worker, or a folder of tables that
            the manifest does not name.
        CrewError: There are no workers, or none any more.
        ImageError: The style picture cannot be read.
        OSError: The folder takes no files, or the manifest cannot be written.
    """
    assert job.manifest is not None
    replace(job, device="cpu", precision=None).load()  # what is wrong with it is told here and now
    check_place(folder)
    folders = {target.parent for _, target in job.tasks if isinstance(target, Path)}
    for each in folders:
        remove_leftovers(each)
    if anew:
        manifest.remove(job.manifest)
    tables = folder if folder.suffix == SUFFIX else None
    settled = find_settled(job.manifest, folder, tables is not None) if not anew else set()
    if tables is not None:
        named = {name.partition("#")[0] for name in settled}
        if not named and not anew and parts(tables):
            raise ConfigError(
                f"{tables} holds tables that {job.manifest} does not name; choose another --out, give that manifest, "
                "or --overwrite"
            )
        remove_unnamed(tables, named)
    elif not settled and job.skip_existing:  # by the folder engine, or with another manifest
        settled = listing(folder)
    below = {name.partition("#")[2] if tables else name for name in settled} if job.skip_existing else set()
    result = StylizeResult()
    todo: list[Task] = []
    for source, target in job.tasks:
        if str(target).removeprefix(f"{folder}/") in below:
            result.add(Skipped(str(source)))
        else:
            todo.append((source, target))
    if todo and Driver(job, todo, tables, result, on_progress).drive():
        for each in folders:
            remove_leftovers(each, older=0)
    if tables is not None:
        named = find_settled(job.manifest, folder, True)
        remove_unnamed(tables, {name.partition("#")[0] for name in named})
    return result


def find_settled(path: Place, folder: Place, tables: bool) -> set[str]:
    """Name what a manifest says is painted and the folder holds: by names below it, ``part#name`` in tables."""
    there, top = parts(folder) if tables else listing(folder), f"{folder}/"
    painted = {str(target) for target, line in manifest.read(path).items() if "error" not in line}
    names = {target.removeprefix(top) for target in painted}
    if tables:
        names = {f"{part.rpartition('/')[2]}#{name}" for part, _, name in (entry.partition("#") for entry in names)}
    return {name for name in names if (name.partition("#")[0] if tables else name) in there}


def halves(tasks: Sequence[Task], workers: int) -> list[list[Task]]:
    """Cut tasks into half batches, the largest files first, those of a size together."""
    sized = sorted(((_bytes(source), number) for number, (source, _) in enumerate(tasks)), key=lambda one: -one[0])
    most = min(PICTURES, max(1, len(tasks) // (SHARE * max(1, workers))))
    found: list[list[Task]] = []
    held = 0
    for size, number in sized:
        if not found or len(found[-1]) >= most or held + size > BYTES:
            found.append([])
            held = 0
        found[-1].append(tasks[number])
        held += size
    return found


def _bytes(file: Place) -> int:
    if isinstance(file, Remote):
        return file.size or 0
    with suppress(OSError):
        return file.stat().st_size
    return 0


class Driver:
    """Keep the workers busy, and take note of what they tell.

    Args:
        job: How to paint.
        tasks: What to paint.
        tables: The folder of the tables, if it is tables that are written.
        result: Takes what became of each picture.
        on_progress: As of :func:`run`.
    """

    def __init__(
        self,
        job: StylizeJob,
        tasks: Sequence[Task],
        tables: Place | None,
        result: StylizeResult,
        on_progress: OnProgress | None,
    ) -> None:
        self.job, self.tasks, self.tables = job, tasks, tables
        self.result, self.on_progress = result, on_progress

    def drive(self) -> bool:
        """Paint all; says whether workers were lost, which may have left temporary files."""
        lost = False
        assert self.job.manifest is not None
        with joined(torch.get_num_threads()) as ray, manifest.writing(self.job.manifest) as self.note:
            hire = Hire(ray, pack_job(self.job), self.tables)
            crew = Crew(ray, hire, self.job.device, __version__)
            self.dispatch = Dispatch(halves(self.tasks, crew.size))
            try:
                while not self.dispatch.done:
                    for member in crew.members:
                        while batch := self.dispatch.take(member, time.monotonic()):
                            crew.give(member, batch, batch.items)
                    for event in crew.wait():
                        lost = lost or event.lost is not None
                        self._take(event)
                    if self.result.obstacle or (self.on_progress and self.on_progress(self.result)):
                        self.dispatch.stop()
            finally:
                crew.dismiss()
        return lost

    def _take(self, event: Event) -> None:
        if event.lost is not None:
            for source, target in self.dispatch.lose(event.member):
                error = f"{source}: took {TRIES} workers with it ({event.lost})"
                self._settle(Failed(str(source), str(target), 0.0, error))
        elif event.given is not None and self.dispatch.settle(event.member, event.given, time.monotonic()):
            outcomes, obstacle = event.result
            for outcome in outcomes:
                self._settle(outcome)
            self.result.obstacle = self.result.obstacle or obstacle

    def _settle(self, outcome: Any) -> None:
        self.result.add(outcome)
        self.note(outcome)


class Hire:
    """Make the actor of a worker; the parcel goes to each machine once."""

    def __init__(self, ray: Any, parcel: Parcel, tables: Place | None) -> None:
        self.parcel, self.tables, self.kind = ray.put(parcel), tables, ray.remote(Worker)

    def __call__(self, ray: Any, post: Post) -> Any:
        """Return an actor for a post, which may have to wait for its place."""
        options = {"num_cpus": post.cpus, "num_gpus": post.gpus, "max_concurrency": HAND, "max_restarts": 0}
        return self.kind.options(**options).remote(self.parcel, post.cpus, str(Path.cwd()), self.tables)
