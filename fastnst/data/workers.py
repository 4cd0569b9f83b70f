"""Worker processes that die or hang: how it is noticed, and how they are taken leave of."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

POLL = 5
"""Seconds between two looks whether the workers live, while nothing comes from them."""

FAREWELL = 10.0
"""Seconds that the end of what is left of them may take."""

LIKELY = {
    signal.SIGKILL: "likely for want of memory",
    signal.SIGBUS: "likely for want of shared memory, /dev/shm",
}


class LostWorkersError(RuntimeError):
    """Workers have died, or give nothing any more; the message names them and says of what."""


def next_batch(batches: Iterator[Any], patience: float) -> Any:
    """Wait for a batch of a ``DataLoader`` that was made with a timeout of :data:`POLL` seconds.

    Raises:
        LostWorkersError: A worker is dead, or nothing has come for ``patience`` seconds.
    """
    waited = 0
    while True:
        try:
            return next(batches)
        except (RuntimeError, ConnectionError, EOFError) as error:  # torch tells them apart by text only
            processes = workers_of(batches)
            if dead := [process for process in processes if not process.is_alive()]:
                raise LostWorkersError("; ".join(map(_obituary, dead))) from error
            if not processes or "timed out" not in str(error):
                raise
            waited += POLL
            if waited >= patience:
                named = ", ".join(str(process.pid) for process in processes)
                raise LostWorkersError(f"no photographs for {waited} s from worker processes {named}") from error


def workers_of(batches: Iterator[Any]) -> list[BaseProcess]:
    """Return the processes behind an iterator of a ``DataLoader``."""
    return list(getattr(batches, "_workers", ()))


def dismiss(batches: Iterator[Any]) -> None:
    """End all workers behind an iterator.

    By force, as one that is stopped or hangs heeds nothing else. What torch does then waits for locks, which a worker
    may have taken with it: so it gets some seconds, in a thread.
    """
    for process in workers_of(batches):
        process.kill()
    if shut_down := getattr(batches, "_shutdown_workers", None):
        thread = threading.Thread(target=shut_down, daemon=True)
        thread.start()
        thread.join(FAREWELL)


@contextmanager
def keeping_child_handler() -> Iterator[None]:
    """Undo what torch sets up with the first workers: to raise anywhere when one has died.

    In the middle of a step that would leave weights and counts at odds. The death shows at the next batch all the same.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "SIGCHLD"):
        yield
        return
    before = signal.getsignal(signal.SIGCHLD)
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


def _obituary(process: BaseProcess) -> str:
    code = process.exitcode or 0
    if code >= 0:
        return f"worker process {process.pid} has ended with code {code}"
    likely = LIKELY.get(signal.Signals(-code))
    return f"worker process {process.pid} was ended by {signal.Signals(-code).name}{f', {likely}' if likely else ''}"
