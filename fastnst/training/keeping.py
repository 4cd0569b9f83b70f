"""What a training keeps: the resume file and the published style."""

from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.plugins.io import CheckpointIO
from torch import Tensor

from fastnst.atomic import replacing
from fastnst.checkpoint import STYLE_FILE, save_checkpoint
from fastnst.training.folder import RESUME_FILE
from fastnst.training.module import FeedForwardModule
from fastnst.training.timing import log_interval, passed

SAVES = 10
"""Into how many equal parts a timed run is cut by the writing of its resume file."""


class AtomicCheckpointIO(CheckpointIO):
    """Save to a temporary file in the same folder, flush it to the disk, rename; report every error.

    Lightning's own writes to the system's temporary folder and moves: across file systems that is a copy which a crash
    cuts short, and a folder without permission is ignored in silence.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        with replacing(path) as temporary:
            torch.save(checkpoint, temporary)

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Load plain data and tensors; a file that holds more is refused, whatever ``weights_only`` says."""
        loaded: dict[str, Any] = torch.load(path, map_location=map_location or "cpu", weights_only=True)
        return loaded

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


class KeepCheckpoints(Callback):
    """Keep the resume file and the published style up to date, in the course of the run and at its end.

    Stops the run with an error, leaving the last good files, as soon as the loss is not a finite number.

    Args:
        folder: The run's folder; ``checkpoints/last.ckpt`` and ``style.safetensors`` are written below it.
        every: Steps between two resume files; ``None`` writes them at each tenth of the run.
    """

    def __init__(self, folder: str | Path, every: int | None) -> None:
        self.folder, self.every = Path(folder), every
        self._saved = self._published = -1
        self._share = 0.0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FeedForwardModule)
        self._share = pl_module.share

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Tensor, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, FeedForwardModule)
        due = trainer.global_step % self.every == 0 if self.every else passed(self._share, pl_module.share, SAVES)
        self._share = pl_module.share
        if due or trainer.global_step % log_interval(trainer) == 0:
            self._check(outputs, trainer)
        if due:
            self._save(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self._publish(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._save(trainer)  # again, if the last step was saved already: its validation took time
        self._publish(trainer, pl_module)

    def _check(self, outputs: Any, trainer: Trainer) -> None:
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if not torch.isfinite(loss):
            kept = f"the files of step {self._saved} are kept" if self._saved >= 0 else "nothing was written"
            raise FloatingPointError(
                f"the loss is {float(loss)} at step {trainer.global_step}; {kept}: resume with a lower --lr or "
                f"--precision float32"
            )

    def _save(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(self.folder / RESUME_FILE)
        self._saved = trainer.global_step

    def _publish(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FeedForwardModule)
        if trainer.is_global_zero and self._published != trainer.global_step:
            network = pl_module.network
            if network.styles is not None:  # asked for no style in particular, the file paints the first
                network.set_code(network.styles.codes[0])
            save_checkpoint(self.folder / STYLE_FILE, network, pl_module.metadata())
            self._published = trainer.global_step
