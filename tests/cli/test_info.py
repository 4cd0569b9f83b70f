import json

import pytest
import torch

from fastnst.cli import run
from fastnst.images import write_image


def test_a_style_shows_its_card(bundled_styles, capsys):
    assert run(["info", "waves"]) == 0
    assert capsys.readouterr().out == "# Waves\n\nA card.\n"


def test_a_style_without_a_card_shows_its_header(bundled_styles, capsys):
    assert run(["info", "plain"]) == 0
    assert "network.name                johnson" in capsys.readouterr().out


def test_json_holds_the_metadata(bundled_styles, capsys):
    assert run(["info", str(bundled_styles / "waves.safetensors"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["styles"][0]["artist"].startswith("A. Painter")
    assert facts["bytes"] == (bundled_styles / "waves.safetensors").stat().st_size


def test_a_picture_shows_the_command_that_repeats_it(tmp_path, make_picture, capsys):
    note = {"fastnst": "1", "command": ["fastnst", "stylize", "a b.jpg"], "settings": {"model": "waves"}}
    write_image(make_picture(), tmp_path / "p.png", note)
    assert run(["info", str(tmp_path / "p.png")]) == 0
    assert "fastnst stylize 'a b.jpg'" in capsys.readouterr().out


def test_a_resume_file_of_a_training_tells_its_step(tmp_path, capsys):
    torch.save({"global_step": 7, "fastnst": {"style": {"name": "waves", "picture": "long"}}}, tmp_path / "last.ckpt")
    assert run(["info", str(tmp_path / "last.ckpt")]) == 0
    said = capsys.readouterr().out
    assert "step                        7" in said
    assert "long" not in said


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("plain.png", 1, "says nothing of how it was made"),
        ("gone.png", 1, "gone.png: no such file"),
        ("torn.safetensors", 1, "is not a whole safetensors file"),
        ("text.ckpt", 1, "not a resume file of a training"),
        ("gone.ckpt", 1, "no such file"),
        ("gone.resume", 2, "nothing to resume"),
        ("wavs", 2, "unknown style 'wavs'"),
    ],
)
def test_a_file_with_nothing_to_tell_is_one_line(tmp_path, monkeypatch, make_picture, capsys, name, code, words):
    monkeypatch.chdir(tmp_path)
    make_picture().save("plain.png")
    (tmp_path / "torn.safetensors").write_bytes(b"torn")
    (tmp_path / "text.ckpt").write_text("text")
    assert run(["info", name]) == code
    said = capsys.readouterr().err.strip()
    assert words in said
    assert said.startswith("fastnst: error: ")
    assert "\n" not in said


def test_a_stylized_picture_says_so(tmp_path, photos, model_file, capsys):
    out = tmp_path / "painted.jpg"
    assert run(["stylize", "--model", str(model_file), str(photos / "01.png"), "--out", str(out)]) == 0
    assert run(["info", str(out)]) == 0
    assert "fastnst stylize " in capsys.readouterr().out


def test_a_file_of_several_styles_tells_what_it_can_do(gallery, shared_network, capsys):
    assert run(["info", str(gallery), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    names = ["wave", "starry", "udnie"]
    assert facts["table"] == {"styles": 3, "strength": True, "predictor": False, "names": names}
    assert run(["info", str(gallery)]) == 0
    said = capsys.readouterr().out
    assert "table.names                 wave, starry, udnie" in said
    assert "table.predictor             False" in said
    assert run(["info", "shared", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["table"]["predictor"] is True
