import json
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

from fastnst.cli import run

needs_onnx = pytest.mark.skipif(
    find_spec("onnx") is None or find_spec("onnxruntime") is None, reason="needs fastnst[onnx]"
)


@needs_onnx
def test_a_style_is_exported_and_painted_with(gallery, style_picture, tmp_path, capsys):
    out, model = tmp_path / "gallery.onnx", str(gallery)
    assert run(["export", model, "--out", str(out), "--license", "CC0-1.0", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["largest"] <= 1
    assert (facts["license"], facts["precision"], facts["bytes"]) == ("CC0-1.0", "float32", out.stat().st_size)
    painted = []
    for name, file in (("a", model), ("b", str(out))):
        words = ["stylize", str(style_picture), "-m", file, "--mix", "wave:1", "starry:2", "--strength", "0.5"]
        assert run([*words, "--precision", "float32", "-o", str(tmp_path / f"{name}.png")]) == 0
        painted.append(np.asarray(Image.open(tmp_path / f"{name}.png")).astype(int))
    assert np.abs(painted[0] - painted[1]).max() <= 1
    assert run(["export", model, "--out", str(out)]) == 2
    assert "exists; choose another --out, or give --overwrite" in capsys.readouterr().err


@needs_onnx
def test_one_style_is_exported_alone(gallery, tmp_path, capsys):
    assert run(["export", str(gallery), "--style", "starry", "--strength", "0.5", "-o", str(tmp_path / "s.onnx")]) == 0
    assert "differs from torch by at most" in capsys.readouterr().out


def test_without_the_extra_the_remedy_is_named(model_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("fastnst.export.publishing.find_spec", lambda name: None)
    assert run(["export", str(model_file), "--out", str(tmp_path / "s.onnx")]) == 2
    assert "pip install 'fastnst[onnx]'" in capsys.readouterr().err
    assert run(["export", str(model_file), "--out", str(tmp_path / "s.tflite")]) == 2
    assert "write .onnx or .pt2" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@needs_onnx
def test_a_graph_says_what_it_is(model_file, tmp_path, capsys):
    assert run(["export", str(model_file), "--out", str(tmp_path / "s.onnx")]) == 0
    capsys.readouterr()
    assert run(["info", str(tmp_path / "s.onnx"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["file"] == str(tmp_path / "s.onnx")
    assert {"name", "license", "pixels"} <= facts.keys()
