"""Faults for an hour: is everything there that was promised, once, and as if nothing had happened?

    taskset -c 1 python scripts/soak.py --minutes 65 --seed 1 --out soak/

In turn a training, the painting of a folder and a server are killed, stopped, asked to end, and robbed of their disk
and their files, at random moments, and started anew until they are done. A training must end bit for bit as one that
was left alone; of a folder every picture must be there once, whole, equal by its hash, with its line in the manifest;
a server must answer what it took, rightly, and know after a new start every style that was ordered. Small and slow
disks are a tmpfs that is filled and an ext4 that is frozen (FIFREEZE), where that may be mounted.

An episode follows from the seed and its number, but for what a moment is: ``--only 17`` repeats it. ``ledger.jsonl``
has a line for every fault and every promise, ``ledger.md`` the tables. Exit code 1 if anything promised is missing.
"""

import argparse
import importlib
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import kill
import torch
from soak_disk import PLAIN, SMALL, Disk, kinds, mounted
from soak_folder import Album
from soak_ground import Ground
from soak_ledger import ACTIVITIES, Ledger
from soak_life import end_all
from soak_photos import Vanishing
from soak_serve import Service, answers
from soak_train import Torment

import fastnst.cli._painting
import fastnst.training.running  # noqa: F401

SIZES = {"training": 5, "folder": 6, "server": 24}
"""Megabytes of the disks."""

NOTES = {"training": "run", "folder": "painted", "server": "server"}
"""What the folder on the disk is called."""


class Soak:
    """Play episodes.

    Args:
        ground: What they are about.
        ledger: Gets what happens.
        options: Of the command line.
    """

    def __init__(self, ground: Ground, ledger: Ledger, options: argparse.Namespace) -> None:
        self.ground, self.ledger, self.options = ground, ledger, options

    def play(self, number: int) -> None:
        """Play one episode: an activity, on a disk, under faults."""
        chance = random.Random(f"{self.options.seed} {number}")
        activity = self.options.activities[number % len(self.options.activities)]
        disk = chance.choice(kinds())
        folder = self.options.out / f"{number:04}"
        self.ledger.episode = number
        begun = time.monotonic()
        with mounted(disk, folder / NOTES[activity], SIZES[activity]) as place:
            what = getattr(self, activity)(place, chance, number)
            try:
                what()
            except (OSError, ValueError, RuntimeError, LookupError) as error:
                self.ledger.promise(activity, "episodes played to their end", 1, 1, wrong=repr(error)[:500])
        self.ledger.say(activity, disk=disk, took=round(time.monotonic() - begun, 1))
        if not self.options.keep:
            shutil.rmtree(folder, ignore_errors=True)

    def training(self, disk: Disk, chance: random.Random, number: int) -> Callable[[], None]:
        if chance.random() < 0.2 and disk.kind != SMALL:
            return Vanishing(self.ground, self.ledger, disk, chance)
        return Torment(self.ground, self.ledger, chance.choice(kill.KINDS), disk, chance, self.options.faults)

    def folder(self, disk: Disk, chance: random.Random, number: int) -> Callable[[], None]:
        return Album(self.ground, self.ledger, disk, chance, self.options.faults)

    def server(self, disk: Disk, chance: random.Random, number: int) -> Callable[[], None]:
        styles = self.options.styles and chance.random() < 0.4
        return Service(self.ground, self.ledger, disk, chance, self.options.faults, styles)


def play(options: argparse.Namespace, ledger: Ledger) -> None:
    """Play the episodes that are asked for, or as many as there is time for."""
    ground = Ground(options.out / "ground", options.pictures)
    if "server" in options.activities:
        importlib.import_module("fastnst.serve.server")  # before the forks
        ground.answers = answers(ground, options.out / "left.txt")
    soak = Soak(ground, ledger, options)
    for number in options.only or count(ledger.episode + 1):
        if not options.only and ledger.seconds >= 60 * options.minutes:
            return
        soak.play(number)


def _end(number: int, frame: object) -> None:
    """End in order, once: disks are unmounted."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60, help="no episode is begun after these")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, nargs="+", help="numbers of episodes to repeat")
    parser.add_argument("--activities", nargs="+", choices=ACTIVITIES, default=list(ACTIVITIES))
    parser.add_argument("--faults", type=int, default=8, help="of an episode")
    parser.add_argument("--pictures", type=int, default=60, help="of the folder")
    parser.add_argument("--no_styles", dest="styles", action="store_false", help="have no server train styles")
    parser.add_argument("--keep", action="store_true", help="keep the folders of the episodes")
    parser.add_argument("--resume", action="store_true", help="go on with the ledger that is there")
    parser.add_argument("--out", type=Path, default=Path("soak"))
    options = parser.parse_args(argv)
    options.out = options.out.absolute()
    if options.resume:
        for folder in filter(Path.is_dir, options.out.iterdir()):
            shutil.rmtree(folder)
    else:
        shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, _end)
    torch.set_num_threads(1)  # threads do not outlive a fork
    ledger = Ledger(options.out / "ledger.jsonl")
    if kinds() == [PLAIN]:
        print("no full and no slow disks: mounting needs root", flush=True)
    try:
        play(options, ledger)
    finally:
        end_all()
        (options.out / "ledger.md").write_text(ledger.table() + "\n")
        print(ledger.table(), flush=True)
    print(*ledger.broken, sep="\n")
    return 1 if ledger.broken else 0


if __name__ == "__main__":
    sys.exit(main())
