import pytest
import torch
import torch.nn.functional as F

from fastnst.networks.layers import conv
from fastnst.networks.resize import AddPhotograph, BlockConv, ResizeConv


@pytest.mark.parametrize("size", [(1, 1), (5, 4)])
@pytest.mark.parametrize("means", [False, True])
def test_a_resize_convolution_is_one_of_enlarged_features(size, means):
    layer, x = ResizeConv(3, 2, means).double(), torch.rand(2, 3, *size, dtype=torch.float64)
    edge = layer.border
    low = F.pad(x, (edge,) * 4, mode="replicate")
    low = F.avg_pool2d(low, 2, stride=1) if means else low
    enlarged = F.interpolate(low, scale_factor=2.0, mode="bilinear")
    height, width = (2 * side + 2 for side in size)
    enlarged = enlarged[..., edge : edge + height, edge : edge + width]
    torch.testing.assert_close(layer(x), F.conv2d(enlarged, layer.weight, layer.bias))


def test_a_resize_convolution_by_means_leaves_no_mesh():
    mesh = torch.ones(1, 4, 16, 16)
    mesh[..., ::2] = -1
    with torch.no_grad():
        assert ResizeConv(4, 3, means=True)(mesh)[..., 4:-4].std((2, 3)).max() < 1e-5


def test_blocks_are_what_shuffling_unfolds():
    layer, x = ResizeConv(3, 2, shuffle=False), torch.rand(1, 3, 5, 4)
    blocks, layer.shuffle = layer(x), True
    torch.testing.assert_close(F.pixel_shuffle(blocks, 2), layer(x))


def test_a_convolution_of_blocks_is_one_of_pixels():
    blocks, pixels = BlockConv(5, 3).double(), conv(5, 3, 3).double()
    pixels.load_state_dict(blocks.state_dict())
    x = torch.rand(2, 5, 12, 10, dtype=torch.float64)
    torch.testing.assert_close(blocks(F.pixel_unshuffle(x, 2)), pixels(x))


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
