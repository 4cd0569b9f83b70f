"""The judge: the objective that the network was trained under, on what the user gets."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from fastnst.images import as_written
from fastnst.losses import LossConfig, PerceptualLoss, Region, by_kind

UNSEEN_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


@dataclass(frozen=True)
class Verdict:
    """The loss of one picture.

    Args:
        terms: The weighted terms of the objective, by path.
        unseen: A distance from the style that nobody optimized; 1 is that of a blank picture.
    """

    terms: dict[str, float]
    unseen: float | None = None

    @property
    def total(self) -> float:
        """The objective."""
        return sum(self.terms.values())

    def kinds(self) -> dict[str, float]:
        """Return the sums of the terms by kind: content, style, tv."""
        return by_kind(self.terms)


class Judge:
    """Judge pictures of one photograph in float32, rounded to 8 bits and clipped as they would be written.

    Args:
        loss: The objective.
        unseen: A loss of style terms alone that nobody optimizes; see :func:`unseen_loss`.
        style: What is imitated, ``(1, 3, H, W)``, RGB in [0, 1].
        photo: The photograph, ``(1, 3, H, W)``, RGB in [0, 1].
        content_scales: Those of the training; measured on ``photo`` by default.
    """

    def __init__(
        self,
        loss: PerceptualLoss,
        unseen: PerceptualLoss,
        style: Tensor,
        photo: Tensor,
        content_scales: Mapping[str, float] | None = None,
    ) -> None:
        self.loss, self.unseen, self.size = loss, unseen, photo.shape[2:]
        self.content, self.style = loss.content_target(photo, content_scales), [Region(loss.style_target(style))]
        self.no_content, self.unseen_style = unseen.content_target(photo), unseen.style_target(style)

    @torch.no_grad()
    def __call__(self, image: Tensor, closely: bool = False) -> Verdict:
        """Judge ``(1, 3, H, W)``; ``closely`` takes the unseen distance too, which is slow."""
        image = as_written(image)
        terms = self.loss(image, self.content, self.style).terms
        unseen = float(self.unseen(image, self.no_content, self.unseen_style).total) if closely else None
        return Verdict({path: float(term) for path, term in terms.items()}, unseen)


def unseen_loss(trained: LossConfig) -> PerceptualLoss:
    """Return a style distance of another statistic than the trained one: of sorted projections, and a layer deeper.

    Sliced Wasserstein distances in relu1_1 to relu4_1 of ``compact``. The usual training compares Gram matrices in the
    first three of these layers, so the statistic and relu4_1 are new to it, not the other layers. For a network that
    was trained on sliced distances, mean and covariance take their place.
    """
    style_loss = "sliced" if trained.style_loss != "sliced" else "wasserstein"
    layers = dict.fromkeys(UNSEEN_LAYERS, 1.0)
    return LossConfig(
        "compact", content={}, style=layers, style_loss=style_loss, style_weight=1.0, tv=0.0, scales={1: 1.0}
    ).build()
