import io
import json

import pytest
from PIL import Image

from fastnst.cli import run
from fastnst.cli._terminal import colors_of, draw


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def environment(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    return monkeypatch


def test_every_style_is_listed_with_what_there_is_to_know(bundled_styles, capsys):
    assert run(["models"]) == 0
    said = capsys.readouterr().out
    assert "Waves, 1840" in said
    assert "A. Painter (1800-1850)" in said
    assert "johnson (width 4, blocks 1), " in said
    assert "content 0.5, style 0.25 on 4 held-out photographs" in said
    assert "fastnst stylize --model waves photo.jpg" in said
    assert said.isascii()


def test_a_damaged_style_takes_one_line_among_the_others(bundled_styles, capsys):
    assert run(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if "torn" in line]) == 1
    assert "torn.safetensors: is not a whole safetensors file" in "".join(lines)


def test_thumbnails_on_a_terminal_are_colored_blocks(bundled_styles, environment):
    screen = Terminal()
    environment.setattr("sys.stdout", screen)
    environment.setenv("COLORTERM", "truecolor")
    assert run(["models"]) == 0
    assert screen.getvalue().count("▀") == 2 * 24 * 8


def test_json_is_a_list_of_names_files_and_origins(bundled_styles, capsys):
    assert run(["models", "--json"]) == 0
    plain, torn, waves = json.loads(capsys.readouterr().out)
    assert waves["artist"].startswith("A. Painter")
    assert waves["bytes"] == (bundled_styles / "waves.safetensors").stat().st_size
    assert plain["title"] == ""
    assert "not a whole" in torn["error"]


def test_a_model_of_several_styles_lists_them(bundled_styles, gallery, capsys):
    (bundled_styles / "gallery.safetensors").write_bytes(gallery.read_bytes())
    assert run(["models"]) == 0
    said = capsys.readouterr().out
    assert "3 styles: wave, starry, udnie" in said
    assert "fastnst stylize --model gallery --style wave photo.jpg" in said
    assert run(["models", "--json"]) == 0
    entry = next(entry for entry in json.loads(capsys.readouterr().out) if entry["name"] == "gallery")
    assert [style["name"] for style in entry["styles"]] == ["wave", "starry", "udnie"]


def test_one_style_is_the_business_of_info(bundled_styles, capsys):
    assert run(["models", "waves"]) == 2
    assert "fastnst info waves" in capsys.readouterr().err


def test_an_installation_without_styles_says_so(bundled_styles, capsys):
    for path in bundled_styles.iterdir():
        path.unlink()
    assert run(["models"]) == 0
    assert "no bundled styles" in capsys.readouterr().out


def test_color_is_for_terminals_that_want_it(environment):
    assert colors_of(Terminal()) == "256"
    assert colors_of(io.StringIO()) == "none"
    environment.setenv("COLORTERM", "truecolor")
    assert colors_of(Terminal()) == "full"
    environment.setenv("NO_COLOR", "1")
    assert colors_of(Terminal()) == "none"


@pytest.mark.parametrize(
    ("colors", "line"),
    [
        ("none", "@@"),
        ("256", "\x1b[38;5;231;48;5;196m▀\x1b[38;5;231;48;5;196m▀\x1b[0m"),
        ("full", "\x1b[38;2;255;255;255;48;2;255;0;0m▀\x1b[38;2;255;255;255;48;2;255;0;0m▀\x1b[0m"),
    ],
)
def test_a_character_holds_two_pixels(colors, line):
    picture = Image.new("RGB", (2, 2), "white")
    if colors != "none":
        picture.paste("red", (0, 1, 2, 2))
    assert draw(picture, 2, 1, colors) == [line]
