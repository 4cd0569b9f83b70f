"""What a training run shows and keeps: progress, previews, resume files, and the published style."""

import signal
import sys
import time
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import ProgressBar
from pytorch_lightning.loggers import TensorBoardLogger
from torch import Tensor
from torchvision.utils import make_grid
from tqdm import tqdm

from fastnst.checkpoint import save_checkpoint
from fastnst.training.module import FeedForwardModule

RESUME_FILE = "checkpoints/last.ckpt"
STYLE_FILE = "style.safetensors"


class TrainingProgress(ProgressBar):
    """Show steps, time to go, and the main terms: a bar on a terminal, a line now and then elsewhere.

    Also logs ``images_per_second`` and ``lr``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._bar: Any = None
        self._since = (0, 0.0)
        self._validating = 0.0

    def disable(self) -> None:
        """Show nothing, as Lightning asks of all processes but the first."""
        self._enabled = False

    def enable(self) -> None:
        self._enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        tty = sys.stderr.isatty()
        self._bar = tqdm(
            total=trainer.max_steps,
            initial=trainer.global_step,
            desc="training",
            unit="step",
            dynamic_ncols=tty,
            mininterval=0.2 if tty else 15,
            maxinterval=10 if tty else 60,
            ascii=None if tty else True,
            disable=trainer.global_rank > 0,
        )
        self._since = (trainer.global_step, time.perf_counter())

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Tensor, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if step % _log_interval(trainer) == 0:  # the only place that waits for the device
            self._bar.set_postfix(self._numbers(trainer, pl_module, len(batch)), refresh=False)
        self._bar.update(step - self._bar.n)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._validating = time.perf_counter()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        step, then = self._since
        self._since = (step, then + time.perf_counter() - self._validating)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._bar.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if self._bar is not None:
            self._bar.close()

    def _numbers(self, trainer: Trainer, pl_module: LightningModule, batch_size: int) -> dict[str, str]:
        metrics = {key: float(value) for key, value in trainer.callback_metrics.items()}
        (before, then), now = self._since, time.perf_counter()
        images = (trainer.global_step - before) * batch_size * trainer.world_size * trainer.accumulate_grad_batches
        self._since = (trainer.global_step, now)
        rate = images / max(now - then, 1e-9)
        pl_module.log_dict({"images_per_second": rate, "lr": trainer.optimizers[0].param_groups[0]["lr"]})
        parts = {kind: sum(v for k, v in metrics.items() if k.startswith(f"train/{kind}/")) for kind in TERMS}
        shown = {"loss": metrics.get("train/loss", float("nan")), **parts}
        return {key: f"{value:.4g}" for key, value in shown.items()} | {"img/s": f"{rate:.1f}"}


TERMS = ("content", "style")


def _log_interval(trainer: Trainer) -> int:
    return max(1, trainer.log_every_n_steps)  # type: ignore[attr-defined]  # Lightning sets it dynamically


class Previews(Callback):
    """Write the style picture once, and a grid of held-out photographs above their paintings at every validation.

    Args:
        count: Photographs in the grid.
    """

    def __init__(self, count: int = 6) -> None:
        self.count = count

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FeedForwardModule)
        self._write(trainer, "style", pl_module.style_image[0].clamp(0, 1))

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        photos = trainer.datamodule.held_out[: self.count].to(pl_module.device)  # type: ignore[attr-defined]
        with torch.inference_mode():
            painted = torch.cat([pl_module(photo[None]) for photo in photos]).float().clamp(0, 1)
        self._write(trainer, "painted", make_grid(torch.cat([photos, painted]), nrow=len(photos), padding=2))

    def _write(self, trainer: Trainer, tag: str, image: Tensor) -> None:
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger) and trainer.is_global_zero:
                logger.experiment.add_image(tag, image, trainer.global_step)


class StopGently(Callback):
    """On the first Ctrl-C or SIGTERM finish the step and end the run in order; on the second stop at once.

    Attributes:
        received: Number of the first signal, or 0.
    """

    def __init__(self) -> None:
        self.received = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Replace Lightning's handlers, which drop what was not saved; its teardown restores what was before."""

        def stop(number: int, frame: Any) -> None:
            if self.received:
                raise SystemExit(128 + number)
            self.received = number
            trainer.should_stop = True
            if trainer.is_global_zero:
                print("\nfinishing this step, judging and saving; once more to stop at once", file=sys.stderr)

        signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGTERM, stop)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *args: Any) -> None:
        if trainer.world_size > 1:  # a signal may have reached one process alone; all must stop at the same step
            trainer.should_stop = trainer.strategy.reduce_boolean_decision(trainer.should_stop, all=False)


class KeepCheckpoints(Callback):
    """Keep the resume file and the published style up to date, at every so many steps and at the end.

    Stops the run with an error, leaving the last good files, as soon as the loss is not a finite number.

    Args:
        folder: The run's folder; ``checkpoints/last.ckpt`` and ``style.safetensors`` are written below it.
        every: Steps between two writes.
    """

    def __init__(self, folder: str | Path, every: int) -> None:
        self.folder, self.every = Path(folder), every
        self._saved = self._published = -1

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Tensor, batch_idx: int
    ) -> None:
        due = trainer.global_step % self.every == 0
        if due or trainer.global_step % _log_interval(trainer) == 0:
            self._check(outputs, trainer)
        if due:
            self._save(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self._publish(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._save(trainer)
        self._publish(trainer, pl_module)

    def _check(self, outputs: Any, trainer: Trainer) -> None:
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if not torch.isfinite(loss):
            kept = f"the files of step {self._saved} are kept" if self._saved >= 0 else "nothing was written"
            raise FloatingPointError(
                f"the loss is {float(loss)} at step {trainer.global_step}; {kept}: resume with a lower --model.lr or "
                f"--trainer.precision 32-true"
            )

    def _save(self, trainer: Trainer) -> None:
        if self._saved != trainer.global_step:
            trainer.save_checkpoint(self.folder / RESUME_FILE)
            self._saved = trainer.global_step

    def _publish(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FeedForwardModule)
        if trainer.is_global_zero and self._published != trainer.global_step:
            save_checkpoint(self.folder / STYLE_FILE, pl_module.network, pl_module.metadata())
            self._published = trainer.global_step
