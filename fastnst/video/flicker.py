"""How much a video flickers: what is left of the difference of two frames when their motion is taken out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fastnst.errors import ConfigError
from fastnst.video.clip import Frame, VideoError, probe
from fastnst.video.flow import Flow
from fastnst.video.reader import Reader
from fastnst.video.steady import is_cut, thumbnail


@dataclass(frozen=True)
class Flicker:
    """Flicker of a painted video beside that of its original, in levels of 255.

    Args:
        original: Root of the mean squared difference of a frame from the one before, moved along the original's flow,
            where that flow can be trusted; the mean over all pairs of frames, without cuts.
        painted: The same of the painted video, along the same flow.
        pairs: Of frames that were compared.
        covered: Share of the pixels whose flow can be trusted.

    Source: Lai et al. Learning Blind Video Temporal Consistency. ECCV 2018 (warping error).
    """

    original: float
    painted: float
    pairs: int
    covered: float

    @property
    def excess(self) -> float:
        """Flicker that painting has added."""
        return self.painted - self.original


class FlickerMeter:
    """Measure frame by frame.

    Args:
        count: Of videos that are painted from one original.
    """

    def __init__(self, count: int = 1) -> None:
        self.flow = Flow(quick=False)
        self.sums, self.pairs, self.covered = np.zeros(count + 1), 0, 0.0
        self._before: tuple[np.ndarray, ...] = ()

    def add(self, original: np.ndarray, *painted: np.ndarray) -> None:
        """Take the next frame of the original and of every painted video, ``(H, W, 3)`` in 8 bits, of one size."""
        before, self._before = self._before, (original, *painted)
        if not before or is_cut(thumbnail(self.flow, before[0]), thumbnail(self.flow, original)):
            return
        found = self.flow.between(self.flow.gray(before[0]), self.flow.gray(original))
        if found is None or not found[1].any():
            return
        back, sure = found
        for number, (last, now) in enumerate(zip(before, self._before, strict=True)):
            left = self.flow.move(last, back).astype(np.float32) - now
            self.sums[number] += np.sqrt(np.square(left)[sure].mean())
        self.pairs, self.covered = self.pairs + 1, self.covered + sure.mean()

    def results(self) -> list[Flicker]:
        """Return the flicker of every painted video.

        Raises:
            ConfigError: No two frames could be compared.
        """
        if not self.pairs:
            raise ConfigError("flicker needs two frames of one scene, at least 16 pixels high and wide")
        original, *painted = (self.sums / self.pairs).tolist()
        return [Flicker(original, one, self.pairs, self.covered / self.pairs) for one in painted]


def measure_flicker(painted: Path, original: Path, on_progress: Callable[[int], object] | None = None) -> Flicker:
    """Measure how much a painted video flickers, beside its original.

    Args:
        painted: The painted video.
        original: What it was painted from; frames are paired by their time.
        on_progress: Called with the number of each pair of frames.

    Raises:
        VideoError: One of them cannot be read.
        ConfigError: They have other sizes, or no two frames could be compared.
    """
    sizes = [(facts.width, facts.height) for facts in (probe(painted), probe(original))]
    if sizes[0] != sizes[1]:
        (width, height), (other_width, other_height) = sizes
        raise ConfigError(
            f"{painted} is {width}x{height} and {original} is {other_width}x{other_height}; give the video that it was "
            f"painted from"
        )
    meter = FlickerMeter()
    for number, (one, other) in enumerate(paired(original, painted), 1):
        meter.add(one.values, other.values)
        if on_progress:
            on_progress(number)
    return meter.results()[0]


def paired(first: Path, second: Path) -> Iterator[tuple[Frame, Frame]]:
    """Yield the frames of two videos that are shown at the same time, within 2 ms.

    Raises:
        VideoError: None are.
    """
    readers = [Reader(path, probe(path)) for path in (first, second)]
    bases = [float(reader.facts.time_base) for reader in readers]
    streams = [iter(reader) for reader in readers]
    frames = [next(stream, None) for stream in streams]
    start = [frame.pts * base if frame else 0.0 for frame, base in zip(frames, bases, strict=True)]
    count = 0
    while frames[0] and frames[1]:
        times = [frame.pts * base - begin for frame, base, begin in zip(frames, bases, start, strict=True) if frame]
        together = abs(times[0] - times[1]) < 0.002
        if together:
            count += 1
            yield frames[0], frames[1]
        late = times[0] - times[1]
        for number in (0, 1):
            if together or (late < 0) == (number == 0):
                frames[number] = next(streams[number], None)
    if not count:
        raise VideoError(f"{first} and {second} have no frames in common")
