"""Style losses: what is remembered of a style picture's features, and how far another picture is from it."""

from abc import ABC, abstractmethod

import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.losses.functional import gram
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
