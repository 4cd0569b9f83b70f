"""scripts/card.py, which is no part of the package: what it writes must be what the package ships."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from fastnst import assets
from fastnst.checkpoint import load_checkpoint, read_metadata, save_checkpoint
from fastnst.images.sheet import LABEL, MARGIN

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture(scope="module")
def script():
    before, sys.path = set(sys.modules), [str(SCRIPTS), *sys.path]
    yield importlib.import_module("card")
    sys.path.remove(str(SCRIPTS))
    for name in set(sys.modules) - before:
        if (SCRIPTS / f"{name}.py").exists():
            del sys.modules[name]


@pytest.fixture
def gallery(make_gallery, tmp_path):
    """Three styles of known origin, each with the picture imitated and how near it came."""
    path = make_gallery(tmp_path / "run" / "style.safetensors", "udnie painted the_scream", False)
    network, metadata = load_checkpoint(path)
    more = {"picture": "packed", "judged": {"content/relu2_1": 0.5, "style/relu1_1": 0.25, "loss": 0.75}}
    styles = [style | more | {"sha256": str(number)} for number, style in enumerate(metadata.styles)]
    save_checkpoint(path, network, replace(metadata, styles=styles))
    return path


def test_a_published_style_is_half_as_large_and_says_what_it_imitates(script, bundled_styles, tmp_path):
    path = script.publish(bundled_styles / "waves.safetensors", "the_great_wave", tmp_path)
    assert path.stat().st_size < 1.1 * (bundled_styles / "waves.safetensors").stat().st_size
    style = read_metadata(path).styles[0]
    assert (style["name"], style["title"]) == ("the_great_wave", "The Great Wave off Kanagawa")
    assert read_metadata(path).judged == load_checkpoint(bundled_styles / "waves.safetensors")[1].judged


def test_the_card_tells_origin_terms_and_license(script, bundled_styles, tmp_path):
    card = script.publish(bundled_styles / "waves.safetensors", "the_great_wave", tmp_path).with_suffix(".md")
    text = card.read_text("utf-8")
    assert "The Great Wave off Kanagawa, c. 1831. Katsushika Hokusai (1760-1849)." in text
    assert "| content/relu2_1 | 0.5 |" in text
    assert "fastnst stylize --model the_great_wave" in text
    assert "public domain" in text
    assert "BSDS500" in text


def test_the_style_of_our_own_is_not_called_old(script, bundled_styles, tmp_path):
    text = script.publish(bundled_styles / "waves.safetensors", "painted", tmp_path).with_suffix(".md").read_text()
    assert "drawn by fastnst itself" in text
    assert "public domain" not in text
    assert "BSDS500" not in text


def test_styles_of_unknown_origin_are_not_published(script, bundled_styles, gallery, make_gallery, tmp_path):
    with pytest.raises(SystemExit, match="did you mean 'udnie'"):
        script.publish(bundled_styles / "waves.safetensors", "undie", tmp_path / "none")
    with pytest.raises(SystemExit, match="did you mean 'udnie'"):
        script.publish(make_gallery(tmp_path / "g.safetensors", "udnie undie", False), "gallery", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_several_styles_are_published_with_the_origin_of_each(script, gallery, tmp_path):
    path = script.publish(gallery, "gallery", tmp_path)
    assert [style["title"] for style in read_metadata(path).styles] == [
        *("Udnie", "A sun above a restless sea", "The Scream")
    ]
    assert load_checkpoint(path)[0].styles.codes.shape[0] == 3
    text = path.with_suffix(".md").read_text("utf-8")
    assert "| `the_scream` | The Scream, Edvard Munch (1863-1944), 1893 |" in text
    assert "fastnst stylize --model gallery --mix udnie:0.3 painted:0.7 photo.jpg" in text
    assert "| `udnie` | 0.5 | 0.25 |  | 0.75 |" in text
    assert "The style picture of `painted` is drawn by fastnst itself" in text
    assert "public domain" in text
    assert "BSDS500" in text
    assert "gallery.jpg" not in text


def test_several_styles_leave_out_the_pictures_that_files_beside_them_hold(script, gallery, tmp_path):
    network, metadata = load_checkpoint(gallery)
    alone = replace(metadata, styles=metadata.styles[:1])
    save_checkpoint(tmp_path / "udnie.safetensors", network.plain(network.styles.codes[0]), alone)
    (tmp_path / "torn.safetensors").write_bytes(b"torn")
    styles = read_metadata(script.publish(gallery, "gallery", tmp_path)).styles
    assert ["picture" in style for style in styles] == [False, True, True]
    again = read_metadata(script.publish(gallery, "gallery", tmp_path)).styles
    assert again == styles


def test_several_styles_are_shown_at_their_strengths_and_in_a_mix(script, gallery, make_picture, tmp_path):
    make_picture(40, 20).save(tmp_path / "photo.png")
    (tmp_path / "scripts").mkdir()
    path = script.publish(gallery, "gallery", tmp_path / "checkpoints", photo=tmp_path / "photo.png")
    sheet = Image.open(tmp_path / "scripts/gallery.jpg")
    assert sheet.size == (5 * script.STRIP + 6 * MARGIN, 4 * (20 + LABEL) + 5 * MARGIN)
    assert "(../scripts/gallery.jpg)" in path.with_suffix(".md").read_text("utf-8")


def test_the_sheet_has_a_row_per_photograph_and_a_column_per_style(script, bundled_styles, photos, tmp_path):
    (bundled_styles / "torn.safetensors").unlink()
    script.write_sheet([photos / "01.png", photos / "02.png"], tmp_path / "styles.jpg")
    assert len(assets.styles()) == 2
    assert Image.open(tmp_path / "styles.jpg").size == (3 * 320, 2 * 320)


def test_the_sheet_shows_several_styles_of_one_network_in_mixes(script, gallery, make_picture):
    paint = script.column(stylizer := script.load(gallery, "cpu", "float32"))
    photo = make_picture()
    for pair in (("udnie", "painted"), ("painted", "the_scream"), ("udnie", "painted")):
        assert paint(photo).tobytes() == stylizer.styled(dict.fromkeys(pair, 0.5))(photo).tobytes()


def test_a_sheet_of_many_styles_has_several_bands(script, bundled_styles, photos, tmp_path, monkeypatch):
    (bundled_styles / "torn.safetensors").unlink()
    monkeypatch.setattr(script, "MOST_STYLES", 1)
    script.write_sheet([photos / "01.png"], tmp_path / "styles.jpg")
    assert Image.open(tmp_path / "styles.jpg").size == (2 * 320, 2 * 320)


def test_the_list_of_styles_is_brought_up_to_date(script, bundled_styles, gallery, tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text(
        "# Styles\n\n| style | artwork | card |\n|---|---|---|\n| `gone` | Gone | no |\n\n| other | table |\n"
    )
    script.publish(bundled_styles / "waves.safetensors", "the_scream", tmp_path)
    script.publish(gallery, "gallery", tmp_path)
    lines = readme.read_text("utf-8").splitlines()
    assert lines[2:] == [
        "| style | artwork | card |",
        "|---|---|---|",
        "| `gallery` | 3 styles in one network | [card](gallery.md) |",
        "| `the_scream` | The Scream, Edvard Munch, 1893 | [card](the_scream.md) |",
        *("", "| other | table |"),
    ]


def test_the_bundled_list_is_that_of_the_files(script):
    styles = {path.stem: metadata for path, metadata in script._published(script.FOLDER).items()}
    assert script.index(styles) + "\n\n" in (script.FOLDER / "README.md").read_text("utf-8")


def test_a_start_hands_on_the_terms_of_its_photographs(script, bundled_styles, tmp_path):
    network, metadata = load_checkpoint(bundled_styles / "waves.safetensors")
    save_checkpoint(tmp_path / "begun.safetensors", network, replace(metadata, training={"init": "shared"}))
    text = script.publish(tmp_path / "begun.safetensors", "painted", tmp_path).with_suffix(".md").read_text("utf-8")
    assert "scikit-image, from a start that was trained with photographs of BSDS500" in text
