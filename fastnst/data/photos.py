"""From undecoded photographs to square crops; broken and tiny ones are passed over and counted."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from datasets import Dataset, IterableDataset
from PIL import Image
from torch import Tensor
from torch.utils import data

from fastnst.errors import ConfigError
from fastnst.images import ImageError, open_image

Key = tuple[int, int]
"""Pass through the set, and index within it."""

MAX_ATTEMPTS = 64
"""Photographs passed over in a row before the set is declared unusable."""


def decode(row: Mapping[str, Any], least: int) -> Image.Image:
    """Open one undecoded photograph.

    Raises:
        ImageError: Broken, or its shorter side is under ``least`` pixels.
    """
    entry = row["image"]
    name = str(entry.get("path") or "photograph")
    image = open_image(entry["bytes"] if entry.get("bytes") is not None else entry["path"], name)
    if min(image.size) < least:
        raise ImageError(f"{name}: {image.width}x{image.height} is too small to crop; {least} pixels are wanted")
    return image


def random_crop(image: Image.Image, size: int, rng: np.random.Generator) -> Image.Image:
    """Cut a square of between half and all of the shorter side anywhere, resize it to ``size``, mirror every other."""
    side = rng.uniform(0.5, 1) * min(image.size)
    left, top = rng.uniform(0, image.width - side), rng.uniform(0, image.height - side)
    crop = image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    return crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else crop


def center_crop(image: Image.Image, size: int) -> Image.Image:
    """Cut the largest centered square and resize it to ``size``."""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    return image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))


def to_bytes(image: Image.Image) -> Tensor:
    """Turn a crop into ``(3, H, W)`` of bytes; the batch becomes RGB in [0, 1] on the device."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


class PhotoDataset(data.Dataset[Tensor]):
    """Crops of photographs at hand, each a function of the seed, the pass and the index alone.

    Results do not depend on the number of workers, and a resumed run sees what an uninterrupted one would have seen.

    Args:
        photos: Undecoded photographs.
        size: Side of the crops, pixels. Photographs whose shorter side is under half of it count as tiny.
        seed: Of the crops.
        augment: Random crops if true, the centered square otherwise.

    A photograph that cannot be used is replaced by the next and marked in :attr:`passed_over`, which all workers share.
    """

    def __init__(self, photos: Dataset, size: int, seed: int, augment: bool) -> None:
        self.photos, self.size, self.seed, self.augment = photos, size, seed, augment
        self.passed_over = torch.zeros(len(photos), dtype=torch.bool).share_memory_()

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, key: Key) -> Tensor:
        epoch, first = key
        errors: list[str] = []
        for index in ((first + i) % len(self) for i in range(min(len(self), MAX_ATTEMPTS))):
            if self.passed_over[index]:
                continue
            try:
                image = decode(self.photos[index], self.size // 2)
            except ImageError as error:
                self.passed_over[index] = True
                errors.append(str(error))
                continue
            if not self.augment:
                return to_bytes(center_crop(image, self.size))
            return to_bytes(random_crop(image, self.size, np.random.default_rng((self.seed, epoch, first))))
        raise ConfigError(
            f"no usable photograph among {min(len(self), MAX_ATTEMPTS)} in a row: {'; '.join(errors[:5])}"
        )

    def report(self) -> list[str]:
        """Name the photographs passed over so far."""
        rows = self.photos.select(self.passed_over.nonzero().flatten().tolist())
        return [str(row["image"].get("path") or "photograph") for row in rows]


class PhotoStream(data.IterableDataset[Tensor]):
    """Endless crops of streamed photographs, every pass in another order.

    Args:
        photos: Undecoded photographs of this process, already shuffled by a buffer.
        size: Side of the crops, pixels.
        seed: Of the crops.
        first_pass: Number of the pass to begin with; a resumed stream begins a new one.
    """

    def __init__(self, photos: IterableDataset, size: int, seed: int, first_pass: int = 0) -> None:
        self.photos, self.size, self.seed, self.first_pass = photos, size, seed, first_pass
        self.passed_over = torch.zeros(1, dtype=torch.long).share_memory_()

    def __iter__(self) -> Iterator[Tensor]:
        worker = data.get_worker_info()
        epoch, useless = self.first_pass, 0
        while True:
            self.photos.set_epoch(epoch)
            rng = np.random.default_rng((self.seed, epoch, worker.id if worker else 0))
            for row in self.photos:
                try:
                    image = decode(row, self.size // 2)
                except ImageError as error:
                    self.passed_over += 1
                    useless += 1
                    if useless >= MAX_ATTEMPTS:
                        raise ConfigError(f"no usable photograph among {useless} in a row: {error}") from error
                    continue
                useless = 0
                yield to_bytes(random_crop(image, self.size, rng))
            epoch += 1

    def report(self) -> list[str]:
        """Stand in for the names of the photographs passed over so far, which a stream does not keep."""
        return ["photograph"] * int(self.passed_over)
