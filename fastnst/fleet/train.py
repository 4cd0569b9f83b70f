"""One network for each of many styles: trainings side by side in a Ray cluster, each a run of its own.

A run is what ``fastnst train`` leaves for one style, in a folder of its own, which every machine must see. One that
dies with its process or machine goes on where its resume file stands. Plain tasks, not Ray Train: nothing is shared.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from fastnst.errors import ConfigError, first_line, printable
from fastnst.fleet.cluster import THREADS, joined
from fastnst.images import find_files
from fastnst.training.folder import RESUME_FILE
from fastnst.training.job import TrainJob
from fastnst.training.pictures import free_name

LIVES = 10
"""Processes that a run may lose, before it counts as failed."""

STYLE, OUT = "model.style", "trainer.default_root_dir"


@dataclass(frozen=True)
class Finished:
    """A run that ended.

    Args:
        name: Of the style.
        folder: Of the run.
        steps: Trained in all.
        seconds: Likewise.
        judged: Loss terms on held-out photographs at the end; empty where nothing was left to do.
        stopped: Whether it ended early; ``--resume`` goes on.
        error: What is wrong, if it failed.
        deaths: Processes that it lost.
    """

    name: str
    folder: str
    steps: int = 0
    seconds: float = 0.0
    judged: Mapping[str, float] = field(default_factory=dict)
    stopped: bool = False
    error: str | None = None
    deaths: int = 0


def split(job: TrainJob) -> dict[str, TrainJob]:
    """Make of a training of several styles one of each, by the names of the pictures, in folders of these names.

    Raises:
        ConfigError: There are no styles, or a folder of them holds no pictures.
    """
    given = job.settings.get(STYLE)
    if not given:
        raise ConfigError("--engine ray trains a network for each style; give --styles PICTURES or a folder of them")
    out, jobs = Path(str(job.settings.get(OUT, "runs"))), dict[str, TrainJob]()
    for picture in expand([given] if isinstance(given, str) else given):
        name = free_name(Path(picture).stem, list(jobs))
        jobs[name] = replace(job, settings={**job.settings, STYLE: picture, OUT: str(out / name)})
    return jobs


def expand(words: Sequence[str]) -> list[str]:
    """Return the pictures that words stand for: those in a folder, or the word itself.

    Raises:
        ConfigError: A folder holds no pictures.
    """
    pictures: list[str] = []
    for word in words:
        found = [str(file) for file in find_files(word) or []] if Path(word).is_dir() else [word]
        if not found:
            raise ConfigError(f"--styles {word}: holds no pictures")
        pictures += found
    return list(dict.fromkeys(pictures))


def train_one(job: TrainJob, home: str, threads: int) -> dict[str, Any]:
    """Train in a process of the cluster; return what there is to tell."""
    from fastnst.training.running import run

    with suppress(OSError):
        os.chdir(home)
    torch.set_num_threads(threads)
    trained = run(job)
    return {
        "steps": trained.steps,
        "seconds": round(trained.seconds, 1),
        "judged": dict(trained.judged),
        "stopped": trained.interrupted,
    }


def run(
    jobs: Mapping[str, TrainJob],
    on_finished: Callable[[Finished], None] = lambda finished: None,
    stopped: Callable[[], bool] = lambda: False,
) -> list[Finished]:
    """Train all, as many at a time as there is room for; return what became of each, as they ended.

    Args:
        jobs: By the names of the styles.
        on_finished: Called after every run.
        stopped: Asked all the time; once it is true, runs end in order, and no other is begun.

    Raises:
        ConfigError: No Ray, or no machine that could train.
        CrewError: The cluster cannot be reached.
    """
    with joined(torch.get_num_threads()) as ray:
        return Trainings(ray, jobs, on_finished).wait(stopped)


class Trainings:
    """The runs of a cluster.

    Args:
        ray: As :func:`~fastnst.fleet.cluster.joined` gives it.
        jobs: As of :func:`run`.
        on_finished: Likewise.
    """

    def __init__(self, ray: Any, jobs: Mapping[str, TrainJob], on_finished: Callable[[Finished], None]) -> None:
        self._ray, self._jobs, self._on_finished = ray, jobs, on_finished
        device = next(iter(jobs.values())).device
        self._cpus, self._gpus = share([node["Resources"] for node in ray.nodes() if node["Alive"]], len(jobs), device)
        self._deaths, self._started = dict.fromkeys(jobs, 0), time.time()
        self._refs = {self._begin(name): name for name in jobs}

    def wait(self, stopped: Callable[[], bool]) -> list[Finished]:
        """Wait for all."""
        found: list[Finished] = []
        asked = False
        while self._refs:
            if stopped() and not asked:
                asked = True
                for ref in self._refs:
                    self._ray.cancel(ref, force=False)  # a Ctrl-C, which a run answers by saving
            ready, _ = self._ray.wait(list(self._refs), num_returns=1, timeout=1)
            for ref in ready:
                finished = self._told(ref, asked)
                if finished is not None:
                    found.append(finished)
                    self._on_finished(finished)
        return found

    def _begin(self, name: str) -> Any:
        job, deaths = self._jobs[name], self._deaths[name]
        readers = f"--data.workers={max(1, self._cpus - 1)}"  # the same on any machine, and before what was given
        job = replace(job, words=[readers, *job.words])
        if deaths and not (job.overwrite and self._old(job)):
            job = replace(job, resume="auto", overwrite=False)
        task = self._ray.remote(train_one).options(num_cpus=self._cpus, num_gpus=self._gpus, max_retries=0)
        return task.remote(job, str(Path.cwd()), self._cpus)

    def _old(self, job: TrainJob) -> bool:
        """Tell whether the resume file of a run is not of this program's, which is to replace it."""
        file = Path(job.settings[OUT]) / RESUME_FILE
        return file.is_file() and file.stat().st_mtime < self._started

    def _told(self, ref: Any, asked: bool) -> Finished | None:
        """Say what became of a run; nothing where it was begun again."""
        errors, name = self._ray.exceptions, self._refs.pop(ref)
        ended = Finished(name, str(self._jobs[name].settings[OUT]), deaths=self._deaths[name])
        try:
            return replace(ended, **self._ray.get(ref))
        except errors.TaskCancelledError:
            return replace(ended, stopped=True)
        except errors.RayTaskError as error:
            return replace(ended, error=printable(first_line(error.cause)))
        except errors.RayError as error:
            self._deaths[name] += 1
            if asked:
                return replace(ended, stopped=True, deaths=self._deaths[name])
            if self._deaths[name] >= LIVES:
                return replace(ended, error=f"lost {LIVES} processes ({first_line(error)})", deaths=LIVES)
            self._refs[self._begin(name)] = name
            return None


def share(machines: Sequence[Mapping[str, float]], runs: int, device: str | None) -> tuple[int, int]:
    """Return the CPUs and GPUs of a run: a GPU each where there are any, or else CPUs so that all have some.

    Raises:
        ConfigError: There is no machine with what a run needs.
    """
    kind = (device or "").partition(":")[0]
    gpus = [machine for machine in machines if machine.get("GPU", 0) >= 1 and machine.get("CPU", 0) >= 1]
    if gpus and kind in ("", "cuda"):
        return max(1, min(int(machine["CPU"] // machine["GPU"]) for machine in gpus)), 1
    most = max((int(machine.get("CPU", 0)) for machine in machines), default=0)
    if kind == "cuda" or not most:
        raise ConfigError(
            f"engine ray: no machine of the cluster has {'a GPU' if kind == 'cuda' else 'a CPU'} to train on"
        )
    total = sum(int(machine.get("CPU", 0)) for machine in machines)
    return max(1, min(THREADS, most, total // runs)), 0
