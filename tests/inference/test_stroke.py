import numpy as np
import pytest

import fastnst
from fastnst.errors import ConfigError
from fastnst.inference.stroke import paint_at

VALUES = np.random.default_rng(0).integers(0, 256, (30, 44, 3)).astype("uint8")


@pytest.fixture
def sizes():
    return []


@pytest.fixture
def paint(sizes):
    def call(pixels, canvas):
        sizes.append((pixels.height, pixels.width))
        canvas.values[:] = pixels.values

    return call


@pytest.mark.parametrize(
    ("stroke", "size", "painted", "result"),
    [
        (1, None, (30, 44), (30, 44)),
        (2, None, (15, 22), (30, 44)),
        (0.5, None, (60, 88), (30, 44)),
        (1, 22, (15, 22), (15, 22)),
        (2, 88, (30, 44), (60, 88)),
        (2, 1, (1, 1), (1, 1)),
    ],
)
def test_a_picture_is_painted_at_the_size_that_gives_the_strokes(paint, sizes, stroke, size, painted, result):
    assert paint_at(paint, VALUES, stroke, size).shape == (*result, 3)
    assert sizes == [painted]


def test_nothing_is_copied_where_nothing_is_asked(paint):
    assert (paint_at(paint, VALUES) == VALUES).all()


@pytest.mark.parametrize(("stroke", "size"), [(0, None), (-1, None), (float("nan"), None), (1, 0)])
def test_strokes_and_sizes_are_above_zero(paint, stroke, size):
    with pytest.raises(ConfigError, match="must be above zero"):
        paint_at(paint, VALUES, stroke, size)


def test_a_stylizer_takes_them(model_file):
    assert fastnst.load(model_file, device="cpu").paint(VALUES, stroke=1.5, size=60).shape == (41, 60, 3)
