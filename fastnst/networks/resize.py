"""The way back from a low resolution, without a mesh and without features at the full one."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fastnst.convolution import border
from fastnst.networks.norm import exporting


class ResizeConv(nn.Module):
    """Double the resolution by bilinear interpolation, then convolve by 3x3: neither a checkerboard nor blocks.

    Interpolated are the means of 2x2 neighbors. Of features that alternate from pixel to pixel, a mesh, interpolation
    between the features themselves leaves half, this nothing.

    Neither the enlarged features nor their gradient are ever made: a pixel of the result is one of four weighted sums
    of features, so a convolution at the low resolution and an unfolding of its channels do the same. Blocks of 2x2
    pixels lie around the corners of low pixels, where all four see the same 3x3 means; aligned ones would see 4x4.

    Args:
        channels_in: Of the features.
        channels: Of the result.
        blocks: Return the blocks that :class:`BlockConv` takes, ``(B, 4C, H+1, W+1)``, of an image that is mirrored
            beyond its border; else ``(B, C, 2H, 2W)``.

    Source: Odena, Dumoulin, Olah. Deconvolution and Checkerboard Artifacts. Distill 2016; there by nearest neighbor,
    which leaves steps of two pixels in smooth skies.
    """

    border = 2
    """Low pixels that are repeated around the features."""

    taps: Tensor

    def __init__(self, channels_in: int, channels: int, blocks: bool = False) -> None:
        super().__init__()
        conv = nn.Conv2d(channels_in, channels, 3)
        assert conv.bias is not None, "a convolution is made with one"
        self.weight, self.bias, self.blocks = conv.weight, conv.bias, blocks
        # What each of three low rows (first index) adds to each of the three high rows around either pixel of a block.
        first = [[0.75, 0.25, 0], [0.25, 0.75, 0.75], [0, 0, 0.25]]
        second = [[0.25, 0, 0], [0.75, 0.75, 0.25], [0, 0.25, 0.75]]
        self.register_buffer("taps", torch.tensor([first, second], dtype=torch.float32), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        low = border(x, [self.border] * 4, "replicate")
        low = F.conv2d(low, low.new_full((low.shape[1], 1, 2, 2), 0.25), groups=low.shape[1])
        filters, bias = self.unfolded()
        if not torch.is_autocast_enabled(x.device.type):
            low = low.to(bias.dtype)
        found = F.conv2d(low, filters, bias)
        return mirrored(found) if self.blocks else unfold(found)[..., 1:-1, 1:-1]

    def unfolded(self) -> tuple[Tensor, Tensor]:
        """Return filters ``(4C, C_in, 3, 3)`` and bias ``(4C,)`` of the convolution of means."""
        taps = self.taps.to(self.weight.dtype)
        filters = torch.einsum("pak,qbl,oikl->pqoiab", taps, taps, self.weight).flatten(0, 2)
        return filters, self.bias.repeat(4)


class BlockConv(nn.Module):
    """Convolve by 3x3 what has each block of 2x2 pixels in its channels: ``(B, 4C, H+1, W+1)`` to ``(B, C', 2H, 2W)``.

    The same as unfolding the blocks, which begin a pixel before the image, and convolving with borders as they are
    there, but features at the full resolution, slow to write and to read, are never made. Computed in the precision of
    what enters; the bias is added in float32, so rounding is finest around it.
    """

    places: Tensor

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        conv = nn.Conv2d(channels_in, channels, 3)
        assert conv.bias is not None, "a convolution is made with one"
        self.weight, self.bias = conv.weight, conv.bias
        # For pixel p of an aligned block, where tap k reads: which block, and which pixel of that.
        places = torch.zeros(2, 3, 2, 2)
        for pixel in (0, 1):
            for tap in (0, 1, 2):
                places[pixel, tap, (pixel + tap) // 2, (pixel + tap) % 2] = 1
        self.register_buffer("places", places, persistent=False)

    def forward(self, blocks: Tensor) -> Tensor:
        painted = unfold(F.conv2d(blocks, self.unfolded().to(blocks.dtype)))
        return painted.to(self.bias.dtype) + self.bias.view(1, -1, 1, 1)

    def unfolded(self) -> Tensor:
        """Return filters ``(4C', 4C, 2, 2)`` of the convolution of blocks."""
        places = self.places.to(self.weight.dtype)
        filters = torch.einsum("pkar,qlbs,oikl->pqorsiab", places, places, self.weight)
        return filters.flatten(3, 5).flatten(0, 2)


def unfold(blocks: Tensor) -> Tensor:
    """Lay out blocks of 2x2 pixels, which the channels count first: ``(B, 4C, H, W)`` to ``(B, C, 2H, 2W)``.

    ``F.pixel_shuffle`` counts them last, so it moves single values where this moves all channels of two pixels.
    """
    count, channels, height, width = blocks.shape
    if exporting():
        return F.pixel_shuffle(blocks[:, torch.arange(channels).view(4, -1).T.flatten()], 2)
    rows = blocks.permute(0, 2, 3, 1).reshape(count, height, width, 2, channels // 2).transpose(2, 3)
    return rows.reshape(count, 2 * height, 2 * width, channels // 4).permute(0, 3, 1, 2)


def mirrored(blocks: Tensor) -> Tensor:
    """Make the pixels beyond the border, the outer ones of the outermost blocks, those two pixels further in.

    Changes blocks ``(B, 4C, H+1, W+1)`` in place.
    """
    pixels = blocks.unflatten(1, (2, 2, -1))  # (B, 2, 2, C, H+1, W+1)
    pixels[:, 0, :, :, 0] = pixels[:, 0, :, :, 1]
    pixels[:, 1, :, :, -1] = pixels[:, 1, :, :, -2]
    pixels[:, :, 0, :, :, 0] = pixels[:, :, 0, :, :, 1]
    pixels[:, :, 1, :, :, -1] = pixels[:, :, 1, :, :, -2]
    return blocks


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
