import pytest
import torch
import torch.nn.functional as F

from fastnst.networks.layers import conv
from fastnst.networks.resize import AddPhotograph, BlockConv, ResizeConv, unfold

SIZES = [(1, 1), (1, 3), (5, 4)]


@pytest.mark.parametrize("size", SIZES)
def test_a_resize_convolution_is_one_of_enlarged_means(size):
    layer, x = ResizeConv(3, 2).double(), torch.rand(2, 3, *size, dtype=torch.float64)
    edge = layer.border
    means = F.avg_pool2d(F.pad(x, (edge,) * 4, mode="replicate"), 2, stride=1)
    enlarged = F.interpolate(means, scale_factor=2.0, mode="bilinear")
    height, width = (2 * side + 2 for side in size)
    enlarged = enlarged[..., edge : edge + height, edge : edge + width]
    torch.testing.assert_close(layer(x), F.conv2d(enlarged, layer.weight, layer.bias))


def test_a_resize_convolution_leaves_no_mesh():
    mesh = torch.ones(1, 4, 16, 16)
    mesh[..., ::2] = -1
    with torch.no_grad():
        assert ResizeConv(4, 3)(mesh)[..., 4:-4].std((2, 3)).max() < 1e-5


@pytest.mark.parametrize("size", SIZES)
def test_blocks_are_the_pixels_mirrored_beyond_the_border(size):
    layer, x = ResizeConv(3, 2), torch.rand(2, 3, *size)
    pixels, layer.blocks = layer(x), True
    torch.testing.assert_close(unfold(layer(x)), F.pad(pixels, (1,) * 4, mode="reflect"))


def test_unfolding_is_pixel_shuffling_in_another_order_of_channels():
    blocks = torch.rand(2, 12, 5, 4)
    torch.testing.assert_close(
        unfold(blocks), F.pixel_shuffle(blocks.unflatten(1, (4, 3)).transpose(1, 2).flatten(1, 2), 2)
    )


def test_a_convolution_of_blocks_is_one_of_pixels():
    blocks, pixels = BlockConv(5, 3).double(), conv(5, 3, 3).double()
    pixels.load_state_dict(blocks.state_dict())
    x = torch.rand(2, 5, 12, 10, dtype=torch.float64)
    folded = F.pixel_unshuffle(F.pad(x, (1,) * 4, mode="reflect"), 2).unflatten(1, (5, 4)).transpose(1, 2).flatten(1, 2)
    torch.testing.assert_close(blocks(folded), pixels(x))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_rounding_of_a_convolution_of_blocks_is_fine_around_its_bias(dtype):
    layer, blocks = BlockConv(4, 3), 0.1 * torch.rand(1, 16, 9, 9)
    torch.nn.init.constant_(layer.bias, 100)
    with torch.no_grad():
        assert layer(blocks.to(dtype)).dtype == torch.float32
        torch.testing.assert_close(layer(blocks.to(dtype)), layer(blocks), rtol=0, atol=2e-3)


@pytest.mark.parametrize("size", [2, 4, 8])
def test_detail_is_what_the_photograph_has_beyond_a_smooth_one_and_the_rest_is_that(size):
    ramp = torch.linspace(0, 1, 64).expand(1, 3, 64, 64)
    fine = 0.1 * torch.tensor([1.0, -1.0]).repeat(32)
    image, painting = ramp + fine, torch.rand(1, 5, 64, 64)
    painting[:, 3:, 32:] = 0  # the lower half takes none
    painted = AddPhotograph(size)(painting, image, F.avg_pool2d(image, size))
    expected = painting[:, :3] + painting[:, 3:4] * fine + painting[:, 4:] * ramp
    torch.testing.assert_close(painted[..., size:-size], expected[..., size:-size])
    torch.testing.assert_close(painted[:, :, 32:], painting[:, :3, 32:])
