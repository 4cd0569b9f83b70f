"""Look at photographs before a training: which it would skip, which are gray, which are there twice."""

import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Literal, NamedTuple

import numpy as np
from datasets import Dataset, IterableDataset
from PIL import Image

from fastnst.data.likeness import FIELDS, find_originals, fingerprint
from fastnst.data.photos import Row, decode, name_of, problem
from fastnst.data.sources import Photos
from fastnst.errors import first_line
from fastnst.images import ImageError

Kind = Literal["broken", "tiny", "gray", "duplicate"]

KINDS: tuple[Kind, ...] = ("broken", "tiny", "gray", "duplicate")

SPREAD = 8
"""Levels by which the channels of a gray picture differ at most; compression colors it slightly."""

TOGETHER = 64
"""Photographs that are handed to the threads at once."""


class Finding(NamedTuple):
    """Something about a photograph: of which kind, its name, and why."""

    kind: Kind
    photo: str
    why: str


class Look(NamedTuple):
    """What a look at one photograph told: what is wrong with it, or its fingerprint."""

    name: str
    findings: list[Finding]
    bits: int = 0
    colors: bytes = b""


@dataclass
class Survey:
    """What was found.

    Args:
        looked: Photographs looked at.
        counts: Findings by kind; ``gray`` and ``duplicate`` photographs can be used, the others cannot.
        finished: Whether all were looked at that were to be.
    """

    looked: int = 0
    counts: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    finished: bool = True

    @property
    def usable(self) -> int:
        """Photographs that a training would use."""
        return self.looked - self.counts["broken"] - self.counts["tiny"]


def survey(
    photos: Photos,
    least: int,
    most: int | None = None,
    seed: int = 0,
    on_finding: Callable[[Finding], None] = lambda finding: None,
    on_progress: Callable[[Survey], bool | None] = lambda survey: None,
) -> Survey:
    """Look at every photograph as a training does: decode it as a whole.

    Some 60 bytes are kept of each photograph, and of a stream its name.

    Args:
        photos: Undecoded, from :func:`~fastnst.data.open_photos`.
        least: Pixels that a shorter side must have.
        most: Look at so many only: of photographs at hand a random choice, of a stream the first.
        seed: Of the choice.
        on_finding: Gets every finding; copies at the end.
        on_progress: Called now and then; once its result is true, what was found so far is returned.

    Raises:
        ConfigError: The set itself cannot be read any further.
        OSError: Likewise.
    """
    found, bits, colors, names = Survey(), array("Q"), bytearray(), Names(photos)
    rows = _rows(photos, most, seed)
    with ThreadPoolExecutor(os.cpu_count() or 1, "fastnst") as pool:
        readable = _readable(rows)
        while together := list(islice(readable, TOGETHER)):
            for (number, _), look in zip(together, pool.map(partial(_look, least), together), strict=True):
                found.looked += 1
                for finding in look.findings:
                    _note(found, finding, on_finding)
                if look.colors:
                    bits.append(look.bits)
                    colors += look.colors
                    names.add(number, look.name)
            if on_progress(found):
                found.finished = False
                break
    _find_copies(found, bits, colors, names, on_finding)
    return found


class Names:
    """The names of photographs: those of a stream are kept, others can be asked for."""

    def __init__(self, photos: Photos) -> None:
        self._photos = photos if isinstance(photos, Dataset) else None
        self._numbers, self._names = array("Q"), list[str]()

    def add(self, number: int, name: str) -> None:
        """Keep the next."""
        if self._photos is None:
            self._names.append(name)
        else:
            self._numbers.append(number)

    def __getitem__(self, place: int) -> str:
        if self._photos is None:
            return self._names[place]
        number = self._numbers[place]
        return name_of(self._photos[number], _number(number))


def _rows(photos: Photos, most: int | None, seed: int) -> Iterator[tuple[int, Row]]:
    """Give photographs with their numbers."""
    if isinstance(photos, IterableDataset):
        return islice(enumerate(photos), most)
    chosen: Iterable[int] = range(len(photos))
    if most is not None and most < len(photos):
        chosen = np.sort(np.random.default_rng(seed).permutation(len(photos))[:most]).tolist()
    return ((number, photos[number]) for number in chosen)


def _readable(rows: Iterator[tuple[int, Row]]) -> Iterator[tuple[int, Row]]:
    """Say plainly why a set cannot be read any further: its libraries raise errors of a dozen kinds."""
    try:
        yield from rows
    except Exception as error:
        raise problem(error if isinstance(error, OSError | ValueError) else OSError(first_line(error))) from error


def _look(least: int, numbered: tuple[int, Row]) -> Look:
    number, row = numbered
    name = name_of(row, _number(number))
    try:
        image = decode(row, 1, name)
    except (ImageError, OSError) as error:
        return Look(name, [Finding("broken", name, first_line(error).removeprefix(f"{name}: "))])
    if min(image.size) < least:
        return Look(name, [Finding("tiny", name, f"{image.width}x{image.height}, {least} pixels are wanted")])
    findings = [Finding("gray", name, "has no colors")] if _is_gray(image) else []
    return Look(name, findings, *fingerprint(image))


def _number(number: int) -> str:
    return f"photograph {number}"


def _is_gray(image: Image.Image) -> bool:
    small = np.asarray(image.resize((32, 32), Image.Resampling.BOX)).astype(np.int16)
    return bool(np.quantile(small.max(2) - small.min(2), 0.98) <= SPREAD)


def _find_copies(
    found: Survey, bits: "array[int]", colors: bytearray, names: Names, on_finding: Callable[[Finding], None]
) -> None:
    table = np.frombuffer(colors, np.uint8).reshape(-1, 3 * FIELDS * FIELDS)
    originals = find_originals(np.frombuffer(bits, np.uint64), table)
    for place in np.flatnonzero(originals != np.arange(len(originals))).tolist():
        _note(found, Finding("duplicate", names[place], f"like {names[int(originals[place])]}"), on_finding)


def _note(found: Survey, finding: Finding, on_finding: Callable[[Finding], None]) -> None:
    found.counts[finding.kind] += 1
    on_finding(finding)
