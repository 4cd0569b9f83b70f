"""An end in good order on a signal."""

import signal
import sys
import threading
from types import FrameType
from typing import Any

from pytorch_lightning import Callback, LightningModule, Trainer


class StopGently(Callback):
    """On the first Ctrl-C or SIGTERM finish the step and end the run in order; on the second stop at once.

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
                print("\nfinishing this step, validating and saving; once more to stop at once", file=sys.stderr)

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        """Stop behind this step; a signal may have reached one process alone, but all stop at the same step."""
        stop = bool(self.received)
        if trainer.world_size > 1:
            stop = trainer.strategy.reduce_boolean_decision(stop, all=False)
        trainer.should_stop = trainer.should_stop or stop
