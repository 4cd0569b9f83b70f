"""A folder that is painted under faults: every picture once, as if left alone; used by ``soak.py``."""

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from soak_disk import PLAIN, SLOW, SMALL, Disk
from soak_ground import Ground, hashes, leftovers, paint_words
from soak_ledger import Ledger
from soak_life import Life
from soak_photos import rot

AGE = 7200
"""Seconds by which temporary files are made older: those of programs that may still write are left."""


class Album:
    """One folder, painted again and again with ``--skip_existing`` until nothing is left.

    Args:
        ground: Has the pictures, and what they become.
        ledger: Gets what was done, and what came of it.
        disk: On which the paintings lie.
        chance: Decides.
        faults: So many.
    """

    def __init__(self, ground: Ground, ledger: Ledger, disk: Disk, chance: random.Random, faults: int) -> None:
        self.ledger, self.disk, self.chance, self.faults = ledger, disk, chance, faults
        self.expected = ground.painted
        self.folder, self.painted = disk.path.parent, disk.path
        self.photos, self.kept = self.folder / "photos", ground.root / "album"
        shutil.copytree(self.kept, self.photos)
        self.removed: Counter[str] = Counter()
        self.codes: Counter[int | None] = Counter()

    def strikes(self) -> list[tuple[str, Callable[[Life], str]]]:
        """Return the faults that can be here; each returns what is wrong after it."""
        able: list[tuple[str, Callable[[Life], str]]] = [
            ("SIGKILL", self.killed), ("SIGTERM", self.ended), ("SIGTERM twice", self.ended_twice),
            ("SIGSTOP, SIGCONT", self.stopped), ("file rots", self.photo_rots), ("file vanishes", self.photo_vanishes),
            ("file vanishes", self.painting_vanishes), ("file rots", self.manifest_cut),
        ]  # fmt: skip
        more = {SMALL: [("full disk", self.full)] * 2, SLOW: [("slow disk", self.slow)] * 2, PLAIN: []}
        return able + more[self.disk.kind]

    def __call__(self) -> None:
        for _ in range(self.faults):
            life = self.begin()
            before = len(hashes(self.painted))
            life.until(lambda before=before: len(hashes(self.painted)) > before, 20)
            life.until(lambda: False, self.chance.uniform(0, 0.3))
            name, strike = self.chance.choice(self.strikes())
            wrong = strike(life)
            life.wait()
            self.ledger.fault("folder", name, wrong or self._halves() or life.unclear())
            self._restore()
        self._close()

    def begin(self) -> Life:
        return Life(paint_words(), self.folder, self.folder / "said.txt")

    def killed(self, life: Life) -> str:
        life.kill()
        return ""

    def ended(self, life: Life) -> str:
        life.send(signal.SIGTERM)
        return self._ends(life, 0, 143, -15)  # a signal before the first picture ends it as it ends any program

    def ended_twice(self, life: Life) -> str:
        """Interrupt it again at once: what it wrote is taken away."""
        before = leftovers(self.painted)
        life.send(signal.SIGTERM)
        life.until(lambda: False, self.chance.uniform(0, 0.05))
        life.send(signal.SIGTERM)
        wrong = self._ends(life, 0, 143, -15)
        left = [file.name for file in leftovers(self.painted) if file not in before]
        return wrong or (left and f"left {left}") or ""

    def stopped(self, life: Life) -> str:
        life.pause(self.chance.uniform(0.1, 1))
        return self._ends(life, 0)

    def photo_rots(self, life: Life) -> str:
        for photo in self._choose(self.photos):
            rot(photo, self.chance)
        return self._ends(life, 0, 3)

    def photo_vanishes(self, life: Life) -> str:
        for photo in self._choose(self.photos):
            photo.unlink()
        return self._ends(life, 0, 3)

    def painting_vanishes(self, life: Life) -> str:
        for painting in self._choose(self.painted):
            painting.unlink()
            self.removed[str(painting.relative_to(self.painted))] += 1
        return self._ends(life, 0)

    def manifest_cut(self, life: Life) -> str:
        """Kill it, and cut the last line of the manifest."""
        life.kill()
        manifest = self.painted / "manifest.jsonl"
        if manifest.exists() and (size := manifest.stat().st_size):
            os.truncate(manifest, size - self.chance.randrange(1, 40))
        return ""

    def full(self, life: Life) -> str:
        """Fill the disk until it gives up, or for a while."""
        with self.disk.full():
            life.until(lambda: False, self.chance.uniform(0.1, 2))
        code = life.wait()
        said = "cannot be written" in life.text()
        return "" if code == 0 or (code in (1, 3) and said) else f"ended with {code}: {life.last()}"

    def slow(self, life: Life) -> str:
        self.disk.stutter(self.chance.uniform(0.5, 2))
        return self._ends(life, 0)

    def _ends(self, life: Life, *codes: int) -> str:
        code = life.wait()
        return "" if code in codes else f"ended with {code}: {life.last()}"

    def _choose(self, folder: Path) -> list[Path]:
        files = [folder / name for name in hashes(folder)]
        return self.chance.sample(files, min(3, len(files)))

    def _halves(self) -> str:
        """Name files under their final names that are not what they must be."""
        found = hashes(self.painted)
        bad = [name for name, digest in found.items() if self.expected.get(name) != digest]
        return f"half written or wrong: {bad[:3]}" if bad else ""

    def _restore(self) -> None:
        """Put back what vanished and rotted of the photographs."""
        shutil.copytree(self.kept, self.photos, dirs_exist_ok=True)

    def _close(self) -> None:
        life = self.begin()
        code = life.wait()
        found = hashes(self.painted)
        lost = sum(found.get(name) != digest for name, digest in self.expected.items())
        extra = len(found.keys() - self.expected.keys())
        wrong = "" if code == 0 else f"ended with {code}: {life.last()}"
        self.ledger.promise("folder", "pictures, equal by hash", len(self.expected), lost, extra, wrong)
        self._check_manifest(found)
        for file in leftovers(self.painted):
            os.utime(file, (time.time() - AGE,) * 2)
        again = self.begin()
        again.wait()
        rest = [file.name for file in leftovers(self.painted)]
        self.ledger.promise("folder", "folders without temporary files", 1, int(bool(rest)), wrong=", ".join(rest))

    def _check_manifest(self, found: dict[str, str]) -> None:
        """Compare the last line on every picture with its file, and count the paintings that nobody had asked for."""
        lines, times = {}, Counter[str]()
        for text in (self.painted / "manifest.jsonl").read_text().splitlines():
            try:
                line = json.loads(text)
            except ValueError:
                continue  # cut off by a fault
            name = str(Path(line["target"]).relative_to("painted"))
            lines[name] = line
            times[name] += "sha256" in line
        lost = [name for name, digest in found.items() if lines.get(name, {}).get("sha256") != digest]
        doubled = sum(max(0, count - 1 - self.removed[name]) for name, count in times.items())
        wrong = f"no true line on {lost[:3]}" if lost else ""
        self.ledger.promise("folder", "lines of the manifest", len(self.expected), len(lost), doubled, wrong)
