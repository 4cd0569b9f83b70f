"""Do two processes of one thread train as fast as one process of two?

    python scripts/scaling.py --out scaling/

Trains ``lite`` under ``compact`` with the same photographs a step: by one process of one thread, by one of all threads,
and by as many processes of one thread as there are threads, which exchange gradients by gloo, begun as torchrun does.
They take turns; every turn gives the median of the images per second that the training logs, the first of them left
out, and the table shows the median over the turns. Every process decodes in a worker of its own, as by default.
"""

import argparse
import multiprocessing
import os
import shutil
import socket
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bench_process
import numpy as np
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import fastnst.training.running  # noqa: F401 (before the forks)
from fastnst.cli import run

LOGGED = 5
"""Steps between two measurements."""


@dataclass(frozen=True)
class Team:
    """So many processes of so many threads each."""

    processes: int
    threads: int

    @property
    def name(self) -> str:
        return f"{self.processes} of {self.threads} thread{'s' * (self.threads > 1)}"


def draw_photos(folder: Path, side: int) -> Path:
    """Draw smooth photographs, twice as wide as a crop, where none are given."""
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True)
    for number in range(48):
        small = Image.fromarray(generator.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        small.resize((2 * side, 3 * side // 2), Image.Resampling.BICUBIC).save(folder / f"{number:02}.jpg")
    return folder


def words(options: argparse.Namespace, photos: Path, team: Team, out: Path) -> list[str]:
    style = options.style or sorted(photos.glob("*"))[0]
    return [
        *("train", "--style", str(style), "--photos", str(photos), "--out", str(out), "--overwrite", "--quiet"),
        *(
            "--steps",
            str(options.steps),
            "--size",
            str(options.size),
            "--batch_size",
            str(options.batch // team.processes),
        ),
        *(
            "--data.workers",
            "1",
            "--data.val_count",
            "2",
            "--model.grow",
            "0",
            "--trainer.log_every_n_steps",
            str(LOGGED),
        ),
        *("--trainer.val_check_interval", str(10 * options.steps), "--device", "cpu"),
        *("--trainer.devices", str(team.processes)),
    ]


def live(options: Sequence[str], threads: int, environment: dict[str, str]) -> None:
    """Train in this copy of the process."""
    os.environ.update(environment, OMP_NUM_THREADS=str(threads))
    torch.set_num_threads(threads)
    sys.exit(run(list(options)))


def train(options: Sequence[str], team: Team) -> None:
    """Train, and wait for the end.

    Raises:
        RuntimeError: A process failed.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    common = {"WORLD_SIZE": str(team.processes), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = []
    for rank in range(team.processes):
        place = {"RANK": str(rank), "LOCAL_RANK": str(rank), "TORCHELASTIC_RUN_ID": "scaling"}
        environment = common | place if team.processes > 1 else {}
        processes.append(
            multiprocessing.get_context("fork").Process(target=live, args=(options, team.threads, environment))
        )
        processes[-1].start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise RuntimeError(f"{team.name}: a training failed")


def speed(out: Path) -> float:
    """Return the median of the images per second in the log of a run; the first measurement holds the beginning."""
    events = EventAccumulator(str(out))
    events.Reload()
    return statistics.median(event.value for event in events.Scalars("images_per_second")[1:])


def table(speeds: dict[Team, list[float]], batch: int) -> str:
    base = statistics.median(next(iter(speeds.values())))
    lines = ["| processes | crops of each | images/s | lowest, highest | times the first |", "|---|---|---|---|---|"]
    for team, found in speeds.items():
        middle, share = statistics.median(found), batch // team.processes
        span = f"{min(found):.1f}, {max(found):.1f}"
        lines.append(f"| {team.name} | {share} | {middle:.1f} | {span} | {middle / base:.2f} |")
    return "\n".join(lines)


def measure(options: argparse.Namespace) -> dict[Team, list[float]]:
    photos = options.photos or draw_photos(options.out / "photos", options.size)
    teams = [Team(1, 1), Team(1, options.threads), Team(options.threads, 1)]
    speeds: dict[Team, list[float]] = {team: [] for team in teams}
    for _ in range(options.turns):
        for team in teams:
            out = options.out / f"{team.processes}_{team.threads}"
            train(words(options, photos, team, out), team)
            speeds[team].append(speed(out))
            print(f"{team.name}: {speeds[team][-1]:.1f} images/s", flush=True)
    return speeds


def main(argv: Sequence[str] | None = None) -> None:
    parser: Any = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, help="a folder; some are drawn otherwise")
    parser.add_argument("--style", type=Path, help="a picture; the first photograph otherwise")
    parser.add_argument("--threads", type=int, default=2, help="of all processes together")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=4, help="crops of a step, in all processes")
    parser.add_argument("--steps", type=int, default=40, help="of a turn")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("scaling"))
    options = parser.parse_args(argv)
    shutil.rmtree(options.out, ignore_errors=True)
    speeds = measure(options)
    facts = bench_process.machine(torch.device("cpu")) | {"threads": options.threads}
    print(f"\n{', '.join(f'{key} {value}' for key, value in facts.items())}; {options.size} px\n")
    print(table(speeds, options.batch))


if __name__ == "__main__":
    main()
