"""Building blocks of transformation networks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.convolution import Convolution
from fastnst.networks.norm import Apply, InstanceNorm, exporting, own


def conv(channels_in: int, channels: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Convolve with reflected borders, which leave no frame in the picture."""
    padding = kernel // 2
    return Convolution(channels_in, channels, kernel, stride, padding, groups=groups, padding_mode="reflect")


class NarrowConv(Convolution):
    """Convolve, with reflected borders, to so few channels that most of a vector register would stay empty.

    On a CPU, without gradients, the K rows of the filters are computed at once, as if they were K times as many
    filters, and their results are shifted and added up: less than half the time from 32 to 3 channels by 9x9.
    """

    def __init__(self, channels_in: int, channels: int, kernel: int) -> None:
        super().__init__(channels_in, channels, kernel, padding=kernel // 2, padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() or x.device.type != "cpu" or exporting():
            return super().forward(x)
        kernel, height = self.kernel_size[0], x.shape[2]
        rows = self.weight.permute(2, 0, 1, 3).flatten(0, 1).unsqueeze(2)  # (K*C', C, 1, K)
        painted = F.conv2d(F.pad(x, (kernel // 2,) * 4, mode="reflect"), rows)  # (B, K*C', H+K-1, W)
        shifted = [part[:, :, row : row + height] for row, part in enumerate(painted.chunk(kernel, dim=1))]
        assert self.bias is not None, "a convolution is made with one"
        total = shifted[0] + self.bias.view(1, -1, 1, 1)
        for part in shifted[1:]:
            total += part
        return total


def conv_norm(
    channels_in: int, channels: int, kernel: int, stride: int = 1, affine: bool = True
) -> tuple[nn.Conv2d, InstanceNorm]:
    """Convolve and normalize."""
    return conv(channels_in, channels, kernel, stride), InstanceNorm(channels, affine)


class Block(nn.Module):
    """Layers with norms among them, which are applied as ``norms(norm, x)``."""

    def forward(self, x: Tensor, norms: Apply = own) -> Tensor:
        raise NotImplementedError


class Chain(Block, nn.Sequential):
    """Apply layers one after another, and hand to those with norms how to apply them."""

    def forward(self, x: Tensor, norms: Apply = own) -> Tensor:
        for layer in self:
            if isinstance(layer, InstanceNorm):
                x = norms(layer, x)
            else:
                x = layer(x, norms) if isinstance(layer, Block) else layer(x)
        return x


class Residual(Block):
    """Add two normalized 3x3 convolutions to the input; no activation behind the sum (Gross, Wilber 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = Chain(*conv_norm(channels, channels, 3), nn.ReLU(inplace=True), *conv_norm(channels, channels, 3))

    def forward(self, x: Tensor, norms: Apply = own) -> Tensor:
        return x + self.body(x, norms)


class Inverted(Block):
    """Widen by a 1x1 convolution, convolve every channel alone by 3x3, narrow again, and add the input.

    About a quarter of the arithmetic of :class:`Residual` at the same width.

    Source: Sandler, Howard, Zhu, Zhmoginov, Chen. MobileNetV2: Inverted Residuals and Linear Bottlenecks. CVPR 2018.
    """

    def __init__(self, channels: int, widen: int = 2) -> None:
        super().__init__()
        wide = widen * channels
        self.body = Chain(
            conv(channels, wide, 1),
            nn.ReLU(inplace=True),
            conv(wide, wide, 3, groups=wide),
            InstanceNorm(wide),
            nn.ReLU(inplace=True),
            *conv_norm(wide, channels, 1),
        )

    def forward(self, x: Tensor, norms: Apply = own) -> Tensor:
        return x + self.body(x, norms)


class Upsample(Chain):
    """Double the resolution by nearest neighbor, then convolve: no checkerboard.

    Source: Odena, Dumoulin, Olah. Deconvolution and Checkerboard Artifacts. Distill 2016.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__(nn.Upsample(scale_factor=2), *conv_norm(channels_in, channels, 3))
