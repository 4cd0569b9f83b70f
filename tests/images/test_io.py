import numpy as np
import pytest
import torch

from fastnst.images import encode_image, open_image, read_note, to_pil, to_tensor, write_image


def test_pixels_become_rgb_in_0_1(make_picture):
    image = make_picture()
    tensor = to_tensor(image)
    assert tensor.shape == (1, 3, 40, 48)
    assert tensor[0, :, 3, 7].mul(255).round().int().tolist() == list(image.getpixel((7, 3)))
    assert to_pil(tensor).tobytes() == image.tobytes()


def test_values_outside_the_range_are_clamped():
    assert to_pil(torch.tensor([-1.0, 0.5, 2.0]).view(1, 3, 1, 1)).getpixel((0, 0)) == (0, 128, 255)


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "webp", "tif", "TIFF"])
def test_written_pictures_are_read_again(tmp_path, make_picture, suffix):
    path = tmp_path / "new" / f"out.{suffix}"
    write_image(to_tensor(make_picture()), path)
    assert np.abs(np.asarray(open_image(path)).astype(int) - np.asarray(make_picture())).mean() < 3
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_failed_write_keeps_the_old_picture(tmp_path, make_picture, monkeypatch):
    path = tmp_path / "out.png"
    write_image(make_picture(seed=1), path)
    before = path.read_bytes()

    def fail(file, *_):
        file.write(before[:9])
        raise OSError("No space left on device")

    monkeypatch.setattr("fastnst.images.encode._save", fail)
    with pytest.raises(OSError, match="No space"):
        write_image(make_picture(seed=2), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["out.png"]


def test_unknown_extension_lists_what_can_be_written(tmp_path, make_picture):
    with pytest.raises(ValueError, match=r"cannot write \.bmp; use .*\.png"):
        write_image(make_picture(), tmp_path / "out.bmp")


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "WEBP", "GIF"])
def test_an_encoded_picture_is_the_file_that_is_written(tmp_path, make_picture, fmt):
    note = {"fastnst": "1"}
    data = encode_image(make_picture(), fmt, note)
    write_image(to_tensor(make_picture()), tmp_path / f"out.{fmt.lower()}", note)
    assert (tmp_path / f"out.{fmt.lower()}").read_bytes() == data
    assert read_note(data) == note
    assert open_image(data).size == (48, 40)


def test_another_format_lists_those_there_are(make_picture):
    with pytest.raises(ValueError, match="cannot write BMP; use JPEG, PNG, WEBP, TIFF, GIF"):
        encode_image(make_picture(), "BMP")
