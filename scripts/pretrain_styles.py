"""The styles that ``pretrain.py`` learns from: targets and statistics of many pictures, exchanged one by one."""

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from datasets import Dataset
from torch import Tensor

from fastnst.backbones import FeatureExtractor, picture_statistics
from fastnst.data.photos import decode
from fastnst.images import to_tensor
from fastnst.losses import PerceptualLoss, Target, select, stack_targets

SAME = 0.95
"""Correlation of two pictures' thumbnails from which on they count as copies of one work."""


def without(paintings: Dataset, pictures: Sequence[Tensor]) -> Dataset:
    """Leave out of a set the pictures ``(3, H, W)``, and other prints of them."""
    shunned = torch.stack([_thumbnail(picture) for picture in pictures])
    seen = torch.stack([_thumbnail(to_tensor(decode(row, 1))[0]) for row in paintings])
    kept = ((seen @ shunned.T).amax(1) < SAME).nonzero().flatten().tolist()
    print(f"{len(kept)} paintings; {len(paintings) - len(kept)} left out, as they are held out", flush=True)
    return paintings.select(kept)


def _thumbnail(picture: Tensor) -> Tensor:
    """Reduce ``(3, H, W)`` to the brightness of 16 x 16 places, of mean 0 and length 1."""
    places = F.adaptive_avg_pool2d(picture.mean(0, keepdim=True), 16).flatten()
    places = places - places.mean()
    return places / places.norm().clamp_min(1e-6)


class StyleTargets:
    """Take of style pictures ``(1, 3, H, W)``, RGB in [0, 1], what a predictor sees and what a loss compares with."""

    def __init__(self, loss: PerceptualLoss, describer: FeatureExtractor) -> None:
        self.loss, self.describer = loss, describer

    @torch.no_grad()
    def __call__(self, picture: Tensor) -> tuple[Tensor, Target]:
        picture = picture.contiguous(memory_format=torch.channels_last)
        return picture_statistics(self.describer, picture), self.loss.style_target(picture)


class Bank:
    """Targets of the last styles that were served, kept because taking them costs as much as painting.

    Args:
        take: Makes statistics and target of a picture.
        pictures: Serves ``(3, H, W)`` without end.
        count: How many are kept.
        device: Where.

    Attributes:
        statistics: ``(count, M)``.
        filled: How many are there so far.
    """

    BEGIN = 48

    def __init__(self, take: StyleTargets, pictures: Iterator[Tensor], count: int, device: torch.device) -> None:
        self.take, self.pictures, self.device, self.count, self.filled, self.next = take, pictures, device, count, 0, 0
        first = [self._taken() for _ in range(min(self.BEGIN, count))]
        stacked = stack_targets([target for _, target in first])
        self.statistics = torch.empty(count, first[0][0].shape[1], device=device)
        self.target = Target(
            *({p: _spread(v, count) for p, v in part.items()} for part in (stacked.values, stacked.scales))
        )
        self.statistics[: len(first)] = torch.cat([numbers for numbers, _ in first])
        self.filled = self.next = len(first)

    def refresh(self) -> None:
        """Take one more style, in the place of the oldest once all places are filled."""
        numbers, target = self._taken()
        place = self.next % self.count
        self.statistics[place] = numbers[0]
        for path, value in target.values.items():
            self.target.values[path][place] = value[0]
            self.target.scales[path][place] = target.scales[path]
        self.next += 1
        self.filled = min(self.next, self.count)

    def draw(self, count: int) -> tuple[Tensor, Target]:
        """Draw different styles at random: statistics ``(B, M)``, and a target for each."""
        index = torch.randperm(self.filled)[:count].to(self.device)
        return self.statistics[index], select(self.target, index)

    def _taken(self) -> tuple[Tensor, Target]:
        return self.take(next(self.pictures)[None].to(self.device))


def _spread(value: Tensor, count: int) -> Tensor:
    """Make place for ``count`` rows, the first of which are there."""
    rows = value.new_empty(count, *value.shape[1:])
    rows[: len(value)] = value
    return rows
