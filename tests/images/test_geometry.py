import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fastnst.images import cover, feather, fit, pad_to, resize


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


def test_feathered_edges_are_soft_and_the_rest_is_as_it_was():
    mask = torch.zeros(1, 1, 40, 300)
    mask[..., 150:] = 1
    soft = feather(mask)
    assert soft[..., :140].eq(0).all()
    torch.testing.assert_close(soft[..., 160:], mask[..., 160:])
    assert 0 < soft[..., 150].mean() < 1


def test_covering_cuts_the_middle_out():
    image = torch.rand(1, 3, 20, 60)
    assert cover(image, 20, 30).shape == (1, 3, 20, 30)
    torch.testing.assert_close(cover(image, 20, 30), image[..., 15:45])
    assert cover(image, 7, 50).shape == (1, 3, 7, 50)
