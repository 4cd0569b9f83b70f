"""The first version of ``lite``, by which styles published before December 2026 are painted."""

import torch
from torch import Tensor, nn

from fastnst.errors import ConfigError
from fastnst.networks._base import NETWORKS, TransformationNetwork
from fastnst.networks.layers import Chain, Inverted, Upsample, conv, conv_norm
from fastnst.networks.norm import Apply


@NETWORKS.register("lite1")
class Lite1(TransformationNetwork):
    """Fold 4x4 pixels into channels, apply inverted residuals, upsample once, unfold channels to 2x2 pixels.

    Args:
        width: Channels at a quarter of the resolution.
        blocks: Inverted residuals.
        detail: Channels at half the resolution.

    The first and the last layer trade resolution for channels (sub-pixel convolution), so no feature map has the full
    resolution; the step from a quarter to a half is a resize-convolution, which avoids visible blocks.

    Sources: Shi et al., Efficient Sub-Pixel Convolution, CVPR 2016; Sandler et al., MobileNetV2, CVPR 2018;
    Aitken et al., Checkerboard artifact free sub-pixel convolution, arXiv:1707.02937 (the output's initialization).
    """

    size_multiple = 4
    min_size = 8

    def __init__(self, width: int = 32, blocks: int = 4, detail: int = 16) -> None:
        super().__init__()
        if width < 1 or blocks < 0 or detail < 1:
            raise ConfigError(
                f"lite1 needs a width and detail of at least 1 and no negative blocks, got {width}, {detail}, {blocks}"
            )
        self.config = {"width": width, "blocks": blocks, "detail": detail}
        # To either side: 3x3 at stride 4 and one per block, two 3x3 at stride 2, 3 by alignment.
        self.receptive_field = 2 * (4 + 4 * blocks + 4 + 3) + 1
        self.layers = Chain(
            nn.PixelUnshuffle(4),
            *conv_norm(48, width, 3),
            nn.ReLU(inplace=True),
            *(Inverted(width) for _ in range(blocks)),
            nn.ReLU(inplace=blocks > 0),  # not over another's result, which its gradient needs
            Upsample(width, detail),
            nn.ReLU(inplace=True),
        )
        last = conv(detail, 12, 3)
        _begin_smooth(last)
        self.output = nn.Sequential(last, nn.PixelShuffle(2))
        for _, norm in self.named_norms():
            norm.eps = 1e-5  # as it was trained

    def transform(self, images: Tensor, norms: Apply) -> Tensor:
        dtype = next(self.layers.parameters()).dtype
        return self.output(self.layers(images.to(dtype), norms).to(next(self.output.parameters()).dtype))


@torch.no_grad()
def _begin_smooth(last: nn.Conv2d) -> None:
    """Initialize the four pixels of a block equally, at gray, so that there is no checkerboard to unlearn."""
    filters = last.weight.unflatten(0, (3, 4))
    filters.copy_(filters[:, :1].expand_as(filters).clone())
    assert last.bias is not None, "a convolution is made with one"
    nn.init.constant_(last.bias, 0.5)
