"""What a page shows of models, and names that are safe in files and addresses."""

import io
from dataclasses import replace

import pytest
from PIL import Image

from fastnst.errors import ConfigError
from fastnst.inference import load
from fastnst.web import describe_models, open_models, safe_name, thumbnail


@pytest.mark.parametrize(
    ("name", "safe"),
    [("starry_night", "starry_night"), ("../../etc", "etc"), ("a b/c?", "a_b_c"), ("…", "style"), ("Ünö", "n")],
)
def test_names_are_safe(name, safe):
    assert safe_name(name) == safe


def test_a_model_of_one_style_is_described_by_it(trained):
    stylizer = load(trained, "cpu")
    stylizer.metadata = replace(stylizer.metadata, origin={"license": "CC0-1.0"})
    entry = describe_models({"my waves": stylizer})[0]
    assert entry == {
        "name": "my_waves",
        "title": "Waves",
        "artist": "",
        "thumbnail": "thumbnails/my_waves.jpg",
        "styles": [],
        "strength": False,
        "license": "CC0-1.0",
    }


def test_a_model_of_several_styles_lists_them(gallery):
    entry = describe_models({"gallery": load(gallery, "cpu")})[0]
    assert (entry["title"], entry["strength"], entry["license"]) == ("Gallery", True, "not stated")
    assert [style["title"] for style in entry["styles"]] == ["Wave", "Starry", "Udnie"]
    assert entry["styles"][1]["thumbnail"] == "thumbnails/gallery/starry.jpg"


def test_a_thumbnail_is_the_picture_that_is_imitated_or_a_painted_one(trained, gallery):
    for data in (thumbnail(load(trained, "cpu")), thumbnail(load(gallery, "cpu"), "udnie")):
        image = Image.open(io.BytesIO(data))
        assert (image.format, image.size) == ("JPEG", (160, 160))
    assert thumbnail(load(gallery, "cpu"), "udnie") != thumbnail(load(gallery, "cpu"), "wave")
    with pytest.raises(ConfigError, match="unknown style"):
        thumbnail(load(gallery, "cpu"), "udni")


def test_pictures_become_the_styles_of_one_model(shared_network, style_picture, tmp_path, model_file):
    (tmp_path / "other").mkdir()
    other = tmp_path / "other" / style_picture.name
    Image.new("RGB", (60, 50), (200, 40, 40)).save(other)
    models = open_models([str(style_picture), str(model_file), str(other)])
    assert list(models) == [safe_name(model_file.parent.name), "pictures"]
    made = models["pictures"]
    assert made.styles == [style_picture.stem, f"{style_picture.stem}_2"]
    photo = Image.open(style_picture)
    painted = made.styled(made.styles[1], 0.5)(photo)
    expected = load(style=str(other), device="cpu", precision="float32", engine="torch", strength=0.5)(photo)
    assert painted.tobytes() == expected.tobytes()


def test_what_has_no_styles_is_refused(shared_network, tmp_path):
    with pytest.raises(ConfigError, match="give the pictures instead"):
        open_models(["shared"])
    (tmp_path / "a.onnx").write_bytes(b"")
    with pytest.raises(ConfigError, match="is a graph already"):
        open_models([str(tmp_path / "a.onnx")])


def test_thumbnails_of_styles_have_an_address_each(gallery):
    stylizer = load(gallery, "cpu")
    for style, name in zip(stylizer.metadata.styles, ("星空", "睡莲", "a b"), strict=True):
        style["name"] = name
    entry = describe_models({"gallery": stylizer})[0]
    assert len({style["thumbnail"] for style in entry["styles"]}) == 3
