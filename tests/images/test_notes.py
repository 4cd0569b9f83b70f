import pytest
import torch

from fastnst.images import ImageError, pack_image, read_note, unpack_image, write_image

NOTE = {"fastnst": "1", "command": ["fastnst", "optimize", "--content", "Übung.jpg"], "number": 0.1}


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_a_note_comes_back(tmp_path, name):
    write_image(torch.rand(1, 3, 8, 8), tmp_path / name, NOTE)
    assert read_note(tmp_path / name) == NOTE


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_no_note_is_nothing(tmp_path, name):
    write_image(torch.rand(1, 3, 8, 8), tmp_path / name)
    assert read_note(tmp_path / name) is None


def test_what_others_describe_is_no_note(tmp_path, make_picture):
    from PIL import Image

    exif = Image.Exif()
    exif[0x010E] = '["my cat"]'
    make_picture().save(tmp_path / "a.jpg", exif=exif)
    assert read_note(tmp_path / "a.jpg") is None


def test_a_packed_picture_is_hardly_worse(make_picture):
    from fastnst.images import to_tensor

    image = to_tensor(make_picture())
    assert (unpack_image(pack_image(image)) - image).abs().mean() < 0.02


@pytest.mark.parametrize("text", ["", "?", "AAAA"])
def test_what_is_no_packed_picture_is_refused(text):
    with pytest.raises(ImageError, match="packed picture"):
        unpack_image(text)
