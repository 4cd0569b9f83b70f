"""An end in good order on Ctrl-C or SIGTERM."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from tqdm import tqdm


class Stop:
    """Which signal asked to stop, or 0."""

    signal = 0


@contextmanager
def stop_gently(doing: str) -> Iterator[Stop]:
    """On the first Ctrl-C or SIGTERM say what is ``doing`` and note it; on the second stop at once."""
    stop = Stop()

    def note(number: int, frame: FrameType | None) -> None:
        if stop.signal:
            raise SystemExit(128 + number)
        stop.signal = number
        tqdm.write(f"{doing}; once more to stop at once", file=sys.stderr)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
