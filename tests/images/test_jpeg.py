import io

import pytest
from PIL import Image

from fastnst.images import ImageError, open_image
from fastnst.images.jpeg import MOST_SCANS, count_scans, has_too_many_scans
from fastnst.images.picture import LEAST_FRAME, read_pictures


def encode(image, fmt="JPEG", **options):
    file = io.BytesIO()
    image.save(file, fmt, **options)
    return file.getvalue()


@pytest.fixture
def progressive(make_picture):
    return encode(make_picture(), progressive=True)


def with_scans(data, count):
    scan = data[data.rfind(b"\xff\xda") : -2]
    return data[:-2] + scan * count + data[-2:]


def test_scans_are_counted(make_picture, progressive):
    assert count_scans(encode(make_picture())) == 1
    few = count_scans(progressive)
    assert 5 < few < 20
    assert count_scans(with_scans(progressive, 7)) == few + 7


def test_what_stands_in_other_places_is_no_scan(make_picture):
    comment = encode(make_picture(), comment=b"\xff\xda" * 500)
    assert not has_too_many_scans(comment)
    assert not has_too_many_scans(encode(make_picture()) + b"\xff\xda\0\x02" * 500)
    assert open_image(comment).size == make_picture().size


def test_a_jpeg_that_is_made_to_take_long_is_refused(progressive):
    with pytest.raises(ImageError, match=f"slow: a JPEG of more than {MOST_SCANS} scans"):
        open_image(with_scans(progressive, MOST_SCANS + 1), "slow")
    assert open_image(with_scans(progressive, 20)).size == (48, 40)


@pytest.mark.parametrize("cut", [2, 3, 10, 200])
def test_a_cut_one_is_counted_as_far_as_it_goes(progressive, cut):
    assert count_scans(progressive[:cut]) <= count_scans(progressive)


def test_frames_count_for_what_they_take():
    frames = [Image.new("RGB", (1, 1), (6 * i, 255 - 6 * i, 0)) for i in range(40)]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert len(read_pictures(data, max_pixels=40 * LEAST_FRAME)) == 40
    with pytest.raises(ImageError, match=r"1x1 in 40 frames is more than 0\.1 megapixels"):
        read_pictures(data, max_pixels=100_000)
