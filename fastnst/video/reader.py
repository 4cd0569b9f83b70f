"""The frames of a video file, one after the other."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from fastnst.video.clip import HIGH_DYNAMIC, Facts, Frame, decoded, opened, picture_stream


def upright(values: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Turn and mirror a stored picture ``(H, W, 3)`` as it is shown."""
    a, b, c, d = matrix
    if b:
        values, a, d = values.swapaxes(0, 1), c, b
    return np.ascontiguousarray(values[::d, ::a])


@dataclass
class Reader:
    """The frames of a video file, in order; one of them is in memory at a time.

    Time stamps are the file's. One that is missing, or not after the one before, is set a frame's length after it. A
    frame of another size than the first is resized to it.

    Args:
        path: The file.
        facts: What :func:`probe` told of it.
        skip: Frames at the beginning that are only decoded.

    Attributes:
        troubles: What was amiss, counted: ``broken`` packets, ``resized`` frames, moved ``times``.
    """

    path: Path
    facts: Facts
    skip: int = 0
    troubles: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames.

        Raises:
            VideoError: The file cannot be read.
        """
        step = max(1, round(1 / (self.facts.rate * self.facts.time_base)))
        last: int | None = None
        with opened(self.path) as container:
            stream = picture_stream(container, self.path)
            for number, frame in enumerate(decoded(container, stream, self.troubles)):
                pts = self._time(frame.pts, last, step)
                last = pts
                self.troubles["resized"] += (frame.width, frame.height) != self.facts.stored
                if number >= self.skip:
                    yield Frame(pts, frame.duration or step, self._values(frame))

    def _time(self, pts: int | None, last: int | None, step: int) -> int:
        if pts is not None and (last is None or pts > last):
            return pts
        self.troubles["times"] += 1
        return 0 if last is None else last + step

    def _values(self, frame: Any) -> np.ndarray:
        matrix, values = self.facts.conversion
        settings = {} if frame.format.is_rgb else {"src_colorspace": matrix, "src_color_range": values}
        rgb = frame.reformat(*self.facts.stored, "rgb24", **settings)
        return upright(rgb.to_ndarray(), self.facts.matrix)

    def notes(self) -> list[str]:
        """Say what was amiss, a line each."""
        lines = {
            "broken": "{} of its packets could not be decoded; their frames are left out",
            "resized": "{} of its frames have another size than the first and were resized to it",
            "times": "{} of its frames had no usable time stamp and were set behind the frame before",
        }
        notes = [line.format(self.troubles[kind]) for kind, line in lines.items() if self.troubles[kind]]
        if self.facts.color.transfer in HIGH_DYNAMIC:
            notes.append("its high dynamic range is painted in 8 bits")
        return [f"{self.path}: {note}" for note in notes]
