"""A command of fastnst in a process of its own, which can be killed and stopped; used by ``soak.py``."""

import contextlib
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from fastnst.cli import run

PATIENCE = 300.0
"""Seconds after which a process that should do something counts as hanging."""

BEGUN: list["Life"] = []
"""All there were."""


class Life:
    """Run a command in a fork of this process, which has imported everything: a second in place of ten.

    Args:
        words: The command.
        folder: In which it runs.
        said: A file that gets all it says, behind what is there.
        first: Called in the new process before the command.
    """

    def __init__(self, words: list[str], folder: Path, said: Path, first: Callable[[], None] = lambda: None) -> None:
        self.said, self._from = said, said.stat().st_size if said.exists() else 0
        sys.stdout.flush()
        self.process = multiprocessing.get_context("fork").Process(target=_live, args=(words, folder, said, first))
        self.process.start()
        BEGUN.append(self)
        with contextlib.suppress(OSError):
            os.setpgid(self.process.pid, self.process.pid)

    @property
    def alive(self) -> bool:
        return self.process.is_alive()

    @property
    def code(self) -> int | None:
        return self.process.exitcode

    def send(self, number: int) -> None:
        """Send a signal to the process itself."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, number)

    def send_all(self, number: int) -> None:
        """Send a signal to the process and its workers."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """End all of it at once."""
        self.send_all(signal.SIGKILL)
        self.process.join()

    def pause(self, seconds: float, whole: bool = True) -> None:
        """Stop it for a while."""
        send = self.send_all if whole else self.send
        send(signal.SIGSTOP)
        time.sleep(seconds)
        send(signal.SIGCONT)

    def wait(self, seconds: float = PATIENCE) -> int | None:
        """Return the exit code, or nothing if it does not end; then it is killed."""
        self.process.join(seconds)
        code = self.code
        if code is None:
            self.kill()
        return code

    def until(self, so: Callable[[], object], seconds: float = PATIENCE) -> bool:
        """Wait until something is so; tell whether it came to that before the process ended."""
        deadline = time.monotonic() + seconds
        while self.alive and time.monotonic() < deadline:
            if so():
                return True
            time.sleep(0.0005)
        return bool(so())

    def workers(self) -> list[int]:
        """Return the processes that it has begun."""
        try:
            return [
                int(word)
                for word in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
            ]
        except (OSError, ValueError):
            return []

    def memory(self) -> int:
        """Return resident bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def text(self) -> str:
        """Return what it has said."""
        if not self.said.exists():
            return ""
        with self.said.open("rb") as file:
            file.seek(self._from)
            return file.read().decode(errors="replace")

    def last(self) -> str:
        """Return its last line."""
        lines = re.split(r"[\r\n]+", self.text().strip())
        return lines[-1]

    def unclear(self) -> str:
        """Return what of its words is not for people."""
        found = re.search(r"Traceback[\s\S]*", self.text())
        return found[0][-600:] if found else ""


def end_all() -> None:
    """Kill whatever still lives."""
    for life in BEGUN:
        if life.alive:
            life.kill()


def _live(words: list[str], folder: Path, said: Path, first: Callable[[], None]) -> None:
    os.setpgid(0, 0)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
    os.chdir(folder)
    file = os.open(said, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))  # noqa: SIM115
    tqdm.set_lock(threading.RLock())  # its own is one for all forks, and one that is killed may hold it
    first()
    sys.exit(run(words))
