from io import BytesIO

import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="needs the extra serve")

from fastnst.images import ImageError
from fastnst.serve import painting
from fastnst.serve.painting import TooLargeError, Wish

from .conftest import encode


def file(picture: Image.Image, *how, **options) -> BytesIO:
    return BytesIO(encode(picture, *how, **options))


def test_a_picture_is_measured_by_its_header(make_picture):
    data = file(make_picture(40, 30), "JPEG")
    assert painting.measure(data, Wish(), 1200) == 1200
    assert painting.measure(data, Wish(size=20), 1200) == 1200
    with pytest.raises(TooLargeError, match=r"40x30 is more than the 0.001199 megapixels this server takes"):
        painting.measure(data, Wish(), 1199)
    with pytest.raises(TooLargeError, match="40x30 painted at 80 is more"):
        painting.measure(data, Wish(size=80), 1200)
    with pytest.raises(ImageError, match="not a picture of a known format"):
        painting.measure(BytesIO(b"%PDF-1.7 not a picture"), Wish(), 1200)


def test_all_frames_of_an_animation_count_where_they_are_painted(make_picture):
    frames = [make_picture(200, 100, seed=i) for i in range(3)]
    data = file(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert painting.measure(data, Wish(format="gif"), 60000) == 60000
    assert painting.measure(data, Wish(format="jpg"), 60000) < 60000
    with pytest.raises(TooLargeError, match="200x100 in 3 frames"):
        painting.measure(data, Wish(format="webp"), 59999)


def test_a_side_that_the_format_cannot_hold_is_refused_at_once():
    data = file(Image.new("RGB", (20000, 1)))
    assert painting.measure(data, Wish(), 20000) == 20000
    with pytest.raises(TooLargeError, match="webp holds at most 16383 pixels a side; ask for png"):
        painting.measure(data, Wish(format="webp"), 20000)


def test_a_file_that_is_larger_than_its_picture_counts_as_what_it_is():
    data = file(Image.new("RGB", (4, 4)))
    data.seek(0, 2)
    data.write(bytes(3000))
    assert painting.measure(data, Wish(), 100) >= 1000
