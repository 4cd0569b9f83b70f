import io
import threading

import numpy as np
import pytest
from PIL import Image, ImageFile

from fastnst.images import ImageError, read_pictures
from fastnst.images.salvage import mend


def encode(image: Image.Image, fmt: str, **options) -> bytes:
    data = io.BytesIO()
    image.save(data, fmt, **options)
    return data.getvalue()


@pytest.fixture
def photo() -> Image.Image:
    rng = np.random.default_rng(0)
    return Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).resize((120, 100))


@pytest.mark.parametrize("fmt", ["JPEG", "PNG"])
def test_a_truncated_picture_is_used_as_far_as_it_goes(photo, fmt, caplog):
    data = encode(photo, fmt)
    data = data[: len(data) * 6 // 10]
    with pytest.raises(ImageError, match=r"cut: cannot be read as a picture \(truncated\); --salvage uses what can be"):
        read_pictures(data, "cut")
    (picture,) = read_pictures(data, "cut", salvage=True)
    assert picture.size == (100, 120)
    assert np.abs(picture.values[:40].astype(int) - np.asarray(photo)[:40]).mean() < 12
    assert picture.values[-5:].std() < 1
    assert "cut: is damaged; what can be decoded is used" in caplog.text


def test_a_progressive_jpeg_is_blurred_where_it_was_cut(photo):
    data = encode(photo, "JPEG", progressive=True)
    (picture,) = read_pictures(data[: len(data) * 6 // 10], salvage=True)
    assert np.abs(picture.values.astype(int) - np.asarray(photo)).mean() < 25


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16"])
def test_every_kind_of_png_is_mended(photo, mode):
    image = Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16)) if mode == "I;16" else photo.convert(mode)
    data = encode(image, "PNG")
    whole = np.asarray(Image.open(io.BytesIO(mend(data))))
    np.testing.assert_array_equal(whole, np.asarray(image))
    (picture,) = read_pictures(data[: len(data) * 7 // 10], salvage=True)
    assert picture.size == (100, 120)


def test_a_wrong_checksum_is_overlooked(photo):
    data = bytearray(encode(photo, "PNG"))
    place = data.index(b"IDAT") + len(data) // 2
    data[place] ^= 255
    with pytest.raises(ImageError, match="--salvage"):
        read_pictures(bytes(data))
    assert read_pictures(bytes(data), salvage=True)[0].size == (100, 120)


def test_frames_before_the_damage_are_used(photo, caplog):
    frames = [photo.rotate(10 * i) for i in range(5)]
    data = encode(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100)
    data = data[: len(data) * 7 // 10]
    with pytest.raises(ImageError, match="--salvage uses the frames before"):
        read_pictures(data)
    assert 2 <= len(read_pictures(data, "g.gif", salvage=True)) <= 4
    assert "g.gif: is damaged; the" in caplog.text


def test_what_cannot_be_mended_says_so(photo):
    for data in (encode(photo, "JPEG")[:100], encode(photo, "PNG")[:30], encode(photo, "BMP")[:3000]):
        with pytest.raises(ImageError, match="cannot be read|not a picture") as error:
            read_pictures(data, salvage=True)
        assert "--salvage" not in str(error.value)


def test_others_read_strictly_meanwhile(photo):
    data = encode(photo, "JPEG")[:-2000]
    failed, done = [], threading.Event()

    def strictly():
        while not done.is_set():
            try:
                read_pictures(data)
            except ImageError:
                failed.append(True)
            else:
                failed.append(False)

    thread = threading.Thread(target=strictly)
    thread.start()
    for _ in range(10):
        read_pictures(data, salvage=True)
    done.set()
    thread.join()
    assert failed
    assert all(failed)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
