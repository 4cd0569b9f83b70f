"""What a training keeps: the resume file and the published style."""

import io
import logging
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import CheckpointIO
from torch import Tensor

from fastnst.atomic import replacing
from fastnst.checkpoint import STYLE_FILE, CheckpointError, read_metadata, save_checkpoint
from fastnst.plain import load_plain
from fastnst.training.disk import Disk
from fastnst.training.folder import RESUME_FILE, keep_previous
from fastnst.training.guard import finite
from fastnst.training.module import FeedForwardModule
from fastnst.training.timing import made_step, passed

log = logging.getLogger(__name__)

SAVES = 20
"""Into how many equal parts a timed run is cut by the writing of its resume file; the validations are among them."""


class AtomicCheckpointIO(CheckpointIO):
    """Save to a temporary file in the same folder, flush it to the disk, rename; keep the resume file before the last.

    Lightning's own writes to the system's temporary folder and moves: across file systems that is a copy which a crash
    cuts short, and a folder without permission is ignored in silence.

    Args:
        disk: Notes what cannot be written; without it the error is raised.
    """

    def __init__(self, disk: Disk | None = None) -> None:
        self.disk = disk

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        if self.disk is None:
            self._write(checkpoint, Path(path))
            return
        with self.disk.tolerating(str(path)):  # not further up: the other processes wait for this one
            self._write(checkpoint, Path(path))

    def _write(self, checkpoint: dict[str, Any], path: Path) -> None:
        buffer = io.BytesIO()  # torch's own writer takes the process down on a full disk, or raises what tells nothing
        torch.save(checkpoint, buffer)
        with replacing(path) as temporary:
            temporary.write_bytes(buffer.getbuffer())
            if path.name == Path(RESUME_FILE).name:
                keep_previous(path)

    def load_checkpoint(
        self, path: Any, map_location: Any | None = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Load plain data and tensors; a file that holds more is refused, whatever ``weights_only`` says."""
        loaded: dict[str, Any] = load_plain(Path(path))
        return loaded

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


class KeepCheckpoints(Checkpoint):
    """Keep the resume file and the published style up to date, in the course of the run and at its end.

    The resume file is written behind a step, once all other callbacks have seen it: when due, when the run is asked to
    stop (before its last validation), at its end, and when it ends with an error between two steps. Nothing is
    written whose weights are not finite.

    Args:
        folder: The run's folder; ``checkpoints/last.ckpt`` and ``style.safetensors`` are written below it.
        every: Steps between two resume files; ``None`` writes them at each twentieth of the run.
        disk: Takes the errors of the disk, on which the run goes on; those of the last files are raised.
    """

    def __init__(self, folder: str | Path, every: int | None, disk: Disk | None = None) -> None:
        self.folder, self.every, self.disk = Path(folder), every, disk or Disk()
        self._began = self._saved = self._published = -1
        self._share = 0.0
        self._between_steps = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FeedForwardModule)
        self._share, self._began, self._between_steps = pl_module.share, trainer.global_step, True
        self._saved = trainer.global_step

    def on_train_batch_start(self, *args: Any) -> None:
        self._between_steps = False

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Tensor, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, FeedForwardModule)
        if not made_step(trainer, batch_idx):
            return
        due = trainer.global_step % self.every == 0 if self.every else passed(self._share, pl_module.share, SAVES)
        self._share = pl_module.share
        if due or trainer.should_stop:
            self._save(trainer, pl_module)
        self._between_steps = True

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.sanity_checking:
            self._publish(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FeedForwardModule)
        if trainer.global_step != self._began:
            self._save(trainer, pl_module)  # again, if the last step was saved already: its validation took time
            self._publish(trainer, pl_module)
        self.disk.check()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Save a step that is complete, whatever went wrong behind it: photographs, the disk, another program."""
        assert isinstance(pl_module, FeedForwardModule)
        alone = trainer.world_size == 1  # saving waits for the other processes
        complete = self._between_steps and trainer.training and trainer.global_step > self._saved
        if alone and complete and isinstance(exception, Exception) and finite(pl_module.network.state_dict()):
            self._save(trainer, pl_module)

    def up_to_date(self, trainer: Trainer) -> bool:
        """Tell whether the published style is that of the step at which the run stands."""
        try:
            return bool(read_metadata(self.folder / STYLE_FILE).training.get("steps") == trainer.global_step)
        except CheckpointError:
            return False

    def _save(self, trainer: Trainer, module: FeedForwardModule) -> None:
        module.guard.look(trainer)
        file = self.folder / RESUME_FILE
        trainer.save_checkpoint(file)
        if str(file) not in self.disk.failed:
            self._saved = trainer.global_step

    def _publish(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FeedForwardModule)
        if not trainer.is_global_zero or self._published == trainer.global_step:
            return
        network, file = pl_module.network, self.folder / STYLE_FILE
        if network.styles is not None:  # asked for no style in particular, the file paints the first
            network.set_code(network.styles.codes[0])
        with self.disk.tolerating(str(file)):
            save_checkpoint(file, network, pl_module.metadata())
            self._published = trainer.global_step
