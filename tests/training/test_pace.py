import pytest

from fastnst.data import open_photos
from fastnst.training.pace import Pace, measure


def test_the_loader_and_both_halves_of_a_training_are_measured(photos):
    pace = measure(open_photos(photos), 32, 2, 0, 0.0, "cpu", "float32")
    assert pace.loader > 0
    assert pace.first > 0
    assert pace.later > 0
    assert (pace.workers, pace.device) == (0, "cpu")


@pytest.mark.parametrize(("loader", "enough"), [(100, True), (50, False), (59, False), (60, True)])
def test_the_loader_is_to_be_faster_than_the_faster_half(loader, enough):
    assert Pace(loader, 50, 20, 1, "cuda").enough is enough
