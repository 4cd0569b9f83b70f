"""The styles that ``pretrain.py`` learns from: targets and statistics of many pictures, exchanged one by one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from datasets import Dataset
from torch import Tensor

from fastnst.backbones import FeatureExtractor, picture_statistics
from fastnst.data.photos import decode
from fastnst.images import to_tensor
from fastnst.losses import PerceptualLoss, Region, Target, select, stack_targets
from fastnst.losses.pyramid import layer_at
from fastnst.losses.whole import Autocast

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


@dataclass(frozen=True)
class StyleFacts:
    """What is learned from one style picture.

    Args:
        statistics: What the predictor sees, ``(1, M)``.
        target: What paintings are compared with.
        weight: Of its style terms: less than 1 where photographs are very far from the style, as from a dark one.
    """

    statistics: Tensor
    target: Target
    weight: float


class StyleTargets:
    """Take the facts of style pictures ``(1, 3, H, W)``, RGB in [0, 1].

    Args:
        loss: The objective.
        describer: What makes the statistics.
        photos: By which the distance of photographs from a style is measured.
        context: Makes the context in which both compute.
    """

    FAR = 30.0
    """Distance of photographs from a style from which on it counts less, in the units of the objective."""

    def __init__(self, loss: PerceptualLoss, describer: FeatureExtractor, photos: Tensor, context: Autocast) -> None:
        self.loss, self.describer, self.context = loss, describer, context
        values = {path: value.mean(0, keepdim=True) for path, value in loss.style_target(photos).values.items()}
        self.shares, self.typical = loss.style_scales((photos.shape[2], photos.shape[3])), values

    @torch.no_grad()
    def __call__(self, picture: Tensor) -> StyleFacts:
        picture = picture.contiguous(memory_format=torch.channels_last)
        with self.context():
            statistics, target = picture_statistics(self.describer, picture), self.loss.style_target(picture)
        terms = [
            self.loss.style_term(layer, factor, share, [self.typical[layer_at(layer, factor)]], [Region(target)])
            for factor, share in self.shares.items()
            for layer in self.loss.style
        ]
        return StyleFacts(statistics, target, min(1.0, (self.FAR / float(sum(terms))) ** 0.5))


class Bank:
    """Targets of the last styles that were served, kept because taking them costs as much as painting.

    Args:
        take: Makes statistics and target of a picture.
        pictures: Serves ``(3, H, W)`` without end.
        count: How many are kept.
        device: Where.

    Attributes:
        statistics: ``(count, M)``.
        weights: ``(count,)``.
        filled: How many are there so far.
    """

    BEGIN = 48

    def __init__(self, take: StyleTargets, pictures: Iterator[Tensor], count: int, device: torch.device) -> None:
        self.take, self.pictures, self.device, self.count, self.filled, self.next = take, pictures, device, count, 0, 0
        first = [self._taken() for _ in range(min(self.BEGIN, count))]
        stacked = stack_targets([facts.target for facts in first])
        self.statistics = _spread(torch.cat([facts.statistics for facts in first]), count)
        self.weights = _spread(torch.tensor([facts.weight for facts in first], device=device), count)
        self.target = Target(
            *({p: _spread(v, count) for p, v in part.items()} for part in (stacked.values, stacked.scales))
        )
        self.filled = self.next = len(first)

    def refresh(self) -> None:
        """Take one more style, in the place of the oldest once all places are filled."""
        facts = self._taken()
        target, place = facts.target, self.next % self.count
        self.statistics[place], self.weights[place] = facts.statistics[0], facts.weight
        for path, value in target.values.items():
            self.target.values[path][place] = value[0]
            self.target.scales[path][place] = target.scales[path]
        self.next += 1
        self.filled = min(self.next, self.count)

    def draw(self, count: int) -> tuple[Tensor, Target, Tensor]:
        """Draw different styles at random: statistics ``(B, M)``, a target for each, and the weights ``(B,)``."""
        index = torch.randperm(self.filled)[:count].to(self.device)
        return self.statistics[index], select(self.target, index), self.weights[index]

    def _taken(self) -> StyleFacts:
        return self.take(next(self.pictures)[None].to(self.device))


def _spread(value: Tensor, count: int) -> Tensor:
    """Make place for ``count`` rows, the first of which are there."""
    rows = value.new_empty(count, *value.shape[1:])
    rows[: len(value)] = value
    return rows
