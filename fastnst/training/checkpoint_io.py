"""Write Lightning's resume files so that a crash never costs the one before."""

from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.io import CheckpointIO

from fastnst.atomic import replacing


class AtomicCheckpointIO(CheckpointIO):
    """Save to a temporary file in the same folder, flush it to the disk, rename; report every error.

    Lightning's own writes to the system's temporary folder and moves: across file systems that is a copy which a crash
    cuts short, and a folder without permission is passed over in silence.
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
