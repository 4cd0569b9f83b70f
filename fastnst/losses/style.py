"""Style losses: statistics of a style picture's features, and their distance from another picture's."""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.losses.functional import projections, quantiles, root, weighted_gram, weighted_mean, wide
from fastnst.registry import Registry


class StyleLoss(nn.Module, ABC):
    """Compare a statistic of feature maps that forgets where things are.

    Without memory: the target is an argument.

    Attributes:
        additive: The summary of a picture is the average of those of its parts, so that it can be taken in tiles.
    """

    additive: ClassVar[bool] = True

    @abstractmethod
    def summary(self, features: Tensor, weights: Tensor | None = None) -> Tensor:
        """Summarize ``(B, C, H, W)`` of one layer; the first axis of the result is the picture.

        Args:
            features: Of a style picture or a stylized one.
            weights: How much each position counts, ``(1, 1, H, W)``, at least 0; all alike by default.
        """

    @abstractmethod
    def distance(self, summary: Tensor, target: Tensor) -> Tensor:
        """Return the distance of each summary ``(B, ...)`` from the target of one style, or from its own: ``(B,)``."""

    def target(self, features: Tensor) -> Tensor:
        """Return what pictures are compared with: the summary of a style's ``(B, C, H, W)``."""
        return self.summary(features)

    def forward(self, features: Tensor, target: Tensor) -> Tensor:
        """Return the distance of each of ``(B, C, H, W)`` from a target: ``(B,)``."""
        return self.distance(self.summary(features), target)


RIDGE = 1e-4
"""Variance added in every direction, as a share of the style's mean variance: a root is steep where there is none."""

STYLE_LOSSES: Registry[type[StyleLoss]] = Registry("style loss")
"""Style losses by the name that configs and checkpoints use."""


@STYLE_LOSSES.register("gram")
class GramLoss(StyleLoss):
    """Compare the channel correlations of two feature maps.

    The statistic is the Gram matrix divided by the positions ``H * W``; the loss is the mean squared difference of
    its ``C * C`` entries. A picture of any size may serve as style for an image of any other.

    Shapes:
        features: ``(B, C, H, W)``.
        target: ``(B, C, C)``, or ``(1, C, C)`` to hold every image of the batch to one style.

    Equals the style loss of Johnson et al. as printed and four times eq. 4 below. Most programs divide by ``C`` once
    more, which weakens a layer by ``C**2``: divide their layer weights by that before comparing.

    Source: Gatys, Ecker, Bethge. Image Style Transfer Using Convolutional Neural Networks. CVPR 2016, eq. 3-5.
    """

    def summary(self, features: Tensor, weights: Tensor | None = None) -> Tensor:
        return weighted_gram(features, weights)

    def distance(self, summary: Tensor, target: Tensor) -> Tensor:
        return _mean_squares(summary, target)


@STYLE_LOSSES.register("moments")
class MomentsLoss(StyleLoss):
    """Compare the mean and the standard deviation of every channel.

    The loss is the mean squared difference of the ``2 * C`` numbers. Cheap, and blind to what
    channels do together: it transfers colors and textures, strokes less well than Gram matrices do.

    Shapes:
        features: ``(B, C, H, W)``.
        target: ``(B, 2, C)``, means above mean squares, or ``(1, 2, C)`` to hold every image of the batch to one
            style.

    Source: Li, Wang, Liu, Hou. Demystifying Neural Style Transfer. IJCAI 2017, section 4.2; Huang, Belongie. Arbitrary
    Style Transfer in Real-time with Adaptive Instance Normalization. ICCV 2017, eq. 13.
    """

    def summary(self, features: Tensor, weights: Tensor | None = None) -> Tensor:
        values = wide(features)
        return torch.stack([weighted_mean(values, weights), weighted_mean(values.square(), weights)], 1)

    def distance(self, summary: Tensor, target: Tensor) -> Tensor:
        ours, theirs = _mean_deviation(summary), _mean_deviation(target)
        return _mean_squares(ours, theirs)


@STYLE_LOSSES.register("wasserstein")
class WassersteinLoss(StyleLoss):
    """Compare feature vectors as Gaussians: the cost of optimal transport from one to the other.

    With means ``m`` and covariances ``S`` of image and style the loss is
    ``|m1 - m2|^2 + tr(S1 + S2 - 2 (S2^1/2 S1 S2^1/2)^1/2)``, divided by the channels;
    both covariances with a ridge of :data:`RIDGE`, as Crowson's program has one.

    Shapes:
        features: ``(B, C, H, W)``.
        target: ``(B, 1 + C, C)``, the mean above the mean outer product, or one for all images of the batch.

    Source: Olkin, Pukelsheim. The distance between two random vectors with given dispersion matrices. Linear Algebra
    and its Applications 48, 1982.
    """

    def summary(self, features: Tensor, weights: Tensor | None = None) -> Tensor:
        values = wide(features)
        return torch.cat([weighted_mean(values, weights)[:, None], weighted_gram(values, weights)], 1)

    def distance(self, summary: Tensor, target: Tensor) -> Tensor:
        # Traces that almost cancel, and roots near zero, need more digits than float32 has.
        mean, covariance = _mean_covariance(_exact(summary))
        goal, spread = _mean_covariance(_exact(target))
        ridge = (
            RIDGE
            * _trace(spread)[:, None, None]
            / mean.shape[1]
            * torch.eye(mean.shape[1], dtype=mean.dtype, device=mean.device)
        )
        covariance, spread = covariance + ridge, spread + ridge
        half = root(spread)
        common = torch.linalg.eigvalsh(half @ covariance @ half)
        # The derivative of a root is infinite at zero: in directions without any variance.
        least = 1e-8 * common.detach().amax(1, keepdim=True).clamp_min(1e-12)
        shared = torch.maximum(common, least).sqrt().sum(1)
        distance = (mean - goal).square().sum(1) + _trace(covariance) + _trace(spread) - 2 * shared
        return (distance / mean.shape[1]).to(summary)


@STYLE_LOSSES.register("sliced")
class SlicedLoss(StyleLoss):
    """Compare the whole distribution of feature vectors, seen from as many fixed random directions as channels.

    Along each direction the sorted values of the image are held to the quantiles of the style; the loss is the mean
    squared difference. Sensitive to more than mean and covariance, and slower: it sorts.

    Shapes:
        features: ``(B, C, H, W)``.
        target: ``(B, C, Q)``, quantiles by direction, or one for all images of the batch.

    Source: Heitz, Vanhoey, Chambon, Belcour. A Sliced Wasserstein Loss for Neural Texture Synthesis. CVPR 2021; there
    with new directions at every step.
    """

    additive = False
    MOST_QUANTILES = 4096

    def summary(self, features: Tensor, weights: Tensor | None = None) -> Tensor:
        vectors = features.flatten(2)
        if weights is not None:  # a sorted position counts or does not
            vectors = vectors[..., weights.flatten() >= 0.5 * weights.max()]
        return projections(vectors)

    def distance(self, summary: Tensor, target: Tensor) -> Tensor:
        return _mean_squares(summary, quantiles(target, summary.shape[2]))

    def target(self, features: Tensor) -> Tensor:
        ordered = self.summary(features)
        return quantiles(ordered, min(ordered.shape[2], self.MOST_QUANTILES))


def _exact(values: Tensor) -> Tensor:
    """Convert to float64, on the processor where the device has none."""
    return (values.cpu() if values.device.type == "mps" else values).double()


def _mean_squares(ours: Tensor, theirs: Tensor) -> Tensor:
    """Average the squared differences of each row: ``(B,)``."""
    return F.mse_loss(ours, theirs.expand_as(ours), reduction="none").flatten(1).mean(1)


def _mean_deviation(summary: Tensor) -> Tensor:
    mean, square = summary.unbind(1)
    return torch.stack([mean, ((square - mean.square()).clamp_min(0) + 1e-8).sqrt()], 1)  # 1e-8 for flat channels


def _mean_covariance(summary: Tensor) -> tuple[Tensor, Tensor]:
    mean, outer = summary[:, 0], summary[:, 1:]
    return mean, outer - mean[:, :, None] * mean[:, None]


def _trace(matrices: Tensor) -> Tensor:
    return matrices.diagonal(dim1=1, dim2=2).sum(1)
