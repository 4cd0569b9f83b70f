"""Photographs that vanish and rot while a training reads them; used by ``soak.py``."""

import json
import random
import shutil
from pathlib import Path

import kill
from soak_disk import Disk
from soak_ground import Ground
from soak_ledger import Ledger
from soak_life import Life
from soak_train import EVERY

from fastnst.training.folder import RESUME_FILE

HELD_OUT = 2
"""Photographs that were decoded before."""


class Vanishing:
    """Photographs that vanish and rot while a training reads them: it goes on, and counts them.

    Args:
        ground: Has the photographs.
        ledger: Gets what was done, and what came of it.
        disk: On which copies of them lie.
        chance: Decides.
        steps: Of the training.
    """

    def __init__(self, ground: Ground, ledger: Ledger, disk: Disk, chance: random.Random, steps: int = 120) -> None:
        self.ledger, self.chance, self.steps = ledger, chance, steps
        self.photos, self.root = disk.path / "photos", disk.path / "run"
        shutil.copytree(ground.root / "photos", self.photos)
        words = kill.words(ground.root, "folder", self.root, steps, EVERY)
        words[words.index("--photos") + 1] = str(self.photos)
        self.words, self.folder, self.said = [*words, "--json"], ground.root, disk.path.with_name("said.txt")

    def __call__(self) -> None:
        life = Life(self.words, self.folder, self.said)
        life.until((self.root / RESUME_FILE).exists)
        harmed = self.chance.sample(sorted(self.photos.iterdir()), 8)
        for number, photo in enumerate(harmed):
            wrong = "" if life.alive else f"it ended: {life.last()}"
            if number % 2:
                rot(photo, self.chance)
            else:
                photo.unlink()
            self.ledger.fault("training", "file rots" if number % 2 else "file vanishes", wrong)
            life.until(lambda: False, self.chance.uniform(0, 0.1))
        code = life.wait()
        skipped = json.loads(life.last())["skipped"] if code == 0 else -1
        wrong = "" if len(harmed) - HELD_OUT <= skipped <= len(harmed) else f"code {code}, {skipped} skipped"
        what = "runs that go on without photographs that are gone"
        self.ledger.promise("training", what, 1, int(bool(wrong)), wrong=wrong)


def rot(photo: Path, chance: random.Random) -> None:
    """Replace a picture by a broken one, at once."""
    content = photo.read_bytes()
    broken = chance.choice([b"", bytes(len(content)), content[:20], chance.randbytes(200)])
    other = photo.with_name("rot")
    other.write_bytes(broken)
    other.replace(photo)
