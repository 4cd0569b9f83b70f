"""Building blocks of transformation networks."""

from torch import Tensor, nn


def conv(channels_in: int, channels: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """Convolve with reflected borders, which leave no frame in the picture."""
    return nn.Conv2d(channels_in, channels, kernel, stride, padding=kernel // 2, padding_mode="reflect")


def norm(channels: int) -> nn.InstanceNorm2d:
    """Normalize every channel of every image, then scale and shift it by learned numbers.

    Source: Ulyanov, Vedaldi, Lempitsky. Instance Normalization. arXiv:1607.08022.
    """
    return nn.InstanceNorm2d(channels, affine=True)


def conv_norm(channels_in: int, channels: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """Convolve and normalize."""
    return [conv(channels_in, channels, kernel, stride), norm(channels)]


class Residual(nn.Module):
    """Add two normalized 3x3 convolutions to what comes in; no activation behind the sum (Gross, Wilber 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*conv_norm(channels, channels, 3), nn.ReLU(), *conv_norm(channels, channels, 3))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Upsample(nn.Sequential):
    """Double the resolution by nearest neighbor, then convolve: no checkerboard.

    Source: Odena, Dumoulin, Olah. Deconvolution and Checkerboard Artifacts. Distill 2016.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__(nn.Upsample(scale_factor=2), *conv_norm(channels_in, channels, 3))
