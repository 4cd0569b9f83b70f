"""Keep the time of a run: measure its share, have it validated at shares of it, and end it within its budget."""

import sys
import time
from typing import TYPE_CHECKING, Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

if TYPE_CHECKING:
    from fastnst.training.module import FeedForwardModule

AT_SHARES = sys.maxsize
"""A ``val_check_interval`` that asks for validation at shares of the run, in place of a number of steps."""

VALIDATIONS = 4
"""At how many equal shares of a run it is validated, the end included."""

AFFORDABLE = 1 / 40
"""What a validation before the end may cost, as a part of the time budget."""

REHEARSED = 2
"""Batches validated before the first step of a timed run, whose cost must be known; the last of them is measured."""


class Timekeeper(Callback):
    """Keep the share of a run up to date, have it validated when due, and stop it when the share is 1.

    Where several processes train, all go by the clock of the first: the share is the same for all of them, and with it
    learning rate, crops, and when to validate and to stop. (Lightning synchronizes them at every step anyway.)

    Args:
        module: Gets :attr:`~fastnst.training.module.FeedForwardModule.share`.

    Logs:
        ``lr`` and ``images_per_second``, every ``log_every_n_steps``, validation left out.
    """

    def __init__(self, module: "FeedForwardModule") -> None:
        self.module = module
        self._batch_began = self._step_ended = 0.0
        self._validated = False
        self._logged = (0, 0.0)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to count; a resumed run knows the cost of a validation, and makes no step if its time is spent."""
        if self.module.clock.before:
            trainer.num_sanity_val_steps = 0
        self.module.clock.start()
        if self.module.clock.timed and self._agreed(trainer) >= 1:
            trainer.should_stop = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.module.clock.begin_steps()
        self.module.share = self._agreed(trainer)
        self._logged = (trainer.global_step, time.perf_counter())

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if self._validated:  # what followed the last step: validation, previews, publishing
            pause = time.perf_counter() - self._step_ended
            self.module.clock.reserve, self._validated = pause, False
            self._logged = (self._logged[0], self._logged[1] + pause)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._step_ended = time.perf_counter()
        at_shares = trainer.val_check_interval == AT_SHARES
        if at_shares:
            trainer.val_check_batch = AT_SHARES
        if not made_step(trainer, batch_idx):
            return
        before, self.module.share = self.module.share, self._agreed(trainer)
        if self.module.share >= 1:
            trainer.should_stop = True  # Lightning validates once more
        if at_shares and passed(before, self.module.share, VALIDATIONS) and self._affordable(trainer):
            trainer.val_check_batch = 1
        if trainer.global_step % log_interval(trainer) == 0:
            self._log(trainer, len(batch))

    def on_validation_batch_start(self, *args: Any) -> None:
        self._batch_began = _now(self.module.device)

    def on_validation_batch_end(self, trainer: Trainer, *args: Any) -> None:
        if trainer.sanity_checking:
            batches = max(1, int(sum(trainer.num_val_batches)))
            self.module.clock.reserve = batches * (_now(self.module.device) - self._batch_began)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validated = not trainer.sanity_checking

    def _agreed(self, trainer: Trainer) -> float:
        share = self.module.clock.share(trainer.global_step)
        if self.module.clock.timed and trainer.world_size > 1:
            share = trainer.strategy.broadcast(share)
        return share

    def _affordable(self, trainer: Trainer) -> bool:
        affordable = self.module.clock.reserve <= AFFORDABLE * self.module.clock.budget.seconds
        return trainer.strategy.broadcast(affordable) if trainer.world_size > 1 else affordable

    def _log(self, trainer: Trainer, batch_size: int) -> None:
        (before, then), now = self._logged, time.perf_counter()
        self._logged = (trainer.global_step, now)
        images = (trainer.global_step - before) * batch_size * trainer.world_size * trainer.accumulate_grad_batches
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        self.module.log_dict({"images_per_second": images / max(now - then, 1e-9), "lr": rate})


def _now(device: torch.device) -> float:
    """Read the clock, when a GPU has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def passed(before: float, share: float, parts: int) -> bool:
    """Tell whether a run that was cut into so many equal parts has entered another since ``before``."""
    return int(before * parts) != int(share * parts)


def made_step(trainer: Trainer, batch_idx: int) -> bool:
    """Tell whether a batch completed a step: with gradients accumulated over several, the last of them does."""
    return (batch_idx + 1) % trainer.accumulate_grad_batches == 0


def log_interval(trainer: Trainer) -> int:
    """Return the steps between two lines of a log."""
    return max(1, trainer.log_every_n_steps)  # type: ignore[attr-defined]  # Lightning sets it dynamically
