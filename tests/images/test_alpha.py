import numpy as np
import pytest

from fastnst.images import alpha as module
from fastnst.images.alpha import bleed, flatten

RNG = np.random.default_rng(0)


def square(kind=np.uint8):
    """A red square with a hidden green around it, of which nothing may be seen."""
    top = np.iinfo(kind).max
    values, alpha = np.zeros((40, 60, 3), kind), np.zeros((40, 60), kind)
    values[..., 1] = top
    values[10:20, 10:30] = (top, 0, 0)
    alpha[10:20, 10:30] = top
    return values, alpha


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("working", [2**20, 200])
def test_what_is_hidden_is_replaced_by_what_is_near(kind, working, monkeypatch):
    monkeypatch.setattr(module, "WORKING", working)
    values, alpha = square(kind)
    bled, top = bleed(values, alpha), np.iinfo(kind).max
    np.testing.assert_array_equal(bled[alpha > 0], values[alpha > 0])
    assert bled[..., 0].min() > 0.98 * top
    assert bled[..., 1].max() < 0.02 * top


def test_the_nearer_color_is_taken():
    values, alpha = np.zeros((32, 64, 3), np.uint8), np.zeros((32, 64), np.uint8)
    values[:, 0], values[:, -1] = (255, 0, 0), (0, 0, 255)
    alpha[:, [0, -1]] = 255
    bled = bleed(values, alpha)
    assert bled[16, 4, 0] > 200
    assert bled[16, -5, 2] > 200


def test_opaque_pixels_stay_and_nothing_opaque_changes_nothing():
    values = RNG.integers(0, 256, (9, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(bleed(values, np.full((9, 7), 255, np.uint8)), values)
    np.testing.assert_array_equal(bleed(values, np.zeros((9, 7), np.uint8)), values)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (3, 5)])
def test_thin_pictures_are_filled(shape):
    values, alpha = np.zeros((*shape, 3), np.uint8), np.zeros(shape, np.uint8)
    values[0, 0], alpha[0, 0] = (10, 200, 30), 255
    assert np.abs(bleed(values, alpha).astype(int) - (10, 200, 30)).max() <= 1


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_flattened_is_what_is_seen_on_white(kind):
    top = np.iinfo(kind).max
    flat = flatten(np.zeros((1, 3, 3), kind), np.array([[0, top // 2, top]], kind))
    assert np.abs(flat[0, :, 0].astype(float) / top - (1, 0.5, 0)).max() < 0.01
