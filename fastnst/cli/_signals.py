"""A gentle stop on Ctrl-C or SIGTERM."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from tqdm import tqdm


class Stop:
    """The number of the signal that asked to stop, or 0."""

    signal = 0


@contextmanager
def stop_gently(doing: str) -> Iterator[Stop]:
    """Note the first Ctrl-C or SIGTERM and print what is ``doing``; on the second exit with 130 or 143.

    The exit code is that of the second signal: 128 and its number. The caller looks at the note and stops.
    """
    stop = Stop()

    def note(number: int, frame: FrameType | None) -> None:
        if stop.signal:
            raise SystemExit(128 + number)
        stop.signal = number
        with suppress(RuntimeError):  # the signal came in the middle of another message
            tqdm.write(f"{doing}; once more to stop at once", file=sys.stderr)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
