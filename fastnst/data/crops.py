"""Crops of photographs without end, for a program that trains without Lightning."""

from collections.abc import Iterator

import torch
from torch import Tensor

from fastnst.data.loader import CropLoader
from fastnst.data.photos import PhotoDataset
from fastnst.data.sampler import EndlessBatches
from fastnst.data.sources import open_photos


def crops(source: str, size: int, batch_size: int, seed: int = 0) -> Iterator[Tensor]:
    """Serve random crops without end, ``(B, 3, size, size)``, RGB in [0, 1], in channels-last layout.

    Args:
        source: Photographs at hand, as :func:`~fastnst.data.sources.open_photos` reads them.
        size: Side of the crops, pixels.
        batch_size: B.
        seed: Of order and crops.
    """
    dataset = PhotoDataset(open_photos(source), size, seed)
    for batch in CropLoader(dataset, batch_sampler=EndlessBatches(len(dataset), batch_size, seed)):
        yield (batch.float() / 255).contiguous(memory_format=torch.channels_last)
