"""From undecoded photographs to square crops; broken and tiny ones are skipped and named."""

import hashlib
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from datasets import Dataset
from datasets.utils.file_utils import xopen
from PIL import Image
from torch import Tensor
from torch.utils import data

from fastnst.errors import ConfigError, first_line
from fastnst.images import ImageError, open_image

Row: TypeAlias = Mapping[str, Any]
"""One photograph as :func:`open_photos` gives it: ``{"image": {"bytes", "path"}}``, of which one may be missing."""

Key: TypeAlias = tuple[int, int]
"""Pass through the set, and index within it."""

Problem: TypeAlias = ConfigError | OSError
"""An error that a worker hands over; raised there, it would arrive as a text with a traceback."""

MAX_ATTEMPTS = 64
"""Photographs skipped in a row before the set is declared unusable."""


LEAST_SHARE = 0.25
"""Part of a large photograph's shorter side that a crop shows at least."""

FLAT = 0.06
"""Share of the crops that are made flat."""

NOISE = 3
"""Most that a flat crop's values are changed by at random, of 255."""


class Sample(NamedTuple):
    """A crop, ``(3, H, W)`` of bytes, and the names of photographs that were skipped on the way to it."""

    crop: Tensor
    skipped: dict[Hashable, str]


def decode(row: Row, least: int, name: str = "photograph") -> Image.Image:
    """Open one undecoded photograph.

    Args:
        row: A row of :func:`open_photos`.
        least: Pixels that its shorter side must have.
        name: What to call it where the row holds no path.

    Raises:
        ImageError: Broken, or its shorter side is under ``least`` pixels.
        OSError: It lies elsewhere, and cannot be reached.
    """
    entry, name = row["image"] or {}, name_of(row, name)
    if entry.get("bytes") is None and entry.get("path") is None:
        raise ImageError(f"{name}: this row of the table holds no picture")
    image = open_image(_content(entry) if entry.get("bytes") is None else entry["bytes"], name)
    if min(image.size) < least:
        raise ImageError(f"{name}: {image.width}x{image.height} is too small to crop; {least} pixels are wanted")
    return image


def name_of(row: Row, otherwise: str) -> str:
    """Return the path of a photograph, or another name where the set holds none."""
    return str((row["image"] or {}).get("path") or otherwise)


def digest(row: Row) -> bytes:
    """Return what tells a photograph from others: a hash of its bytes, or its path."""
    entry = row["image"] or {"path": None, "bytes": None}
    return str(entry["path"]).encode() if entry.get("bytes") is None else hashlib.blake2b(entry["bytes"]).digest()


def _content(entry: Mapping[str, Any]) -> str | bytes:
    """Return the path of a file here, or the bytes of a file of a hub set that is no table."""
    path = str(entry["path"])
    if "://" not in path:
        return path
    try:
        with xopen(path, "rb") as file:
            return bytes(file.read())
    except FileNotFoundError:
        raise ImageError(f"{path}: no such file") from None


def problem(error: OSError | ValueError) -> Problem:
    """Return the error that says the same in another process: plain, of one line."""
    if isinstance(error, ConfigError):
        return ConfigError(str(error))
    return OSError(f"the photographs cannot be read ({first_line(error)})")


def random_crop(image: Image.Image, size: int, rng: np.random.Generator) -> Image.Image:
    """Cut a square anywhere, resize it to ``size``, mirror every other, and make a few flat.

    The square's side is between all of the shorter side and a quarter of it, but is not magnified more than twice (a
    photograph too small for that gives half of its side): no scale is more likely than another. So a network sees
    photographs as at ``size`` pixels and as at up to four times that; to one that has only seen small ones, a large
    photograph is uncommonly smooth.

    Of all crops, :data:`FLAT` show no more than the colors of a sky (:func:`flatten`): what is painted into it would
    otherwise be learned from the few photographs that are all sky.
    """
    shorter = min(image.size)
    least = min(max(size / 2, LEAST_SHARE * shorter), shorter / 2)
    side = shorter * (least / shorter) ** rng.random()
    left, top = rng.uniform(0, image.width - side), rng.uniform(0, image.height - side)
    crop = image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))
    crop = crop.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else crop
    return flatten(crop, rng) if rng.random() < FLAT else crop


def flatten(crop: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Reduce a crop to a gradient between the colors of 2 x 2 to 4 x 4 places, with the slight noise of a camera."""
    places = int(rng.integers(2, 5))
    smooth = crop.resize((places, places), Image.Resampling.BOX).resize(crop.size, Image.Resampling.BICUBIC)
    most = int(rng.integers(NOISE + 1))
    noise = rng.integers(-most, most + 1, (crop.height, crop.width, 3), dtype=np.int16)
    return Image.fromarray((np.asarray(smooth) + noise).clip(0, 255).astype(np.uint8))


def center_crop(image: Image.Image, size: int) -> Image.Image:
    """Cut the largest centered square and resize it to ``size``."""
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    return image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))


def to_bytes(image: Image.Image) -> Tensor:
    """Turn a crop into ``(3, H, W)`` of bytes; the batch becomes RGB in [0, 1] on the device."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


class PhotoDataset(data.Dataset[Sample | Problem]):
    """Random crops of photographs at hand, each a function of the seed, the pass and the index alone.

    Results do not depend on the number of workers, and a resumed run sees what an uninterrupted one would have seen.

    Args:
        photos: Undecoded photographs.
        size: Side of the crops, pixels. Photographs whose shorter side is under half of it count as tiny.
        seed: Of the crops.

    A photograph that cannot be used is replaced by the next. Where none of many can be used, the sample is the error.
    """

    def __init__(self, photos: Dataset, size: int, seed: int) -> None:
        self.photos, self.size, self.seed = photos, size, seed
        self._unusable: dict[int, str] = {}  # of this process

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, key: Key) -> Sample | Problem:
        try:
            return self._crop(*key)
        except (OSError, ValueError) as error:
            return problem(error)

    def _crop(self, epoch: int, first: int) -> Sample:
        tried = [(first + i) % len(self) for i in range(min(len(self), MAX_ATTEMPTS))]
        skipped: dict[Hashable, str] = {}
        for index in tried:
            if index in self._unusable:
                continue
            row, name = self.photos[index], f"photograph {index}"
            try:
                image = decode(row, self.size // 2, name)
            except ImageError as error:
                self._unusable[index], skipped[index] = str(error), name_of(row, name)
                continue
            rng = np.random.default_rng((self.seed, epoch, first))
            return Sample(to_bytes(random_crop(image, self.size, rng)), skipped)
        reasons = "; ".join(self._unusable[index] for index in tried[:5])
        raise ConfigError(f"no usable photograph among {len(tried)} in a row: {reasons}")
