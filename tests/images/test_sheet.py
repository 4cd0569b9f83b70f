import numpy as np
import pytest
from PIL import Image

from fastnst.images.sheet import LABEL, MARGIN, contact_sheet, picture_grid

COLORS = ["red", "green", "blue", "cyan", "magenta"]


def plain(width: int, height: int) -> list[Image.Image]:
    return [Image.new("RGB", (width, height), color) for color in COLORS]


def test_a_grid_is_of_squares_side_by_side():
    grid = picture_grid(plain(30, 20), columns=3, side=8)
    assert grid.size == (24, 16)
    found = [grid.getpixel((8 * (i % 3) + x, 8 * (i // 3) + y)) for i in range(5) for x, y in ((0, 0), (7, 7))]
    expected = [Image.new("RGB", (1, 1), color).getpixel((0, 0)) for color in COLORS for _ in range(2)]
    assert found == expected
    assert grid.getpixel((20, 12)) == (255, 255, 255)


def test_a_grid_takes_the_middle_of_each_picture(make_picture):
    picture = make_picture(40, 20)
    assert picture_grid([picture], 1, 20).tobytes() == picture.crop((10, 0, 30, 20)).tobytes()


def test_a_contact_sheet_has_a_label_above_each_picture():
    sheet = contact_sheet([(color, image) for color, image in zip(COLORS, plain(30, 20), strict=True)], 3, width=30)
    assert sheet.size == (3 * 30 + 4 * MARGIN, 2 * (20 + LABEL) + 3 * MARGIN)
    assert sheet.getpixel((MARGIN, MARGIN + LABEL)) == (255, 0, 0)
    assert sheet.getpixel((2 * MARGIN + 30, 2 * MARGIN + 2 * LABEL + 20)) == (255, 0, 255)
    label = np.asarray(sheet)[MARGIN : MARGIN + LABEL, MARGIN : MARGIN + 30]
    assert label.min() < 100


def test_a_contact_sheet_shrinks_and_never_enlarges():
    sheet = contact_sheet([("wide", Image.new("RGB", (90, 30))), ("small", Image.new("RGB", (10, 10)))], 2, width=30)
    assert sheet.size == (2 * 30 + 3 * MARGIN, LABEL + 10 + 2 * MARGIN)


@pytest.mark.parametrize("columns", [0, 2])
def test_a_sheet_of_nothing_is_refused(columns):
    with pytest.raises(ValueError, match="a sheet needs a picture and a column"):
        picture_grid([] if columns else plain(4, 4), columns, 8)
