import numpy as np
import pytest
import torch

from fastnst.images import bands as module
from fastnst.images.bands import bands, to_eight_bits
from fastnst.images.color import match_covariance, match_histogram
from fastnst.images.recolor import keep_colors

RNG = np.random.default_rng(0)


def pictures(kind):
    top = np.iinfo(kind).max
    painted = (RNG.random((30, 50, 3)) ** 2 * top).astype(kind)
    photo = ((0.3 + 0.4 * RNG.random((30, 50, 3))) * top).astype(kind)
    photo[..., 2] = photo[..., 0] // 2 + photo[..., 1] // 4
    return painted, photo


def tensor(values):
    return torch.from_numpy(values / np.iinfo(values.dtype).max).permute(2, 0, 1)[None].float()


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("method", ["luminance", "covariance", "histogram"])
def test_rows_at_a_time_are_as_the_whole(kind, method, monkeypatch):
    painted, photo = pictures(kind)
    whole = keep_colors(painted, photo, method)
    monkeypatch.setattr(module.bands, "__defaults__", (70,))
    assert len(list(bands(30, 50))) == 30
    np.testing.assert_array_equal(keep_colors(painted, photo, method), whole)
    assert whole.dtype == kind


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_large_pictures_are_colored_as_the_optimizer_does_it(kind):
    painted, photo = pictures(kind)
    for method, match in (("covariance", match_covariance), ("histogram", match_histogram)):
        wanted = match(tensor(painted), tensor(photo))
        assert (tensor(keep_colors(painted, photo, method)) - wanted).abs().mean() < 1.5 / 255


def test_brightness_is_the_paintings_and_chroma_the_photographs():
    painted, photo = pictures(np.uint16)
    kept = keep_colors(painted // 2 + 16000, photo // 4 + 24000, "luminance") / 65535
    luma = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(kept @ luma, (painted // 2 + 16000) / 65535 @ luma, atol=1e-4)


def test_its_own_colors_change_nothing():
    _, photo = pictures(np.uint8)
    for method in ("luminance", "covariance", "histogram"):
        assert np.abs(keep_colors(photo, photo, method).astype(int) - photo).max() <= 1


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_even_pictures_do_no_harm(kind):
    even, (painted, _) = np.full((30, 50, 3), 9, kind), pictures(kind)
    for method in ("luminance", "covariance", "histogram"):
        for first, second in ((even, painted), (painted, even), (even, even)):
            assert keep_colors(first, second, method).shape == even.shape


def test_eight_bits_are_the_nearest():
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(to_eight_bits(values), (values / 257).round().astype(np.uint8))
