"""scripts/card.py, which is no part of the package: what it writes must be what the package ships."""

import importlib.util
from pathlib import Path

import pytest
from PIL import Image

from fastnst import assets
from fastnst.checkpoint import load_checkpoint, read_metadata

SCRIPT = Path(__file__).parents[1] / "scripts" / "card.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("card", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_published_style_is_half_as_large_and_says_what_it_imitates(script, bundled_styles, tmp_path):
    path = script.publish(bundled_styles / "waves.safetensors", "the_great_wave", tmp_path)
    assert path.stat().st_size < 1.1 * (bundled_styles / "waves.safetensors").stat().st_size
    style = read_metadata(path).styles[0]
    assert (style["name"], style["title"]) == ("the_great_wave", "The Great Wave off Kanagawa")
    assert read_metadata(path).judged == load_checkpoint(bundled_styles / "waves.safetensors")[1].judged


def test_the_card_tells_origin_terms_and_licence(script, bundled_styles, tmp_path):
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


def test_styles_of_unknown_origin_are_not_published(script, bundled_styles, tmp_path):
    with pytest.raises(SystemExit, match="did you mean 'udnie'"):
        script.publish(bundled_styles / "waves.safetensors", "undie", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_the_sheet_has_a_row_per_photograph_and_a_column_per_style(script, bundled_styles, photos, tmp_path):
    (bundled_styles / "torn.safetensors").unlink()
    script.write_sheet([photos / "01.png", photos / "02.png"], tmp_path / "styles.jpg")
    assert len(assets.styles()) == 2
    assert Image.open(tmp_path / "styles.jpg").size == (3 * 320, 2 * 320)
