"""Photographs for training and validation, as a LightningDataModule."""

import logging
import os
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, IterableDataset
from datasets.distributed import split_dataset_by_node
from pytorch_lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader

from fastnst.data.photos import PhotoDataset, PhotoStream, center_crop, decode, to_bytes
from fastnst.data.sampler import EndlessBatches
from fastnst.data.sources import Photos, open_photos
from fastnst.errors import ConfigError
from fastnst.images import ImageError

log = logging.getLogger(__name__)

SHUFFLE_BUFFER = 1000


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
            most 8.
        seed: Of order and crops.

    A batch is ``(B, 3, size, size)``, RGB in [0, 1], once it is on the device; loaders give bytes. Photographs that
    cannot be read, or whose shorter side is under half of ``size``, are passed over, counted, and named at the end.
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
        self.workers = min(8, max(1, (os.cpu_count() or 2) - 1)) if workers is None else workers
        self._train: Photos | None = None
        self._held_out: Tensor | None = None
        self._crops: PhotoDataset | PhotoStream | None = None

    def setup(self, stage: str | None = None) -> None:
        """Open the sets and decode the held-out photographs; harmless to repeat.

        Raises:
            ConfigError: Nothing there, or nothing usable.
        """
        if self._held_out is not None:
            return
        train = open_photos(self.photos)
        if self.val is not None:
            held_out = open_photos(self.val)
        else:
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
        """Say what is served, as plain data for the published file; never a path of this machine."""
        return {
            "batch_size": self.batch_size,
            "size": self.size,
            "seed": self.seed,
            "photos": Path(self.photos).name,
            "held_out": len(self.held_out),
        }

    def train_dataloader(self) -> DataLoader[Tensor]:
        """Serve this process's share, beginning where the trainer stands."""
        assert self._train is not None, "setup() comes first"
        trainer = self.trainer
        rank, world_size = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        start = trainer.global_step * trainer.accumulate_grad_batches if trainer else 0
        if isinstance(self._train, IterableDataset):
            return self._stream(self._train, rank, world_size, start)
        self._crops = PhotoDataset(self._train, self.size, self.seed, augment=True)
        batches = EndlessBatches(len(self._crops), self.batch_size, self.seed, rank, world_size, start)
        return DataLoader(self._crops, batch_sampler=batches, **self._loading())

    def val_dataloader(self) -> DataLoader[Tensor]:
        """Serve the held-out photographs, decoded once, shared out among the processes."""
        assert self._held_out is not None, "setup() comes first"
        trainer = self.trainer
        rank, world_size = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        share = self._held_out[rank::world_size] if len(self._held_out) >= world_size else self._held_out
        return DataLoader(share, batch_size=self.batch_size)  # type: ignore[arg-type]  # a tensor indexes like a set

    def on_after_batch_transfer(self, batch: Tensor, dataloader_idx: int) -> Tensor:
        """Turn bytes into RGB in [0, 1] on the device: a quarter of the transfer."""
        return (batch.float() / 255).contiguous(memory_format=torch.channels_last)

    def passed_over(self) -> list[str]:
        """Name the photographs of this process that could not be used so far."""
        return self._crops.report() if self._crops is not None else []

    def _hold_out(self, photos: Photos) -> tuple[Photos, Photos]:
        if isinstance(photos, IterableDataset):
            return photos.skip(self.val_count), photos.take(self.val_count)
        if len(photos) < 2:
            raise ConfigError(f"{self.photos}: {len(photos)} photograph; at least 2 are needed, one to validate on")
        count = min(self.val_count, max(1, len(photos) // 5))
        order = torch.randperm(len(photos), generator=torch.Generator().manual_seed(self.seed)).tolist()
        return photos.select(sorted(order[count:])), photos.select(sorted(order[:count]))

    def _decode(self, photos: Photos) -> Tensor:
        crops: list[Tensor] = []
        problems: list[str] = []
        for row in photos:
            try:
                crops.append(to_bytes(center_crop(decode(row, self.size // 2), self.size)))
            except ImageError as error:
                problems.append(str(error))
            if len(crops) == self.val_count:
                break
        if not crops:
            raise ConfigError(f"{self.val or self.photos}: no usable photograph to validate on: {problems[:5]}")
        if problems:
            log.warning("passed over %d held-out photographs: %s", len(problems), "; ".join(problems[:5]))
        return torch.stack(crops)

    def _stream(self, photos: IterableDataset, rank: int, world_size: int, start: int) -> DataLoader[Tensor]:
        shuffled = photos.shuffle(seed=self.seed, buffer_size=SHUFFLE_BUFFER)
        share = split_dataset_by_node(shuffled, rank, world_size)
        self._crops = PhotoStream(share, self.size, self.seed, first_pass=start)
        return DataLoader(self._crops, batch_size=self.batch_size, **self._loading())

    def _loading(self) -> dict[str, Any]:
        return {
            "num_workers": self.workers,
            "pin_memory": torch.cuda.is_available(),
            "persistent_workers": self.workers > 0,
            "prefetch_factor": 4 if self.workers else None,
        }
