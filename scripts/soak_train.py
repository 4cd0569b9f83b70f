"""A training under faults: it must end as the one that was left alone, bit for bit; used by ``soak.py``."""

import os
import random
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import kill
import torch
from soak_disk import PLAIN, SLOW, SMALL, Disk
from soak_ground import Ground, leftovers
from soak_ledger import Ledger
from soak_life import Life

from fastnst.training.folder import PREVIOUS_FILE, RESUME_FILE, damage

EVERY = 3
"""Steps between two resume files."""

BATCH = 2


class Torment:
    """One training, again and again disturbed and resumed.

    Args:
        ground: Has the photographs, and the run that was left alone.
        ledger: Gets what was done, and what came of it.
        kind: Of :data:`kill.KINDS`.
        disk: On which the run's folder lies.
        chance: Decides.
        faults: So many, or fewer if the run ends before.
    """

    def __init__(
        self, ground: Ground, ledger: Ledger, kind: str, disk: Disk, chance: random.Random, faults: int
    ) -> None:
        self.ground, self.ledger, self.kind, self.disk, self.chance = ground, ledger, kind, disk, chance
        self.faults, self.steps = faults, EVERY * (4 * faults + 4)
        self.root = disk.path / "run"
        self.last, self.said = self.root / RESUME_FILE, disk.path.with_name("said.txt")
        self.words = kill.words(ground.root, kind, self.root, self.steps, EVERY)
        self.wanted = ""

    def strikes(self) -> list[tuple[str, Callable[[Life], str]]]:
        """Return the faults that can be here; each returns what is wrong after it."""
        able: list[tuple[str, Callable[[Life], str]]] = [
            ("SIGKILL", self.killed), ("SIGKILL while saving", self.killed_saving), ("SIGTERM", self.ended),
            ("SIGSTOP, SIGCONT", self.stopped), ("worker killed", self.worker_killed),
            ("file rots", self.rotten), ("file vanishes", self.vanished),
        ]  # fmt: skip
        more = {SMALL: [("full disk", self.full)], SLOW: [("slow disk", self.slow)], PLAIN: []}
        return able + more[self.disk.kind] * 2

    def __call__(self) -> None:
        left, done = self.ground.trained(self.kind, self.steps, EVERY), 0
        while True:
            life = self.begin()
            if done >= self.faults or not life.until(partial(self._moved, kill.stamp(self.last))):
                break
            while life.alive and done < self.faults:
                life.until(lambda: False, self.chance.uniform(0, 0.4))
                name, strike = self.chance.choice(self.strikes())
                if not life.alive:
                    break
                wrong = strike(life)
                self.ledger.fault("training", name, wrong)
                done += 1
        self._close(life, left)

    def begin(self) -> Life:
        life = Life(
            self.words, self.ground.root, self.said, kill.streaming(self.words) if self.kind == "stream" else int
        )
        if self.wanted:
            life.until(lambda: self.wanted in life.text())
            if self.wanted not in life.text():
                self.ledger.fault("training", "resumed behind a file", f"not a word of {self.wanted!r}: {life.last()}")
            self.wanted = ""
        return life

    def killed(self, life: Life) -> str:
        life.kill()
        return self._state()

    def killed_saving(self, life: Life) -> str:
        life.until(lambda: kill.saving(self.last.parent), 20)
        return self.killed(life)

    def ended(self, life: Life) -> str:
        """Ask it to end: it saves."""
        life.send(signal.SIGTERM)
        code = life.wait()
        if code not in (0, 143):
            return f"SIGTERM ends it with {code}: {life.last()}"
        return self._state() or life.unclear()

    def stopped(self, life: Life) -> str:
        life.pause(self.chance.uniform(0.1, 2), whole=self.chance.random() < 0.5)
        return self._goes_on(life)

    def worker_killed(self, life: Life) -> str:
        workers = life.workers()
        if workers:
            os.kill(self.chance.choice(workers), 9)
        return self._goes_on(life)

    def full(self, life: Life) -> str:
        """Fill the disk for a while; it may be killed in the meantime, and may say so if it ends in the meantime."""
        with self.disk.full():
            life.until(lambda: False, self.chance.uniform(0.2, 2))
            if self.chance.random() < 0.3:
                return self.killed(life)
            wrong = self._state()
            if not life.alive and "cannot be written" in life.last():
                return wrong
        return wrong or self._goes_on(life)

    def slow(self, life: Life) -> str:
        """Let the disk stand still again and again; it may be killed while it does."""
        self.disk.stutter(self.chance.uniform(0.5, 3))
        if self.chance.random() < 0.3:
            with self.disk.frozen():
                life.send_all(signal.SIGKILL)
            life.kill()
            return self._state()
        return self._goes_on(life)

    def rotten(self, life: Life) -> str:
        """Kill it and damage the last resume file."""
        return self._spoil(life, self.chance.choice([_flip, _cut]))

    def vanished(self, life: Life) -> str:
        """Kill it and remove the last resume file."""
        return self._spoil(life, lambda file, chance: file.unlink())

    def _spoil(self, life: Life, spoil: Callable[[Path, random.Random], None]) -> str:
        life.kill()
        wrong, before = self._state(), self.root / PREVIOUS_FILE
        if not wrong and before.exists() and not before.samefile(self.last):
            wrong = damage(before)
            spoil(self.last, self.chance)
            self.wanted = "going on from the one before it"
        return wrong

    def _state(self) -> str:
        """Say what is wrong with the resume file."""
        found = damage(self.last)
        return found and f"{self.last.name} {found}"

    def _goes_on(self, life: Life) -> str:
        """Say whether no new resume file comes, nor an end in good order."""
        if life.until(partial(self._moved, kill.stamp(self.last))):
            return ""
        return "" if life.code == 0 else f"it does not go on, code {life.code}: {life.last()}"

    def _moved(self, before: tuple[int, int] | None) -> bool:
        return kill.stamp(self.last) != before

    def _close(self, life: Life, left: Path) -> None:
        code, wrong, differ = life.wait(), "", ["no resume file"]
        if code != 0:
            wrong = f"ended with {code}: {life.last()}"
        elif self.last.exists():
            differ = list(kill.differences(left, self.root))
            wrong = ", ".join(differ[:5])
        self.ledger.promise("training", "runs that end bit for bit as if left alone", 1, int(bool(differ)), wrong=wrong)
        served = _photographs(self.last)
        asked = self.steps * BATCH * (2 if self.kind == "accumulated" else 1)
        self.ledger.promise("training", "photographs looked at", asked, max(0, asked - served), max(0, served - asked))
        rest = leftovers(self.root)
        self.ledger.promise(
            "training", "folders without temporary files", 1, int(bool(rest)), wrong=", ".join(map(str, rest))
        )


def _photographs(file: Path) -> int:
    try:
        return int(torch.load(file, weights_only=True)["ImageDataModule"]["photographs"])
    except (OSError, RuntimeError, KeyError):
        return 0


def _flip(file: Path, chance: random.Random) -> None:
    """Change some bytes in their place."""
    with file.open("rb+") as content:
        for _ in range(8):
            content.seek(chance.randrange(file.stat().st_size // 4, file.stat().st_size * 3 // 4))
            content.write(bytes([chance.randrange(256) for _ in range(16)]))


def _cut(file: Path, chance: random.Random) -> None:
    with file.open("rb+") as content:
        content.truncate(chance.randrange(file.stat().st_size))
