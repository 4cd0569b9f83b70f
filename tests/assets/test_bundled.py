import pytest

import fastnst
from fastnst import assets
from fastnst.assets import find_config, find_style
from fastnst.assets.samples import draw_landscape
from fastnst.checkpoint import read_metadata
from fastnst.errors import ConfigError
from fastnst.inference import load


def test_styles_are_found_by_name(bundled_styles):
    assert list(assets.styles()) == ["plain", "torn", "waves"]
    assert find_style("waves") == bundled_styles / "waves.safetensors"


def test_a_package_has_its_styles_inside(bundled_styles):
    inside = bundled_styles.parent / "fastnst" / "checkpoints"
    inside.mkdir(parents=True)
    (bundled_styles / "waves.safetensors").rename(inside / "waves.safetensors")
    assert assets.styles() == {"waves": inside / "waves.safetensors"}


def test_a_file_wins_over_a_name_but_a_folder_does_not(bundled_styles, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "waves").mkdir()
    assert find_style("waves") == bundled_styles / "waves.safetensors"
    (tmp_path / "plain").write_text("")
    assert find_style("plain").absolute() == tmp_path / "plain"


@pytest.mark.parametrize("path", ["gone.safetensors", "runs/gone", "here"])
def test_what_looks_like_a_path_is_left_to_who_opens_it(bundled_styles, tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert str(find_style(path)) == path


def test_unknown_styles_are_guessed(bundled_styles):
    with pytest.raises(ConfigError, match=r"unknown style 'wavs'; did you mean 'waves'\? Known: plain, torn, waves"):
        find_style("wavs")


def test_loading_takes_a_name(bundled_styles):
    stylizer = fastnst.load("waves", device="cpu")
    assert stylizer.metadata.styles[0]["title"] == "Waves"
    assert stylizer(draw_landscape(20, 16)).size == (20, 16)


def test_configs_are_found_by_name_and_by_path(tmp_path):
    assert find_config("quality", "train").name == "quality.yaml"
    assert find_config("magenta", "train").name == "magenta.yaml"
    (tmp_path / "mine.yaml").write_text("")
    assert find_config(str(tmp_path / "mine.yaml"), "optimize") == tmp_path / "mine.yaml"
    with pytest.raises(ConfigError, match=r"unknown config 'qualty'; did you mean 'quality'\?.*johnson2016"):
        find_config("qualty", "train")


def test_a_config_of_another_command_is_refused():
    assert "gatys2016" in assets.configs("optimize")
    assert "gatys2016" not in assets.configs("train")
    with pytest.raises(ConfigError, match="config 'gatys2016' is for fastnst optimize, not for fastnst train"):
        find_config("gatys2016", "train")


def test_every_bundled_style_is_small_has_a_card_and_paints():
    for name, path in assets.styles().items():
        assert path.stat().st_size < 1e6, name
        assert name in path.with_suffix(".md").read_text("utf-8")
        stylizer = load(path, "cpu", "float32")
        for style in stylizer.styles:
            assert stylizer.styled(style)(draw_landscape()).size == (96, 64)


def test_the_gallery_has_all_bundled_styles():
    known = assets.styles()
    assert set(load(known.pop("gallery"), "cpu", "float32").styles) == set(known)
    assert all(read_metadata(path).styles[0]["name"] == name for name, path in known.items())
