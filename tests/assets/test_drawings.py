import numpy as np
import pytest

from fastnst.assets.drawings import draw
from fastnst.assets.drawings.marks import outlines
from fastnst.assets.drawings.palette import pick_palette
from fastnst.assets.drawings.scenes import SCENES
from fastnst.assets.drawings.treatments import TREATMENTS, sketch


@pytest.fixture(scope="module")
def sixty() -> np.ndarray:
    return np.stack([np.asarray(draw(seed, 128)) for seed in range(60)]).astype(np.float32) / 255


def test_a_seed_is_a_picture():
    first, second, other = (np.asarray(draw(seed, 96)) for seed in (5, 5, 6))
    assert first.shape == (96, 96, 3)
    assert first.dtype == np.uint8
    assert (first == second).all()
    assert np.abs(first.astype(int) - other).mean() > 20


def test_any_seed_can_be_drawn():
    for seed in range(60, 160):
        assert np.asarray(draw(seed, 32)).std() > 10, seed


def test_another_size_is_about_the_same_picture():
    for seed in range(8):
        large, small = draw(seed, 256).reduce(16), draw(seed, 128).reduce(8)
        difference = np.abs(np.asarray(large, int) - np.asarray(small, int)).mean()
        assert difference < 20, seed


def test_no_picture_is_blank_or_noise(sixty):
    contrast = sixty.mean(3).std((1, 2))
    assert contrast.min() > 0.08
    neighbors = np.abs(np.diff(sixty, axis=2)).mean((1, 2, 3))
    assert neighbors.min() > 0.003
    coarse = sixty.reshape(60, 16, 8, 16, 8, 3).mean((2, 4))
    assert coarse.std((1, 2)).max(1).min() > 0.02  # something is left of it from afar


def test_pictures_vary_in_color_and_in_grain(sixty):
    colors = sixty.mean((1, 2))
    assert colors.std(0).min() > 0.12
    saturation = (sixty.max(3) - sixty.min(3)).mean((1, 2))
    assert saturation.min() < 0.1
    assert saturation.max() > 0.5
    brightness = colors.mean(1)
    assert brightness.min() < 0.25
    assert brightness.max() > 0.7
    grain = np.abs(np.diff(sixty.mean(3), axis=2)).mean((1, 2)) / sixty.mean(3).std((1, 2))
    assert grain.max() > 4 * grain.min()


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_scenes_divide_the_square(scene):
    areas = scene(np.random.default_rng(3), 128)
    assert areas.shape == (128, 128)
    assert areas.dtype == np.uint8
    assert len(np.unique(areas)) > 1


@pytest.mark.parametrize("treatment", TREATMENTS, ids=lambda treatment: treatment.__name__)
def test_treatments_keep_the_size_and_show_the_scene(treatment):
    areas = np.zeros((192, 192), np.uint8)
    areas[:, 96:] = 1
    palette = np.array([[240, 230, 200], [30, 20, 60]], float)
    start = sketch(areas, palette, np.random.default_rng(2))
    pictures = [treatment(np.random.default_rng(seed), start) for seed in range(3)]
    assert all(picture.shape == (96, 96, 3) for picture in pictures)
    assert np.abs(pictures[0] - pictures[1]).mean() > 1


def test_palettes_hold_two_to_eight_colors_from_dark_to_light():
    for seed in range(100):
        palette = pick_palette(np.random.default_rng(seed))
        assert 2 <= len(palette) <= 8
        assert palette.min() >= 0
        assert palette.max() <= 255
        assert np.ptp(palette.mean(1)) > 60


def test_outlines_leave_the_areas_clean():
    areas = np.zeros((256, 256), np.uint8)
    areas[:, 128:] = 1
    for width in (0.002, 0.01, 0.03):
        for seed in range(5):
            ink = outlines(np.random.default_rng(seed), areas, width)
            assert ink[:, :64].max() == 0
            assert ink[:, 127:129].max() > 0.5
