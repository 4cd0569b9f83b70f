"""Building blocks of transformation networks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def conv(channels_in: int, channels: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    """Convolve with reflected borders, which leave no frame in the picture."""
    padding = kernel // 2
    return nn.Conv2d(channels_in, channels, kernel, stride, padding, groups=groups, padding_mode="reflect")


class NarrowConv(nn.Conv2d):
    """Convolve, with reflected borders, to so few channels that most of a vector register would stay empty.

    On a CPU, without gradients, the K rows of the filters are computed at once, as if they were K times as many
    filters, and what they give is shifted and added up: less than half the time from 32 to 3 channels by 9x9.
    """

    def __init__(self, channels_in: int, channels: int, kernel: int) -> None:
        super().__init__(channels_in, channels, kernel, padding=kernel // 2, padding_mode="reflect")

    def forward(self, x: Tensor) -> Tensor:
        if torch.is_grad_enabled() or x.device.type != "cpu":
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


class InstanceNorm(nn.Module):
    """Normalize every channel of every image, then scale and shift it by learned numbers.

    On a CPU the same formula goes by other kernels: torch's own copies channels-last images to and fro. Group norm with
    a group per channel is two to ten times faster forward, but slower backward, where batch norm of single images is
    the fastest.

    Source: Ulyanov, Vedaldi, Lempitsky. Instance Normalization. arXiv:1607.08022.
    """

    eps = 1e-5

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu":
            return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)
        if not torch.is_grad_enabled():
            return F.group_norm(x, x.shape[1], self.weight, self.bias, self.eps)
        return torch.cat([self._single(image) for image in x.split(1)])

    def _single(self, image: Tensor) -> Tensor:
        return F.batch_norm(image, None, None, self.weight, self.bias, training=True, eps=self.eps)


def conv_norm(channels_in: int, channels: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    """Convolve and normalize."""
    return [conv(channels_in, channels, kernel, stride), InstanceNorm(channels)]


class Residual(nn.Module):
    """Add two normalized 3x3 convolutions to what comes in; no activation behind the sum (Gross, Wilber 2016)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *conv_norm(channels, channels, 3), nn.ReLU(inplace=True), *conv_norm(channels, channels, 3)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Inverted(nn.Module):
    """Widen by a 1x1 convolution, look around in every channel alone, narrow again, and add to what came in.

    About a quarter of the arithmetic of :class:`Residual` at the same width.

    Source: Sandler, Howard, Zhu, Zhmoginov, Chen. MobileNetV2: Inverted Residuals and Linear Bottlenecks. CVPR 2018.
    """

    def __init__(self, channels: int, widen: int = 2) -> None:
        super().__init__()
        wide = widen * channels
        self.body = nn.Sequential(
            conv(channels, wide, 1),
            nn.ReLU(inplace=True),
            conv(wide, wide, 3, groups=wide),
            InstanceNorm(wide),
            nn.ReLU(inplace=True),
            *conv_norm(wide, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


class Upsample(nn.Sequential):
    """Double the resolution by nearest neighbor, then convolve: no checkerboard.

    Source: Odena, Dumoulin, Olah. Deconvolution and Checkerboard Artifacts. Distill 2016.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__(nn.Upsample(scale_factor=2), *conv_norm(channels_in, channels, 3))
