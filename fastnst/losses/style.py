"""Style losses: what is remembered of a style picture's features, and how far another picture is from it."""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.losses.functional import gram, mean_covariance, mean_deviation, projections, quantiles, root
from fastnst.registry import Registry


class StyleLoss(nn.Module, ABC):
    """Compare a statistic of feature maps that forgets where things are.

    Without memory: the target is an argument.
    """

    @abstractmethod
    def target(self, features: Tensor) -> Tensor:
        """Summarize ``(B, C, H, W)`` of one layer; the first axis of the result is the picture."""

    @abstractmethod
    def forward(self, features: Tensor, target: Tensor) -> Tensor:
        """Return the distance of ``(B, C, H, W)`` from a target of one style, or one per image, as a scalar."""


STYLE_LOSSES: Registry[type[StyleLoss]] = Registry("style loss")
"""Style losses by the name that configs and checkpoints use."""


@STYLE_LOSSES.register("gram")
class GramLoss(StyleLoss):
    """Compare the channel correlations of two feature maps.

    The statistic is the Gram matrix divided by the positions ``H * W``; the loss is the mean squared difference of
    its ``C * C`` entries, averaged over the batch. A picture of any size may serve as style for an image of any other.

    Shapes:
        features: ``(B, C, H, W)``.
        target: ``(B, C, C)``, or ``(1, C, C)`` to hold every image of the batch to one style.

    Equals the style loss of Johnson et al. as printed and four times eq. 4 below. Most programs divide by ``C`` once
    more, which weakens a layer by ``C**2``: divide their layer weights by that before comparing.

    Source: Gatys, Ecker, Bethge. Image Style Transfer Using Convolutional Neural Networks. CVPR 2016, eq. 3-5.
    """

    def target(self, features: Tensor) -> Tensor:
        return gram(features)

    def forward(self, features: Tensor, target: Tensor) -> Tensor:
        statistic = gram(features)
        return F.mse_loss(statistic, target.expand_as(statistic))


@STYLE_LOSSES.register("moments")
class MomentsLoss(StyleLoss):
    """Compare the mean and the standard deviation of every channel.

    The loss is the mean squared difference of the ``2 * C`` numbers, averaged over the batch. Cheap, and blind to what
    channels do together: colors and textures come over, strokes less than with Gram matrices.

    Shapes:
        features: ``(B, C, H, W)``.
        target: ``(B, 2, C)``, or ``(1, 2, C)`` to hold every image of the batch to one style.

    Source: Li, Wang, Liu, Hou. Demystifying Neural Style Transfer. IJCAI 2017, section 4.2; Huang, Belongie. Arbitrary
    Style Transfer in Real-time with Adaptive Instance Normalization. ICCV 2017, eq. 13.
    """

    def target(self, features: Tensor) -> Tensor:
        return torch.stack(mean_deviation(features), 1)

    def forward(self, features: Tensor, target: Tensor) -> Tensor:
        statistic = self.target(features)
        return F.mse_loss(statistic, target.expand_as(statistic))


@STYLE_LOSSES.register("wasserstein")
class WassersteinLoss(StyleLoss):
    """Compare feature vectors as Gaussians: what it costs to carry one cloud over to the other.

    With means ``m`` and covariances ``S`` of image and style the loss is
    ``|m1 - m2|^2 + tr(S1 + S2 - 2 (S2^1/2 S1 S2^1/2)^1/2)``, divided by the channels and averaged over the batch.

    Shapes:
        features: ``(B, C, H, W)``.
        target: ``(B, 1 + C, C)``, the mean above the covariance, or one for all images of the batch.

    Source: Olkin, Pukelsheim. The distance between two random vectors with given dispersion matrices. Linear Algebra
    and its Applications 48, 1982.
    """

    def target(self, features: Tensor) -> Tensor:
        mean, covariance = mean_covariance(features)
        return torch.cat([mean[:, None], covariance], 1)

    def forward(self, features: Tensor, target: Tensor) -> Tensor:
        mean, covariance = mean_covariance(features)
        goal, spread = target[:, 0], target[:, 1:]
        half = root(spread)
        common = torch.linalg.eigvalsh(half @ covariance @ half)
        # A root's slope is infinite at zero, where directions without any spread are.
        least = 1e-8 * common.detach().amax(1, keepdim=True).clamp_min(1e-12)
        shared = torch.maximum(common, least).sqrt().sum(1)
        apart = (mean - goal).square().sum(1) + _trace(covariance) + _trace(spread) - 2 * shared
        return apart.mean() / mean.shape[1]


@STYLE_LOSSES.register("sliced")
class SlicedLoss(StyleLoss):
    """Compare the whole distribution of feature vectors, seen from as many fixed random directions as channels.

    Along each direction the sorted values of the image are held to the quantiles of the style; the loss is the mean
    squared difference. Sees what no mean or covariance shows, at the price of sorting.

    Shapes:
        features: ``(B, C, H, W)``.
        target: ``(B, C, Q)``, quantiles by direction, or one for all images of the batch.

    Source: Heitz, Vanhoey, Chambon, Belcour. A Sliced Wasserstein Loss for Neural Texture Synthesis. CVPR 2021; there
    with new directions at every step.
    """

    MOST_QUANTILES = 4096

    def target(self, features: Tensor) -> Tensor:
        ordered = projections(features)
        return quantiles(ordered, min(ordered.shape[2], self.MOST_QUANTILES))

    def forward(self, features: Tensor, target: Tensor) -> Tensor:
        ordered = projections(features)
        return F.mse_loss(ordered, quantiles(target, ordered.shape[2]).expand_as(ordered))


def _trace(matrices: Tensor) -> Tensor:
    return matrices.diagonal(dim1=1, dim2=2).sum(1)
