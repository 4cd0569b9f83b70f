"""One photograph and its styles at every size: the canvas that is optimized, and its objective."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from fastnst.images import resize
from fastnst.losses import Objective, PerceptualLoss
from fastnst.losses.whole import Autocast
from fastnst.optimize.canvas import Canvas, Network, Pixels
from fastnst.optimize.config import OptimizeConfig
from fastnst.optimize.objective import Style, make_objective, make_regions
from fastnst.optimize.schedule import Stage, plan_stages


class Problem:
    """The canvas and the objective of every stage.

    Args:
        content: Photograph ``(1, 3, H, W)``, RGB in [0, 1]; the result has its size.
        styles: What to imitate.
        loss: The loss, on the same device.
        config: How to optimize.
        first: The picture to begin with, of any size; the photograph by default.
        content_scales: What each content term is divided by; measured on ``content`` at each size by default.
    """

    def __init__(
        self,
        content: Tensor,
        styles: Sequence[Style],
        loss: PerceptualLoss,
        config: OptimizeConfig,
        first: Tensor | None = None,
        content_scales: Mapping[str, float] | None = None,
    ) -> None:
        self.content, self.styles, self.loss, self.config, self.first = content, styles, loss, config, first
        self.content_scales = content_scales

    def stages(self, refine: bool) -> list[Stage]:
        """Plan the sizes; only the full one where a given picture is refined, unless the config asks for more."""
        height, width = self.content.shape[2:]
        least = self.loss.min_size
        count = self.config.stages or (1 if refine else None)
        return plan_stages(height, width, self.config.budget(refine).steps, count, least)

    def canvas(self, stage: Stage) -> Canvas:
        """Return the canvas of a stage."""
        photo, mask = resize(self.content, stage.height, stage.width), self._mask(stage)
        if self.config.parameterization == "hrnet":
            return Network(photo, mask, seed=self.config.seed)
        return Pixels(photo, mask, self.first)

    def objective(self, canvas: Canvas, autocast: Autocast) -> Objective:
        """Return the loss of pictures of a canvas's size."""
        height, width = canvas.photo.shape[2:]
        regions = make_regions(self.loss, self.styles, height, width, height / self.content.shape[2])
        return make_objective(self.loss, canvas.photo, regions, self.config.tile, autocast, self.content_scales)

    def _mask(self, stage: Stage) -> Tensor | None:
        """Return where any style is wanted; everywhere if one of them has no mask."""
        masks = [style.mask for style in self.styles if style.mask is not None]
        if not masks or len(masks) < len(self.styles):
            return None
        return torch.stack([resize(mask, stage.height, stage.width) for mask in masks]).sum(0).clamp(0, 1)
