import json

import pytest
import torch
from PIL import Image

from fastnst.checkpoint import CheckpointError, load_checkpoint
from fastnst.cli import run
from fastnst.inference import load


@pytest.fixture
def old(tmp_path):
    """A small network of pytorch/examples with random weights."""
    sizes = {"conv1": (4, 3, 9), "conv2": (8, 4, 3), "conv3": (16, 8, 3), "res1.conv1": (16, 16, 3)}
    sizes |= {"res1.conv2": (16, 16, 3), "deconv1": (8, 16, 3), "deconv2": (4, 8, 3), "deconv3": (3, 4, 9)}
    state = {f"{name}.conv2d.weight": torch.randn(c, i, k, k) / 4 for name, (c, i, k) in sizes.items()}
    state |= {f"{name}.conv2d.bias": torch.randn(size[0]) for name, size in sizes.items()}
    norms = {"in1": 4, "in2": 8, "in3": 16, "res1.in1": 16, "res1.in2": 16, "in4": 8, "in5": 4}
    state |= {f"{name}.{part}": torch.rand(channels) for name, channels in norms.items() for part in ("weight", "bias")}
    torch.save(state, tmp_path / "old.pth")
    return tmp_path / "old.pth"


def test_what_is_imported_paints(old, tmp_path, make_picture, capsys):
    out = tmp_path / "styles" / "candy.safetensors"
    assert run(["import", str(old), "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == (
        f"{out}: a network of pytorch/examples fast_neural_style, 9,651 parameters, license unknown; "
        f"paint with: fastnst stylize --model {out} PHOTO"
    )
    make_picture(51, 38).save(tmp_path / "photo.png")
    painted = tmp_path / "painted.png"
    assert run(["stylize", str(tmp_path / "photo.png"), "--model", str(out), "--out", str(painted), "--quiet"]) == 0
    assert Image.open(painted).size == (51, 38)
    assert load(out).styles == ["candy"]


def test_info_tells_where_a_style_is_from(old, tmp_path, capsys):
    out = tmp_path / "candy.safetensors"
    assert run(["import", str(old), "--out", str(out), "--license", "MIT", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert run(["info", str(out)]) == 0
    said = capsys.readouterr().out
    for words in ("pytorch/examples", "old.pth", "MIT", "foreign", "pad reflect 4, conv 4 9 1, norm 1e-05, relu"):
        assert words in said


def test_json_holds_the_facts(old, tmp_path, capsys):
    assert run(["import", str(old), "-o", str(tmp_path / "a.safetensors"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["program"].startswith("pytorch/examples")
    assert (facts["file"], facts["parameters"], len(facts["sha256"])) == ("old.pth", 9651, 64)


def test_the_result_is_named_after_the_file(old, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["import", "old.pth", "--quiet"]) == 0
    assert load_checkpoint("old.safetensors")[1].styles == [{"name": "old"}]


def test_a_file_that_exists_is_kept(old, tmp_path, capsys):
    out = tmp_path / "a.safetensors"
    out.write_text("mine")
    assert run(["import", str(old), "--out", str(out)]) == 2
    assert "exists; choose another --out, or give --overwrite" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert run(["import", str(old), "--out", str(out), "-y", "--quiet"]) == 0


@pytest.mark.parametrize("overwrite", [[], ["-y"]])
def test_the_source_is_never_replaced(tmp_path, capsys, overwrite):
    (tmp_path / "a.safetensors").write_text("theirs")
    assert run(["import", str(tmp_path / "a.safetensors"), "--out", str(tmp_path / "a.safetensors"), *overwrite]) == 2
    assert "would replace the file that it is made of" in capsys.readouterr().err
    assert (tmp_path / "a.safetensors").read_text() == "theirs"


def test_a_result_of_another_kind_is_a_usage_error(old, tmp_path, capsys):
    assert run(["import", str(old), "--out", str(tmp_path / "a.pth")]) == 2
    assert "must be the name of a .safetensors file" in capsys.readouterr().err


def test_what_cannot_be_imported_is_one_line(tmp_path, capsys):
    (tmp_path / "a.pth").write_text("hello")
    assert run(["import", str(tmp_path / "a.pth"), "--out", str(tmp_path / "a.safetensors")]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"fastnst: error: {tmp_path / 'a.pth'}: neither PyTorch")
    assert said.count("\n") == 1
    assert not (tmp_path / "a.safetensors").exists()


def test_stylize_and_info_point_to_the_import(old, tmp_path, make_picture, capsys):
    make_picture().save(tmp_path / "photo.png")
    words = ["stylize", str(tmp_path / "photo.png"), "--model", str(old), "--out", str(tmp_path / "p.png")]
    for command in (words, ["info", str(old)]):
        assert run(command) == 1
        said = capsys.readouterr().err
        assert said.endswith(f"first make one of it: fastnst import {old}\n")
        assert said.count("\n") == 1
    with pytest.raises(CheckpointError, match="no such file"):
        load_checkpoint(tmp_path / "nothing.pth")
