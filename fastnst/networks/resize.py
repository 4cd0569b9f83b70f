"""The way back from a low resolution, without a mesh and without features at the full one."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.convolution import border


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


class AddPhotograph(nn.Module):
    """Add to a painting what it shall keep of its photograph, pixel by pixel as much as two more channels say.

    The fourth channel is the share of the detail, the fifth that of the rest: the means of blocks, with bilinear
    interpolation between them, and what the photograph has beyond those, the finest bands of a Laplacian pyramid. A
    network that works at a low resolution need not learn to copy detail, nor one that normalizes to remember colors.

    Shapes:
        painting: ``(B, 5, H, W)``.
        images: ``(B, 3, H, W)``.
        means: ``(B, 3, H/S, W/S)``, of blocks of SxS pixels.
        result: ``(B, 3, H, W)``.

    Source: Burt, Adelson. The Laplacian Pyramid as a Compact Image Code. IEEE Transactions on Communications 1983.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, painting: Tensor, images: Tensor, means: Tensor) -> Tensor:
        # On a CPU, enlarging few channels in the layout of channels last takes five times as long.
        coarse = F.interpolate(means.contiguous(), scale_factor=float(self.size), mode="bilinear")
        painted = torch.addcmul(painting[:, :3], painting[:, 3:4], images - coarse)
        return torch.addcmul(painted, painting[:, 4:], coarse)
