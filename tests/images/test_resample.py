import numpy as np
import pytest
from PIL import Image

from fastnst.images import resample as module
from fastnst.images.guided import guide
from fastnst.images.resample import resample


def noise(height: int, width: int, dtype="uint8") -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(0, np.iinfo(dtype).max + 1, (height, width, 3)).astype(dtype)


@pytest.mark.parametrize("size", [(30, 44), (121, 90), (7, 200), (1, 1), (59, 61)])
def test_bands_make_no_difference(size, monkeypatch):
    values = noise(60, 61)
    whole = resample(values, *size).astype(int)
    monkeypatch.setattr(module, "BAND", 8)
    assert np.abs(resample(values, *size) - whole).max() <= 1


def test_smooth_pictures_become_what_pillow_makes_of_them():
    values = np.asarray(Image.fromarray(noise(4, 5)).resize((61, 60), Image.Resampling.BICUBIC))
    for height, width in ((30, 44), (121, 90)):
        pillow = np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.BICUBIC)).astype(int)
        assert np.abs(resample(values, height, width) - pillow).max() <= 1


def test_sixteen_bits_stay_sixteen():
    result = resample(noise(40, 40, "uint16"), 20, 20)
    assert result.dtype == np.uint16
    assert (result % 257 != 0).any()


def test_a_picture_that_has_the_size_is_left_alone():
    values = noise(5, 6)
    assert resample(values, 5, 6) is values


def test_edges_of_the_photograph_become_sharp_in_the_painting():
    photo = np.zeros((64, 64, 3), np.uint8)
    photo[:, 33:] = 200
    painted = 255 - resample(photo, 32, 32)  # a painting that is the photograph's negative
    guided, plain = guide(painted, resample(photo, 32, 32), photo), resample(painted, 64, 64)
    steps = [np.abs(np.diff(result[32, :, 0].astype(int))).max() for result in (guided, plain)]
    assert steps[0] > 1.5 * steps[1]


def test_where_the_photograph_is_even_the_painting_stays():
    painted, photo = noise(20, 20), np.full((40, 40, 3), 90, np.uint8)
    assert np.abs(guide(painted, photo[:20, :20], photo).astype(int) - resample(painted, 40, 40)).max() <= 1
