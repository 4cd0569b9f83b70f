"""The loss of one picture as a function of its pixels: value and gradient, of the whole in one piece."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from fastnst.losses.perceptual import PerceptualLoss
from fastnst.losses.report import LossReport
from fastnst.losses.target import Region

Autocast = Callable[[], AbstractContextManager[object]]
"""Makes the context in which a backbone computes."""


class Objective(Protocol):
    """The loss of one picture and its gradient, as an optimizer wants it.

    Attributes:
        tiled: Whether the picture is taken in tiles.
    """

    tiled: ClassVar[bool]

    def __call__(self, image: Tensor) -> tuple[LossReport, Tensor]:
        """Return the report on ``(1, 3, H, W)``, RGB around [0, 1], and the gradient of its total, of that shape."""


class WholeLoss:
    """The loss of one picture in one piece; :class:`~fastnst.losses.TiledLoss` gives the same in less memory.

    Args:
        loss: The loss.
        photo: Photograph ``(1, 3, H, W)``, RGB in [0, 1], on the device of the loss.
        styles: What is imitated; a mask has the proportions of the photograph.
        autocast: Makes the context in which the backbone computes.
        content_scales: From :meth:`PerceptualLoss.content_scales`; measured on ``photo`` by default.
    """

    tiled: ClassVar[bool] = False

    def __init__(
        self,
        loss: PerceptualLoss,
        photo: Tensor,
        styles: Sequence[Region],
        autocast: Autocast = nullcontext,
        content_scales: Mapping[str, float] | None = None,
    ) -> None:
        self.loss, self.styles, self.autocast = loss, styles, autocast
        with self.autocast():
            self.content = loss.content_target(photo.contiguous(memory_format=torch.channels_last), content_scales)

    def __call__(self, image: Tensor) -> tuple[LossReport, Tensor]:
        """Return the report on ``(1, 3, H, W)``, RGB around [0, 1], and the gradient of its total, of that shape."""
        picture = image.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
        with torch.enable_grad(), self.autocast():
            report = self.loss(picture, self.content, self.styles)
            report.total.backward()
        assert picture.grad is not None
        return LossReport({path: term.detach() for path, term in report.terms.items()}), picture.grad.contiguous()
