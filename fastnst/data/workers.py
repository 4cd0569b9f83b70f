"""Worker processes that die or hang: how it is noticed, and how they are taken leave of."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any

POLL = 5
"""Seconds between two looks whether the workers live, while nothing comes from them."""

FAREWELL = 10.0
"""Seconds that the end of what is left of them may take."""

LIKELY = {"SIGKILL": "likely for want of memory", "SIGBUS": "likely for want of shared memory, /dev/shm"}


class LostWorkersError(RuntimeError):
    """Workers have died, or give nothing any more; the message names them and says of what."""


def next_batch(batches: Iterator[Any], patience: float) -> Any:
    """Wait for a batch of a ``DataLoader`` that was made with a timeout of :data:`POLL` seconds.

    Workers from which nothing has come for ``patience`` seconds are killed: this process may be waiting, without end,
    for one that is stopped to hand over the memory of a batch.

    Raises:
        LostWorkersError: A worker is dead, or nothing came in time.
    """
    processes = workers_of(batches)
    if not processes:
        return next(batches)
    late = threading.Event()
    timer = threading.Timer(patience, _kill, (processes, late))
    timer.daemon = True
    timer.start()
    try:
        while True:
            try:
                return next(batches)
            except (RuntimeError, OSError, EOFError) as error:  # torch tells them apart by text only
                cut = not isinstance(error, RuntimeError)  # in the middle of a message, by one that is just dying
                dead = _dead(processes, 1.0 if cut else 0.0)
                if late.is_set():
                    named = ", ".join(str(process.pid) for process in processes)
                    text = f"no photographs for {patience:g} s from worker processes {named}"
                    raise LostWorkersError(text) from error
                if dead:
                    raise LostWorkersError("; ".join(map(_obituary, dead))) from error
                if not (cut or "timed out" in str(error)):
                    raise
    finally:
        timer.cancel()


def _kill(processes: list[BaseProcess], late: threading.Event) -> None:
    late.set()
    for process in processes:
        process.kill()


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


def _dead(processes: list[BaseProcess], seconds: float) -> list[BaseProcess]:
    """Return those that are dead, or die within so many seconds."""
    wait([process.sentinel for process in processes], seconds)
    return [process for process in processes if not process.is_alive()]


def _obituary(process: BaseProcess) -> str:
    return f"worker process {process.pid} {how_it_ended(process.exitcode or 0)}"


def how_it_ended(code: int) -> str:
    """Say in words how a process ended, by its exit code, which is negative for a signal."""
    if code >= 0:
        return f"has ended with code {code}"
    name = signal.Signals(-code).name
    return f"was ended by {name}{f', {LIKELY[name]}' if name in LIKELY else ''}"
