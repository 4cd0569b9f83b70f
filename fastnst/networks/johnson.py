"""The transformation network of Johnson et al. as it is used today."""

from torch import Tensor, nn

from fastnst.errors import ConfigError
from fastnst.networks._base import NETWORKS, TransformationNetwork
from fastnst.networks.layers import Chain, NarrowConv, Residual, Upsample, conv_norm
from fastnst.networks.norm import Apply


@NETWORKS.register("johnson")
class Johnson(TransformationNetwork):
    """Two strided convolutions down, residual blocks at a quarter of the resolution, two upsamplings back.

    Args:
        width: Channels at full resolution; twice as many at half and four times at a quarter.
        blocks: Residual blocks.

    1,679,235 parameters at the default width of 32 with five blocks. Differs from the paper as its successors do:
    instance for batch normalization, reflected borders in every convolution, nearest-neighbor upsampling with a
    convolution for the transposed convolutions, and a linear output in place of the scaled tanh.

    Source: Johnson, Alahi, Fei-Fei. Perceptual Losses for Real-Time Style Transfer and Super-Resolution. ECCV 2016,
    supplementary table 1.
    """

    size_multiple = 4
    min_size = 8

    def __init__(self, width: int = 32, blocks: int = 5) -> None:
        super().__init__()
        if width < 1 or blocks < 0:
            raise ConfigError(f"johnson needs a width of at least 1 and no negative blocks, got {width} and {blocks}")
        self.config = {"width": width, "blocks": blocks}
        # To either side: 9x9, two strided 3x3, two 3x3 at stride 4 per block, two upsampled 3x3, 9x9, 3 by alignment.
        self.receptive_field = 2 * (4 + 1 + 2 + 8 * blocks + 2 + 1 + 4 + 3) + 1
        self.layers = Chain(
            *conv_norm(3, width, 9),
            nn.ReLU(inplace=True),
            *conv_norm(width, 2 * width, 3, stride=2),
            nn.ReLU(inplace=True),
            *conv_norm(2 * width, 4 * width, 3, stride=2),
            nn.ReLU(inplace=True),
            *(Residual(4 * width) for _ in range(blocks)),
            Upsample(4 * width, 2 * width),
            nn.ReLU(inplace=True),
            Upsample(2 * width, width),
            nn.ReLU(inplace=True),
        )
        self.output = NarrowConv(width, 3, 9)
        nn.init.constant_(self.output.bias, 0.5)  # type: ignore[arg-type]  # start at gray, the middle of the range

    def transform(self, images: Tensor, norms: Apply) -> Tensor:
        dtype = next(self.layers.parameters()).dtype
        return self.output(self.layers(images.to(dtype), norms).to(self.output.weight.dtype))
