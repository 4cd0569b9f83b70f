import pytest
import torch
import torch.nn.functional as F

from fastnst.networks.layers import BlockConv, NarrowConv, ResizeConv, Upsample, conv


def test_upsampling_repeats_pixels_before_it_convolves():
    up = Upsample(2, 2)
    repeated = up[0](torch.arange(4.0).view(1, 1, 2, 2))
    assert repeated[0, 0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("size", [(8, 8), (13, 30)])
def test_convolution_by_rows_is_the_convolution(layout, size):
    conv = NarrowConv(5, 3, 9).to(memory_format=layout)
    x = torch.randn(2, 5, *size).contiguous(memory_format=layout)
    with torch.no_grad():
        by_rows = conv(x)
    assert by_rows.shape == (2, 3, *size)
    torch.testing.assert_close(by_rows, conv(x), atol=1e-5, rtol=1e-5)


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
