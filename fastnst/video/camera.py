"""Paint what a camera sees, as it comes: onto the screen, into a file, or both."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fastnst.atomic import replacing
from fastnst.video._extra import import_av, import_cv2
from fastnst.video.clip import Color, Facts, VideoError
from fastnst.video.encode import pick_codec, settings
from fastnst.video.kinds import CONTAINERS
from fastnst.video.steady import FramePainter

MILLISECOND = Fraction(1, 1000)

Timed = tuple[float, np.ndarray]
"""Seconds since the beginning, and RGB values ``(H, W, 3)`` of 8 bits."""


def watch(index: int) -> Iterator[Timed]:
    """Yield what a camera sees, for ever; frames that come while one is being painted are left out.

    Raises:
        VideoError: There is no such camera, or it has stopped.
    """
    cv2 = import_cv2()
    camera = cv2.VideoCapture(index)
    try:
        if not camera.isOpened():
            raise VideoError(f"camera {index} cannot be opened; is it plugged in, and not used by another program?")
        camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the latest frame, not the oldest that waits
        start = time.perf_counter()
        while True:
            there, values = camera.read()
            if not there:
                raise VideoError(f"camera {index} has stopped")
            yield time.perf_counter() - start, np.ascontiguousarray(values[..., ::-1])
    finally:
        camera.release()


def paint_live(
    frames: Iterator[Timed],
    painter: FramePainter,
    out: Path | None = None,
    crf: int | None = None,
    on_frame: Callable[[np.ndarray], bool | None] | None = None,
) -> int:
    """Paint frames as they come, until they end or ``on_frame`` returns a true value; return how many.

    Args:
        frames: See :func:`watch`.
        painter: What paints.
        out: A video to write, without sound; none by default.
        crf: Its quality.
        on_frame: Called with every painted frame.

    Raises:
        ConfigError: ``out`` is not the name of a video that we write.
        VideoError: The camera cannot be used, or has stopped; what was painted before is written.
    """
    count, ended = 0, None
    write: Any = nullcontext(lambda seconds, values: None) if out is None else writer(out, crf)
    with write as add:
        try:
            for seconds, values in frames:
                painted = painter(values)
                add(seconds, painted)
                count += 1
                if on_frame and on_frame(painted):
                    break
        except VideoError as error:
            ended = error
            if not count:
                raise
    if ended is not None:  # what it showed before is kept
        raise ended
    return count


@contextmanager
def writer(out: Path, crf: int | None) -> Iterator[Callable[[float, np.ndarray], None]]:
    """Return a function that adds a frame to a video, which is there when the block ends."""
    av, (codec, crf) = import_av(), pick_codec(out, crf)
    container = CONTAINERS[out.suffix.lower()]
    with replacing(out) as temporary, av.open(f"file:{temporary.absolute()}", "w", format=container) as output:
        stream: Any = None
        last = -1

        def add(seconds: float, values: np.ndarray) -> None:
            nonlocal stream, last
            if stream is None:
                height, width = values.shape[:2]
                facts = Facts(width, height, MILLISECOND, Fraction(30), Fraction(1), Color(1, 1, 1, 1), "")
                attributes, options = settings(codec, facts, crf)
                stream = output.add_stream(codec.name, 30, options, time_base=MILLISECOND, **attributes)
            frame = av.VideoFrame.from_ndarray(values, "rgb24")
            frame = frame.reformat(format=stream.pix_fmt, dst_colorspace="ITU709", dst_color_range=1)
            last = max(last + 1, round(seconds * 1000))
            frame.pts, frame.time_base = last, MILLISECOND
            output.mux(stream.encode(frame))

        yield add
        if stream is not None:
            output.mux(stream.encode(None))
