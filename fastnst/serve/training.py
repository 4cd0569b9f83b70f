"""One training, in a process of its own that can be stopped: what it says of itself, and how it ended."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from fastnst.budget import parse_time
from fastnst.serve.job import ServeJob

GRACE = 30
"""Seconds in which a training that is asked to stop may write what there is."""

NICE = 10
"""How much a training stands back behind painting, on the scale of POSIX."""

LINE = re.compile(r"training: +(\d+)%.*?(?:, (step=.*))?$")
"""What :class:`~fastnst.training.progress.TrainingProgress` writes where there is no terminal."""

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)

OnProgress = Callable[[float, str], None]


class TrainingError(RuntimeError):
    """A training ended without a style; the message is its last word."""


class Training:
    """Run ``fastnst train`` on one picture.

    Args:
        style: The picture to imitate.
        run: The run's folder; where it holds a run, this goes on.
        photos: What to train on.
        job: Says for how long and where to compute.
    """

    def __init__(self, style: Path, run: Path, photos: str, job: ServeJob) -> None:
        self._seconds = parse_time(job.budget)
        self._command = _command(style, run, photos, job)
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self.stopped = False

    def __call__(self, on_progress: OnProgress) -> None:
        """Train; tells the share that is over, and the numbers of the moment.

        Raises:
            TrainingError: It ended without a style, or was stopped.
        """
        with self._lock:
            if self.stopped:
                raise TrainingError("stopped")
            self._process = process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,  # which ends with this server, and the training with it
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,  # Ctrl-C at the server's terminal is not for the training
            )
        if hasattr(os, "setpriority"):
            os.setpriority(os.PRIO_PROCESS, process.pid, NICE)
        last = self._follow(process, on_progress)
        process.wait()
        assert process.stdin is not None
        process.stdin.close()
        if process.returncode or self.stopped:
            raise TrainingError("stopped" if self.stopped else last or f"exit code {process.returncode}")

    def _follow(self, process: subprocess.Popen[str], on_progress: OnProgress) -> str:
        """Read what the training says until it ends; return its last line. Between its lines the clock goes on."""
        last, numbers, began = "", "", 0.0
        ended = threading.Event()

        def tick() -> None:
            while not ended.wait(0.5):
                if began:
                    on_progress(min(0.99, (time.monotonic() - began) / self._seconds), numbers)

        clock = threading.Thread(target=tick, name="fastnst-clock", daemon=True)
        clock.start()
        assert process.stderr is not None
        with process.stderr:
            for line in process.stderr:
                if found := LINE.match(line.strip()):
                    began, numbers = began or time.monotonic(), (found[2] or numbers).replace("=", " ")
                elif line.strip():
                    last = line.strip().removeprefix("fastnst: error: ")
        ended.set()
        clock.join()
        return last

    def stop(self) -> None:
        """Have the training write what there is and end, or else end it; returns at once."""
        with self._lock:
            self.stopped = True
            process = self._process
        if process is not None and process.poll() is None:
            threading.Thread(target=_end, args=[process], name="fastnst-stop").start()

    def kill(self) -> None:
        """End the training at once."""
        if self._process is not None:
            _signal(self._process, KILL)


def _end(process: subprocess.Popen[str]) -> None:
    """Ask, wait, and insist; Lightning's own processes, which load photographs, belong to the same group."""
    _signal(process, signal.SIGTERM)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        _signal(process, KILL)


def _signal(process: subprocess.Popen[str], number: int) -> None:
    try:
        if number == KILL and hasattr(os, "killpg"):
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
    except ProcessLookupError:  # it has ended by itself
        pass


def _command(style: Path, run: Path, photos: str, job: ServeJob) -> list[str]:
    """Return the words of the training."""
    words = ["--style", str(style), "--photos", photos, "--out", str(run), "--time_budget", job.budget]
    words += ["--seed", str(job.seed), "--resume", "auto"]
    words += ["--device", job.device] if job.device else []
    words += ["--precision", job.precision] if job.precision else []
    return [sys.executable, "-m", "fastnst.tied", "train", *words]
