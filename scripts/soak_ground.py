"""Pictures for a soak, and what comes of them when nothing disturbs; used by ``soak.py``."""

import hashlib
import shutil
from functools import cached_property
from pathlib import Path

import kill
import numpy as np
from PIL import Image
from soak_life import Life

MODEL = "udnie"


class Ground:
    """Photographs to train on, an album to paint, and the undisturbed runs, each made when first asked for.

    Args:
        root: A folder that may be lost.
        pictures: Of the album.

    Attributes:
        answers: Of a server that was left alone.
    """

    def __init__(self, root: Path, pictures: int = 60) -> None:
        self.root = root
        self.answers: list[bytes] = []
        kill.prepare(root)
        generator = np.random.default_rng(1)
        for number in range(pictures):
            side = int(generator.integers(60, 300)) if number % 20 else 500
            name = f"{'abc'[number % 3]}/{number:03}.{('jpg', 'png', 'webp')[number % 5 % 3]}"
            draw(root / "album" / name, side, generator)
        for number in range(8):
            draw(root / "scenes" / f"{number}.jpg", 320, generator)

    def trained(self, kind: str, steps: int, every: int) -> Path:
        """Return the folder of a run that was left alone."""
        folder = self.root / "left" / f"{kind}-{steps}"
        if not folder.exists():
            words = kill.words(self.root, kind, folder, steps, every)
            life = Life(
                words, self.root, self.root / "left.txt", kill.streaming(words) if kind == "stream" else _nothing
            )
            if life.wait() != 0:
                raise SystemExit(f"a run that was left alone fails: {life.last()}")
        return folder

    @cached_property
    def painted(self) -> dict[str, str]:
        """The hash of every painting of the album, by its place."""
        folder = self.root / "left" / "paint"
        shutil.copytree(self.root / "album", folder / "photos")
        life = Life(paint_words(), folder, self.root / "left.txt")
        if life.wait() != 0:
            raise SystemExit(f"a folder that was left alone fails: {life.last()}")
        return hashes(folder / "painted")


def _nothing() -> None:
    pass


def paint_words() -> list[str]:
    return [
        *("stylize", "photos/", "-m", MODEL, "--out", "painted", "--skip_existing", "--quiet"),
        *("--engine", "torch", "--device", "cpu", "--precision", "float32"),
    ]


def draw(file: Path, side: int, generator: np.random.Generator) -> None:
    """Draw a picture of soft spots."""
    file.parent.mkdir(parents=True, exist_ok=True)
    colors = generator.integers(0, 256, (6, 7, 3), dtype=np.uint8)
    Image.fromarray(colors).resize((side, side * 3 // 4), Image.Resampling.BICUBIC).save(file)


def hashes(folder: Path) -> dict[str, str]:
    """Return the hash of every picture below a folder, by its place in it; temporary files are none."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.startswith(".") and file.suffix != ".jsonl"
    }


def leftovers(folder: Path) -> list[Path]:
    """Return the temporary files below a folder."""
    return sorted(folder.rglob(".fastnst-*"))
