"""A light transformation network: almost all arithmetic is done at a quarter and an eighth of the resolution."""

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.errors import ConfigError
from fastnst.networks._base import NETWORKS, TransformationNetwork
from fastnst.networks.layers import Chain, Inverted, conv_norm
from fastnst.networks.norm import Apply, InstanceNorm
from fastnst.networks.resize import AddPhotograph, BlockConv, ResizeConv


@NETWORKS.register("lite")
class Lite(TransformationNetwork):
    """Halve the resolution thrice, apply inverted residuals at an eighth and at a quarter of it, and come back.

    Args:
        width: Channels at a quarter of the resolution.
        blocks: Inverted residuals there.
        detail: Channels at half the resolution.
        deep: Channels at an eighth of the resolution, whose result is added at a quarter: large shapes.
        deep_blocks: Inverted residuals there.
        full: Channels at the full resolution.
        crisp: Detail of the photograph that is finer than this, pixels, and what is coarser are added to the painting
            as much as the last layer says: 2, 4 or 8, or 0 to add nothing.

    The first layer folds 2x2 pixels into channels. Features at half the resolution skip the rest, which keeps the
    photograph's edges sharp. Every step up is a resize-convolution of means: a sub-pixel convolution, with filters of
    its own for every pixel of a block, paints a mesh into empty skies. What that smooths, a rectified layer of few
    channels at the full resolution makes sharp again, alike at every pixel. What the photograph alone has, its finest
    detail and its colors, is added to the painting as much as a fourth and a fifth channel say.

    Sources: Sandler et al., MobileNetV2, CVPR 2018 (inverted residuals); Ronneberger, Fischer, Brox, U-Net, MICCAI 2015
    (skips); Odena, Dumoulin, Olah, Deconvolution and Checkerboard Artifacts, Distill 2016.
    """

    size_multiple = 8
    min_size = 16

    output: BlockConv

    def __init__(
        self,
        width: int = 32,
        blocks: int = 4,
        detail: int = 16,
        deep: int = 48,
        deep_blocks: int = 4,
        full: int = 8,
        crisp: int = 4,
    ) -> None:
        super().__init__()
        if min(width, detail, deep, full) < 1 or min(blocks, deep_blocks) < 0:
            raise ConfigError(
                f"{type(self).__name__.lower()} needs a width, detail, deep and full of at least 1 and no negative "
                f"blocks, got {width}, {detail}, {deep}, {full}, {blocks} and {deep_blocks}"
            )
        if crisp not in (0, 2, 4, 8):
            raise ConfigError(f"{type(self).__name__.lower()} needs a crisp of 2, 4 or 8, or 0 for none, got {crisp}")
        self.config = {
            "width": width,
            "blocks": blocks,
            "detail": detail,
            "deep": deep,
            "deep_blocks": deep_blocks,
            "full": full,
            "crisp": crisp,
        }
        # To either side: 3x3 at stride 2 twice and at 4, one per block, resizing to 2, 4 and 8, one for the output, and
        # 14 by means and alignment.
        self.receptive_field = 2 * (2 + 2 + 4 + 4 * blocks + 8 * deep_blocks + 2 + 4 + 8 + 1 + 14) + 1
        self.stem = Chain(nn.PixelUnshuffle(2), *conv_norm(12, detail, 3), nn.ReLU(inplace=True))
        self.down = Chain(*conv_norm(detail, width, 3, stride=2), nn.ReLU(inplace=True))
        self.deep = Chain(
            *conv_norm(width, deep, 3, stride=2),
            nn.ReLU(inplace=True),
            *(Inverted(deep) for _ in range(deep_blocks)),
            nn.ReLU(inplace=deep_blocks > 0),  # not over another's result, which its gradient needs
            ResizeConv(deep, width),
            InstanceNorm(width),
        )
        self.blocks = Chain(*(Inverted(width) for _ in range(blocks)), nn.ReLU(inplace=True))
        self.up = Chain(ResizeConv(width, detail), InstanceNorm(detail))
        self.skip = Chain(*conv_norm(detail, detail, 1))
        nn.init.zeros_(
            cast(Tensor, self.skip[1].weight)
        )  # painting is learned first, what to keep of the photograph is added
        self.full = Chain(ResizeConv(detail, full, blocks=True), nn.ReLU(inplace=True))
        self.output = BlockConv(full, 5 if crisp else 3)
        nn.init.constant_(self.output.bias, 0.5)  # start at gray, the middle of the range, and half of the detail
        nn.init.zeros_(self.output.bias[4:])
        self.means = nn.AvgPool2d(crisp) if crisp else None
        self.add_photograph = AddPhotograph(crisp) if crisp else None

    def transform(self, images: Tensor, norms: Apply) -> Tensor:
        half = self.stem(images.to(next(self.stem.parameters()).dtype), norms)
        quarter = self.down(half, norms)
        quarter = quarter + self.deep(quarter, norms)
        painted = self.up(self.blocks(quarter, norms), norms) + self.skip(half, norms)
        painting: Tensor = self.output(self.full(F.relu(painted, inplace=True)))
        if self.means is None or self.add_photograph is None:
            return painting
        return self.add_photograph(painting, images, self.means(images))
