"""Several processes that train together: what becomes of the others when one is lost."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable

import torch.distributed as dist
from lightning_fabric.plugins.environments import LightningEnvironment
from pytorch_lightning import Callback, LightningModule, Trainer

from fastnst.atomic import abandon
from fastnst.data.workers import how_it_ended
from fastnst.errors import ConfigError

POLL = 0.2
"""Seconds between two looks at the processes that this one has started."""

GRACE = 10.0
"""Seconds in which a process must come to its end by itself once another one is dead."""

PHRASES = ("gloo/", "NCCL", "Connection closed by peer", "Connection reset by peer", "Broken pipe")
"""By which errors of torch's that have no type of their own tell of a process that cannot be reached."""


class LostProcessError(ConnectionError):
    """Another process of the run is dead; the message says which, of what, and how to go on."""


class ApartError(ConfigError):
    """The processes do not stand at the same step."""


def is_lost(error: BaseException) -> bool:
    """Tell whether an error says that another process cannot be reached."""
    if any(kind.__name__ == "DistError" for kind in type(error).__mro__):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error) for phrase in PHRASES)


def is_everywhere(error: BaseException) -> bool:
    """Tell whether all processes raise an error alike: to say it once is enough."""
    return isinstance(error, FloatingPointError | ApartError | KeyboardInterrupt)


class Together(Callback):
    """Refuse to train from different steps, as when one machine does not see the run of the others."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.world_size == 1:
            return
        first = trainer.strategy.broadcast(trainer.global_step)
        if not trainer.strategy.reduce_boolean_decision(trainer.global_step == first):
            raise ApartError(
                "the processes would go on from different steps: --out, and what --resume names, must be the same "
                "files on every machine"
            )


class Watch:
    """Notice when one of the processes dies that this one has started, and end the run with a reason.

    Around the training. Where an exception tells this process of the loss, as with gloo, it becomes a
    :class:`LostProcessError`. Where this process waits for the lost one without end, as it may with NCCL, it is ended
    by force after some seconds; Lightning would do that at once, and without a word. Of several processes one reports:
    the one that started the others, or, where something else did (torchrun, SLURM), the first; the others end with 1.

    Where all come to their end alike, their connection is closed: Lightning leaves gloo's to the exit of the program,
    which its threads now and then abort.

    Args:
        trainer: Not begun yet.
        remedy: Tells how to go on.
    """

    def __init__(self, trainer: Trainer, remedy: Callable[[], str]) -> None:
        self._trainer, self._remedy, self._over = trainer, remedy, threading.Event()
        self._parent = os.getppid()
        self._lightnings = isinstance(getattr(trainer.strategy, "cluster_environment", None), LightningEnvironment)

    def __enter__(self) -> None:
        self._joined = dist.is_available() and dist.is_initialized()  # before Lightning: somebody else's to close
        if self._trainer.world_size > 1:
            threading.Thread(target=self._look, daemon=True).start()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Say why, unless another process does, and end those that were started here, if this one fails."""
        self._over.set()
        if self._trainer.world_size == 1:
            return
        if error is None or is_everywhere(error):
            self._close()
        if error is None:
            return
        lost, first = is_lost(error), self._trainer.is_global_zero
        reason = self._reason() if lost else ""
        self._kill()
        if reason:
            raise LostProcessError(reason) from error
        if lost or (not first and is_everywhere(error)):
            raise SystemExit(130 if isinstance(error, KeyboardInterrupt) else 1) from error

    def _look(self) -> None:
        while not self._dead():
            if self._over.wait(POLL):
                return
            _replace_lightnings()
        self._kill()
        if self._over.wait(GRACE):
            return
        sys.stderr.write(f"fastnst: error: {self._sentence()}\n")
        abandon()
        os._exit(1)

    @property
    def _children(self) -> list["subprocess.Popen[bytes]"]:
        found = getattr(self._trainer.strategy.launcher, "procs", ())
        return [process for process in found if isinstance(process, subprocess.Popen)]

    def _dead(self) -> list[int]:
        """Return the places of those that ended out of order; who is asked to stop by a signal ends above 128."""
        codes = [process.poll() for process in self._children]
        return [place for place, code in enumerate(codes) if code and code <= 128]

    def _orphaned(self) -> bool:
        """Tell whether this process is the second of a machine, and the first, which started it, is gone."""
        return self._lightnings and self._trainer.local_rank == 1 and os.getppid() != self._parent

    def _reason(self) -> str:
        """Say which process is lost, or nothing where another process says so; wait a little where it shows here."""
        shows = bool(self._children) or self._lightnings
        deadline = time.monotonic() + (10 * POLL if shows else 0)
        while not self._dead() and not self._orphaned() and time.monotonic() < deadline:
            time.sleep(POLL / 4)
        speaks = self._trainer.is_global_zero or (self._lightnings and self._trainer.local_rank == 0)
        return self._sentence() if speaks or self._orphaned() else ""

    def _sentence(self) -> str:
        first, together = self._trainer.global_rank - self._trainer.local_rank, self._trainer.world_size
        if dead := self._dead():
            process = self._children[dead[0]]
            how = f"process {first + dead[0] + 1} of {together} ({process.pid}) {how_it_ended(process.returncode)}"
        elif self._orphaned():
            how = f"process {first} of {together} ({self._parent}) is dead"
        else:
            how = f"another of {together} processes is dead or cannot be reached"
        return f"{how}; {self._remedy()}"

    def _close(self) -> None:
        if dist.is_initialized() and not self._joined:
            dist.destroy_process_group()

    def _kill(self) -> None:
        for process in self._children:
            if process.poll() is None:
                process.kill()


def _replace_lightnings() -> None:
    """Leave Lightning's own observer without anything to observe; it then ends."""
    for thread in threading.enumerate():
        if thread.name == "child-process-observer":
            vars(thread)["_child_processes"] = []  # it has no switch
