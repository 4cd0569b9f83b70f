import numpy as np
import pytest

from fastnst.assets.samples import PHOTOS, copy_photos, draw_landscape, draw_painting
from fastnst.images import EXTENSIONS, open_image


def test_painting_is_the_same_every_time_and_full_of_color():
    first, second = (np.asarray(draw_painting(180, 140)) for _ in range(2))
    assert first.shape == (140, 180, 3)
    assert (first == second).all()
    assert first.reshape(-1, 3).std(0).min() > 30


def test_landscape_is_blue_above_and_green_below_with_a_golden_sun():
    picture = np.asarray(draw_landscape(96, 64)).astype(int)
    assert picture.shape == (64, 96, 3)
    assert picture[0].mean(0).argmax() == 2
    assert picture[-1].mean(0).argmax() == 1
    assert picture[20, 67].argmin() == 2


def test_photographs_come_with_scikit_image(tmp_path):
    pytest.importorskip("skimage")
    copy_photos(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(PHOTOS)
    assert all(min(open_image(path).size) >= 300 for path in tmp_path.iterdir() if path.suffix in EXTENSIONS)
