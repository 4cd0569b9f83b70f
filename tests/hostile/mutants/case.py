"""What is tried: a bad file and the command that gets it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

Rng = np.random.Generator


@dataclass(frozen=True)
class Case:
    """A file, and a command that reads it.

    Args:
        what: What is wrong with the file, in a few words.
        name: Of the file.
        data: Its bytes.
        words: Of the command; ``{file}`` stands for the file, ``{out}`` for what is written.
        out: Name of what is written, if anything is.
        beside: Other files in the same folder.
    """

    what: str
    name: str
    data: bytes
    words: Sequence[str]
    out: str = ""
    beside: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Ground:
    """Good files in a folder, for the commands to work on.

    Args:
        folder: Where they are.
        photo: A picture of 40 x 32 pixels.
        photos: A folder of four pictures of 70 x 64 and more.
        model: A tiny network of one style.
        gallery: One of three styles, with a predictor of more.
        weights: The first layers of a backbone.
    """

    folder: Path
    photo: Path
    photos: Path
    model: Path
    gallery: Path
    weights: Path


@dataclass(frozen=True)
class Kind:
    """A kind of files.

    Args:
        make: Makes a case by chance.
        needs: Modules without which the command only says that an extra is missing.
        first: A good command, behind which nothing is left to be imported.
    """

    make: Callable[[Rng, Ground], Case]
    needs: tuple[str, ...] = ()
    first: Callable[[Ground], Sequence[str]] = lambda ground: ()


def one_of(rng: Rng, *choices: object) -> object:
    """Choose by chance."""
    return choices[int(rng.integers(len(choices)))]
