"""Building blocks of transformation networks."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.convolution import Convolution, border
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


class ResizeConv(nn.Module):
    """Double the resolution by bilinear interpolation, then convolve by 3x3: neither a checkerboard nor blocks.

    Neither the enlarged features nor their gradient are ever made: a pixel of the result is one of four weighted sums
    of features, so a convolution at the low resolution and a sub-pixel unfolding do the same.

    Args:
        channels_in: Of the features.
        channels: Of the result.
        means: Interpolate between the means of 2x2 neighbors. Of features that alternate from pixel to pixel, a mesh,
            interpolation between the features themselves leaves half, this nothing.
        shuffle: Return ``(B, C, 2H, 2W)``; else ``(B, 4C, H, W)``, each block of 2x2 pixels in the channels.

    Source: Odena, Dumoulin, Olah. Deconvolution and Checkerboard Artifacts. Distill 2016; there by nearest neighbor,
    which leaves steps of two pixels in smooth skies.
    """

    taps: Tensor

    def __init__(self, channels_in: int, channels: int, means: bool = False, shuffle: bool = True) -> None:
        super().__init__()
        conv = nn.Conv2d(channels_in, channels, 3)
        assert conv.bias is not None, "a convolution is made with one"
        self.weight, self.bias = conv.weight, conv.bias
        # What each of some low rows (first index) adds to each of the three high rows around an even and an odd one.
        if means:
            even = [[0.25, 0, 0], [0.75, 0.75, 0.25], [0, 0.25, 0.75], [0, 0, 0]]
            odd = [[0, 0, 0], [0.75, 0.25, 0], [0.25, 0.75, 0.75], [0, 0, 0.25]]
        else:
            even = [[0.75, 0.25, 0], [0.25, 0.75, 0.75], [0, 0, 0.25]]
            odd = [[0.25, 0, 0], [0.75, 0.75, 0.25], [0, 0.25, 0.75]]
        self.register_buffer("taps", torch.tensor([even, odd], dtype=torch.float32), persistent=False)
        self.means, self.shuffle = means, shuffle

    def forward(self, x: Tensor) -> Tensor:
        low = border(x, [self.border] * 4, "replicate")
        if self.means:
            low = F.conv2d(low, low.new_full((low.shape[1], 1, 2, 2), 0.25), groups=low.shape[1])
        filters, bias = self.unfolded()
        if not torch.is_autocast_enabled(x.device.type):
            low = low.to(bias.dtype)
        result = F.conv2d(low, filters, bias)
        return F.pixel_shuffle(result, 2) if self.shuffle else result

    @property
    def border(self) -> int:
        """Low pixels that are repeated around the features."""
        return 2 if self.means else 1

    def unfolded(self) -> tuple[Tensor, Tensor]:
        """Return filters ``(4C, C_in, K, K)`` and bias ``(4C,)`` of the convolution at the low resolution."""
        taps = self.taps.to(self.weight.dtype)
        filters = torch.einsum("pak,qbl,oikl->opqiab", taps, taps, self.weight).flatten(0, 2)
        return filters, self.bias.repeat_interleave(4)


class BlockConv(nn.Module):
    """Convolve by 3x3 what has each block of 2x2 pixels in its channels: ``(B, 4C, H, W)`` to ``(B, C', 2H, 2W)``.

    The same as unfolding the blocks and convolving with reflected borders, but features at the full resolution, slow to
    write and to read, are never made.
    """

    places: Tensor

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        conv = nn.Conv2d(channels_in, channels, 3)
        assert conv.bias is not None, "a convolution is made with one"
        self.weight, self.bias = conv.weight, conv.bias
        # For pixel p of a block, where tap k reads: which block (before, same, after) and which pixel of that.
        places = torch.zeros(2, 3, 3, 2)
        for pixel in (0, 1):
            for tap in (0, 1, 2):
                row = pixel + tap - 1
                places[pixel, tap, row // 2 + 1, row % 2] = 1
        self.register_buffer("places", places, persistent=False)

    def forward(self, blocks: Tensor) -> Tensor:
        filters, bias = self.unfolded()
        blocks = border(blocks, [1] * 4, "replicate")  # of blocks; of pixels, that reflects them
        return F.pixel_shuffle(F.conv2d(blocks, filters, bias), 2)

    def unfolded(self) -> tuple[Tensor, Tensor]:
        """Return filters ``(4C', 4C, 3, 3)`` and bias ``(4C',)`` of the convolution of blocks."""
        places = self.places.to(self.weight.dtype)
        filters = torch.einsum("pkar,qlbs,oikl->opqirsab", places, places, self.weight)
        return filters.flatten(3, 5).flatten(0, 2), self.bias.repeat_interleave(4)
