"""Photographs for training and validation, as a LightningDataModule."""

import logging
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from datasets import Dataset, IterableDataset
from pytorch_lightning import LightningDataModule
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor
from torch.utils.data import DataLoader

from fastnst.data.loader import CropLoader, usual_workers
from fastnst.data.photos import PhotoDataset, Row, center_crop, decode, digest, to_bytes
from fastnst.data.position import Position
from fastnst.data.sampler import EndlessBatches
from fastnst.data.sources import Photos, open_photos
from fastnst.data.stream import PhotoStream
from fastnst.errors import ConfigError
from fastnst.images import ImageError

log = logging.getLogger(__name__)


class ImageDataModule(LightningDataModule):
    """Serve square crops of photographs without end, and a fixed set of held-out ones.

    Args:
        photos: A folder of pictures (flat or nested), parquet files, or the name of a set on the hub, which is
            streamed.
        val: Held-out photographs, as ``photos``; without it some are set apart from ``photos``.
        size: Side of the crops, pixels.
        batch_size: Crops per process and step.
        val_count: Number of photographs to validate on.
        workers: Processes that decode; 0 decodes in the main process. By default one less than there are cores, at
            most 8. A stream takes at most one for each of its files.
        seed: Of order and crops.

    A batch is ``(B, 3, size, size)``, RGB in [0, 1], once it is on the device; loaders give bytes. Photographs that
    cannot be read, or whose shorter side is under half of ``size``, are skipped and named by :meth:`skipped`.
    """

    def __init__(
        self,
        photos: str,
        val: str | None = None,
        size: int = 256,
        batch_size: int = 4,
        val_count: int = 32,
        workers: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if size < 32 or batch_size < 1 or val_count < 1 or (workers is not None and workers < 0):
            raise ConfigError(
                f"data wants size of at least 32, batch_size and val_count of at least 1, and no negative workers; "
                f"got {size}, {batch_size}, {val_count}, {workers}"
            )
        self.photos, self.val, self.size, self.batch_size = photos, val, size, batch_size
        self.val_count, self.seed = val_count, seed
        self.workers_by_default = workers is None
        self.workers = usual_workers() if workers is None else workers
        self._train: Photos | None = None
        self._held_out: Tensor | None = None
        self._reserved: frozenset[bytes] = frozenset()
        self._loader: CropLoader | None = None
        self._position = Position()

    def setup(self, stage: str | None = None) -> None:
        """Open the sets and decode the held-out photographs; harmless to repeat.

        Raises:
            ConfigError: Nothing there, or nothing usable.
        """
        if self._held_out is not None:
            return
        train = open_photos(self.photos)
        held_out: Iterable[Row] = open_photos(self.val) if self.val is not None else []
        if self.val is None:
            train, held_out = self._hold_out(train)
        if isinstance(train, Dataset) and not len(train):
            raise ConfigError(f"{self.photos}: no photographs to train on")
        self._train, self._held_out = train, self._decode(held_out)

    @property
    def held_out(self) -> Tensor:
        """The photographs to validate on: ``(N, 3, size, size)``, RGB in [0, 1], the same in every process."""
        assert self._held_out is not None, "setup() comes first"
        return self._held_out.float() / 255

    def facts(self) -> dict[str, Any]:
        """Describe the photographs in plain data, for the file that is published; paths are cut down to names."""
        return {
            "photos": Path(self.photos).name or Path(self.photos).resolve().name,
            "size": self.size,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "held_out": len(self.held_out),
        }

    def train_dataloader(self) -> CropLoader:
        """Serve this process's share, beginning where the trainer stands.

        Iterating it raises a :class:`ConfigError` where no photograph can be used.
        """
        assert self._train is not None, "setup() comes first"
        trainer = self.trainer
        rank, world_size = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        steps = trainer.global_step if trainer else 0
        if isinstance(self._train, IterableDataset):
            start = self._served(steps) // (self.batch_size * world_size)
            self._loader = self._stream(self._train, rank, world_size, start)
        else:
            crops = PhotoDataset(self._train, self.size, self.seed)
            start = (steps - self._position.steps) * (trainer.accumulate_grad_batches if trainer else 1)
            before = self._position.photographs
            batches = EndlessBatches(len(crops), self.batch_size, self.seed, rank, world_size, start, before)
            self._loader = CropLoader(crops, self.workers, self._pins, batch_sampler=batches)
        return self._loader

    def state_dict(self) -> dict[str, Any]:
        """Say how far the training has come in the photographs."""
        assert self.trainer is not None
        steps, processes = self.trainer.global_step, self.trainer.world_size
        return vars(Position(steps, self._served(steps), self._together(), processes, self.workers))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on there; say what is not as it was."""
        self._position = then = Position(**state_dict)
        assert self.trainer is not None
        streamed = isinstance(self._train, IterableDataset)
        if streamed and self.workers_by_default:
            self.workers = then.workers  # the order of a stream depends on them
        now = Position(then.steps, then.photographs, self._together(), self.trainer.world_size, self.workers)
        if self.trainer.is_global_zero and (note := then.compared(now, streamed)):
            log.warning(note)

    def _together(self) -> int:
        """Return the photographs of one step of all processes."""
        trainer = self.trainer
        return self.batch_size * (trainer.world_size * trainer.accumulate_grad_batches if trainer else 1)

    def _served(self, steps: int) -> int:
        return self._position.photographs + (steps - self._position.steps) * self._together()

    def val_dataloader(self) -> DataLoader[Tensor]:
        """Serve the held-out photographs, decoded once, shared out among the processes."""
        assert self._held_out is not None, "setup() comes first"
        trainer = self.trainer
        rank, world_size = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        share = self._held_out[rank::world_size] if len(self._held_out) >= world_size else self._held_out
        own = torch.Generator()  # or a validation would draw a number from the program's own
        return DataLoader(share, self.batch_size, generator=own)  # type: ignore[arg-type]  # a tensor indexes like a set

    def on_after_batch_transfer(self, batch: Tensor, dataloader_idx: int) -> Tensor:
        """Turn bytes into RGB in [0, 1] on the device: a quarter of the transfer."""
        return (batch.float() / 255).contiguous(memory_format=torch.channels_last)

    def skipped(self) -> list[str]:
        """Name the photographs that could not be used so far, in all processes; all of them must ask."""
        own = self._loader.skipped if self._loader is not None else {}
        if not (dist.is_available() and dist.is_initialized()):
            return list(own.values())
        found: list[dict[Hashable, str]] = [{}] * dist.get_world_size()
        dist.all_gather_object(found, own)
        return list({key: name for part in found for key, name in part.items()}.values())

    def _hold_out(self, photos: Photos) -> tuple[Photos, Iterable[Row]]:
        """Set photographs apart: of a stream the first, of others a random choice."""
        if isinstance(photos, IterableDataset):  # its skip() would leave out others, as soon as workers share the files
            rows = list(photos.take(self.val_count))
            self._reserved = frozenset(map(digest, rows))
            return photos, rows
        if len(photos) < 2:
            raise ConfigError(f"{self.photos}: {len(photos)} photograph; at least 2 are needed, one to validate on")
        count = min(self.val_count, max(1, len(photos) // 5))
        order = torch.randperm(len(photos), generator=torch.Generator().manual_seed(self.seed)).tolist()
        return photos.select(sorted(order[count:])), photos.select(sorted(order[:count]))

    def _decode(self, photos: Iterable[Row]) -> Tensor:
        crops: list[Tensor] = []
        problems: list[str] = []
        for number, row in enumerate(photos):
            try:
                image = decode(row, self.size // 2, f"held-out photograph {number}")
            except ImageError as error:
                problems.append(str(error))
                continue
            crops.append(to_bytes(center_crop(image, self.size)))
            if len(crops) == self.val_count:
                break
        if not crops:
            reasons = "; ".join(problems[:5]) or "there are none"
            raise ConfigError(f"{self.val or self.photos}: no usable photograph to validate on: {reasons}")
        if problems:
            rank_zero_only(log.warning)("skipped %d held-out photographs: %s", len(problems), "; ".join(problems[:5]))
        return torch.stack(crops)

    def _stream(self, photos: IterableDataset, rank: int, world_size: int, start: int) -> CropLoader:
        crops = PhotoStream(
            photos, self.size, self.seed, self.batch_size, start, rank, world_size, held_out=self._reserved
        )
        workers = min(self.workers, crops.most_workers)
        return CropLoader(crops, workers, self._pins, batch_size=self.batch_size)

    @property
    def _pins(self) -> bool:
        return self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
