import pytest
import torch

from fastnst.networks.layers import NarrowConv, Upsample


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
