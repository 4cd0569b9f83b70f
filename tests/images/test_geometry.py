import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fastnst.images import fit, pad_to, resize


@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    multiple=st.sampled_from([1, 2, 4, 8]),
    least=st.integers(1, 24),
)
def test_padding_reaches_the_size_and_keeps_the_picture(height, width, multiple, least):
    image = torch.rand(1, 3, height, width)
    padded = pad_to(image, multiple, least)
    for side, was in zip(padded.shape[-2:], (height, width), strict=True):
        assert side % multiple == 0
        assert max(was, least) <= side < max(was, least) + multiple
    assert torch.equal(padded[..., :height, :width], image)


def test_padding_mirrors():
    row = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 1, 3)
    assert pad_to(row, 4, 1)[0, 0, 0].tolist() == [1, 2, 3, 2]


def test_resizing_is_antialiased():
    stripes = torch.zeros(1, 3, 64, 64)
    stripes[..., ::2] = 1
    assert (resize(stripes, 8, 8) - 0.5).abs().max() < 0.05


def test_resizing_stays_in_range():
    edge = torch.zeros(1, 3, 8, 8)
    edge[..., 4:] = 1
    assert 0 <= resize(edge, 32, 32).min() <= resize(edge, 32, 32).max() <= 1


@pytest.mark.parametrize(("options", "size"), [({"shorter": 10}, (10, 20)), ({"longer": 10}, (5, 10))])
def test_fitting_keeps_the_aspect_ratio(options, size):
    assert fit(torch.rand(1, 3, 30, 60), **options).shape[-2:] == size
