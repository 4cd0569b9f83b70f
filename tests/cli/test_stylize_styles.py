"""``fastnst stylize`` with the styles of one network, and with any picture."""

import io
from types import SimpleNamespace

import pytest
from PIL import Image

from fastnst.cli import run
from fastnst.images import read_note
from fastnst.inference import load


def stylize(*words) -> int:
    try:
        return run(["stylize", "--device", "cpu", *map(str, words)])
    except SystemExit as exit_:
        return exit_.code


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "work"


@pytest.mark.parametrize(
    ("words", "name", "said"),
    [
        (["--style", "wave"], "01_wave.png", {"style": "wave"}),
        (["--style", "wave", "--strength", "0.5"], "01_wave_strength50.png", {"style": "wave", "strength": 0.5}),
        (["--mix", "wave:1", "starry:3"], "01_wave25_starry75.png", {"mix": {"wave": 1, "starry": 3}}),
        (
            ["--mix", "wave:1", "--mix", "udnie:1", "--mix", "wave:2"],
            "01_wave75_udnie25.png",
            {"mix": {"wave": 3, "udnie": 1}},
        ),
    ],
)
def test_the_result_is_named_after_the_style_and_tells_how_it_was_made(gallery, photos, here, words, name, said):
    assert stylize("--model", gallery, photos / "01.png", *words) == 0
    note = read_note(here / name)
    assert note["settings"] == {"model": str(gallery)} | said
    (here / name).rename(here / "before.png")
    assert run([*note["command"][1:], "--device", "cpu"]) == 0
    assert (here / name).read_bytes() == (here / "before.png").read_bytes()


def test_a_picture_is_a_style_without_a_model(shared_network, photos, style_picture, here, capsys):
    assert stylize(photos / "01.png", "--style", style_picture) == 0
    assert "01_waves.png: 65x51" in capsys.readouterr().out
    assert (
        stylize(photos / "01.png", "--mix", f"{style_picture}:0.5", f"{photos / '02.png'}:1.5", "--strength", 0.5) == 0
    )
    assert (here / "01_waves25_0275_strength50.png").exists()


def test_a_trained_style_needs_one_word(bundled_styles, photos, here):
    assert stylize(photos / "01.png", "--style", "waves") == 0
    assert stylize(photos / "01.png", "--model", "waves", "--out", "by_model.png") == 0
    assert Image.open("01_waves.png").tobytes() == Image.open("by_model.png").tobytes()


def test_folders_are_painted_in_a_style(gallery, photos, here):
    assert stylize("--model", gallery, photos, "--mix", "wave:1", "starry:1", "--quiet") == 0
    assert len(list((here / "wave50_starry50").rglob("*.png"))) == 12


def test_a_pipe_is_painted_in_a_style(gallery, photos, here, monkeypatch, capsysbinary):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO((photos / "01.png").read_bytes())))
    assert stylize("-", "--model", gallery, "--style", "udnie", "--out", "-") == 0
    painted = capsysbinary.readouterr().out
    expected = load(gallery, "cpu", style="udnie")(photos / "01.png")
    assert Image.open(io.BytesIO(painted)).tobytes() == expected.tobytes()
    assert read_note(painted)["command"][:6] == ["fastnst", "stylize", "-", "--model", str(gallery), "--style"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--model", "GALLERY"], 2, "this model has 3 styles; choose one by --style NAME: wave, starry, udnie"),
        (["--model", "GALLERY", "--style", "wav"], 2, "unknown style 'wav'; did you mean 'wave'?"),
        (["--model", "GALLERY", "--style", "PHOTO"], 2, "no predictor"),
        (["--model", "GALLERY", "--mix", "wave:1", "wavy:1"], 2, "unknown style 'wavy'"),
        (["--model", "GALLERY", "--mix", "wave:0"], 2, "a mix needs weights"),
        (["--model", "GALLERY", "--mix", "wave:-1"], 2, "'wave:-1' is not STYLE:WEIGHT"),
        (["--model", "GALLERY", "--mix", "wave"], 2, "'wave' is not STYLE:WEIGHT"),
        (["--model", "GALLERY", "--style", "wave", "--mix", "wave:1"], 2, "give either --style or --mix"),
        (["--model", "GALLERY", "--style", "wave", "--strength", "2"], 2, "--strength: 2 is not between 0 and 1"),
        (["--model", "GALLERY", "--style", "wave", "--strength", "much"], 2, "'much' is not a number"),
        (["--model", "plain", "--strength", "0.5"], 2, "one style at one strength; leave strength out"),
        (["--style", "wavs"], 2, "unknown style 'wavs'; did you mean 'waves'?"),
        (["--style", "gone.jpg"], 1, "gone.jpg: no such file"),
        (["--mix", "waves:1"], 2, "'waves' is not a picture"),
        (["--model", "shared"], 2, "style of any picture; give one by --style PICTURE"),
        (
            ["--model", "shared", "--style", "wave"],
            2,
            "'wave' is not a picture, and this model knows no styles by name",
        ),
        ([], 2, "missing a model or a style; give --model, --style or --mix"),
    ],
)
def test_a_mistake_is_one_line_and_paints_nothing(gallery, shared_network, photos, here, capsys, words, code, said):
    places = {"GALLERY": str(gallery), "PHOTO": str(photos / "02.png")}
    assert stylize(photos / "01.png", *(places.get(word, word) for word in words)) == code
    error = capsys.readouterr().err.strip()
    assert said in error
    assert error.startswith("fastnst: error: ")
    assert "\n" not in error
    assert not list(here.iterdir())
