import io

import pytest
import torch
from PIL import ImageFile

from fastnst.images import ImageError, encode_image, read_note, write_image

NOTE = {"fastnst": "1", "command": ["fastnst", "optimize", "--content", "Übung.jpg"], "number": 0.1}


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.gif"])
def test_a_note_comes_back(tmp_path, name):
    write_image(torch.rand(1, 3, 8, 8), tmp_path / name, NOTE)
    assert read_note(tmp_path / name) == NOTE


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.gif"])
def test_no_note_is_nothing(tmp_path, name):
    write_image(torch.rand(1, 3, 8, 8), tmp_path / name)
    assert read_note(tmp_path / name) is None


def test_what_others_describe_is_no_note(tmp_path, make_picture):
    from PIL import Image

    for description in ('["my cat"]', "[" * 60_000):
        exif = Image.Exif()
        exif[0x010E] = description
        make_picture().save(tmp_path / "a.jpg", exif=exif)
        assert read_note(tmp_path / "a.jpg") is None


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "WEBP", "TIFF", "GIF"])
def test_the_note_of_an_open_file_is_read(tmp_path, fmt):
    data = encode_image(torch.rand(1, 3, 8, 8), fmt, NOTE)
    (tmp_path / "a").write_bytes(data)
    with (tmp_path / "a").open("rb") as file:
        assert read_note(file) == NOTE
        assert read_note(file) == NOTE
    assert read_note(io.BytesIO(data)) == read_note(data) == NOTE


def test_what_is_no_picture_has_no_note_to_read(tmp_path):
    (tmp_path / "a.png").write_text("no")
    with pytest.raises(ImageError, match=r"a\.png: not a picture"):
        read_note(tmp_path / "a.png")


def test_a_note_is_looked_for_without_decoding(monkeypatch, make_picture):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("decoded"))
    file = io.BytesIO()
    make_picture().save(file, "PNG")
    assert read_note(file.getvalue()) is None
