"""An end in good order on a signal."""

import os
import signal
import sys
import threading
from types import FrameType
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer

from fastnst.training.timing import made_step


class StopGently(Callback):
    """On the first Ctrl-C or SIGTERM finish the step, save and end the run in order; on the second stop at once.

    Under SLURM the same goes for SIGUSR1, which ``#SBATCH --signal=USR1@60`` sends before the time of a job is up.
    Lightning's own answer to it, a resume file of another name and a call of ``scontrol``, is replaced: whether a job
    is queued again is up to its script, which sees the exit code 138.

    Attributes:
        received: Number of the first signal, or 0.
    """

    def __init__(self) -> None:
        self.received = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Replace Lightning's handlers, which drop what was not saved; its teardown restores what was before.

        Signals are the main thread's: a run in another one is ended by its ``on_progress``.
        """
        if threading.current_thread() is not threading.main_thread():
            return

        def stop(number: int, frame: FrameType | None) -> None:
            if self.received:
                raise SystemExit(128 + number)
            self.received = number
            if trainer.is_global_zero:
                print("\nfinishing this step, saving and validating; once more to stop at once", file=sys.stderr)

        for number in stopping_signals():
            signal.signal(number, stop)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop behind this step; a signal, or who else asks, may have reached one process alone, but all stop."""
        if not made_step(trainer, batch_idx):
            return
        stop = trainer.should_stop or bool(self.received)
        if trainer.world_size > 1:
            stop = trainer.strategy.reduce_boolean_decision(stop, all=False)
        trainer.should_stop = stop


def stopping_signals() -> list[signal.Signals]:
    """Return the signals that ask a run to stop."""
    under_slurm = "SLURM_JOB_ID" in os.environ and hasattr(signal, "SIGUSR1")
    return [signal.SIGINT, signal.SIGTERM, *([signal.SIGUSR1] if under_slurm else [])]
