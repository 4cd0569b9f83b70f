from pathlib import Path

import pytest
import yaml
from PIL import Image

from fastnst.assets import find_config
from fastnst.cli import demo, run, train
from fastnst.training.job import Trained

pytest.importorskip("skimage")


def test_everything_the_demo_uses_is_laid_out_in_its_folder(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    options, passed = train.read(demo.lay_out())
    assert passed == []
    assert Image.open(vars(options)["model.style"]).size == (720, 560)
    assert len(list(Path(vars(options)["data.photos"]).iterdir())) == 10


def test_the_demo_takes_the_three_minutes_that_it_promises():
    settings = yaml.safe_load(find_config("demo", "train").read_text())
    assert settings["time_budget"] == "3m"
    assert settings["trainer"]["max_steps"] == -1
    assert "three minutes" in demo.INTRODUCTION


@pytest.mark.parametrize("words", [[], ["--seed", "3", "--device", "cpu"]])
def test_without_a_style_the_demo_is_trained_and_shown(monkeypatch, tmp_path, capsys, words):
    monkeypatch.chdir(tmp_path)
    asked = []
    done = Trained(demo.FOLDER, demo.STYLE, 1, 1.0, {"loss": 1.0})
    monkeypatch.setattr("fastnst.training.running.run", lambda job, **more: asked.append(job) or done)
    monkeypatch.setattr(demo, "write_sheet", lambda: demo.FOLDER / "sheet.png")
    assert run(["train", *words]) == 0
    job, said = asked[0], capsys.readouterr().out
    assert job.words[0].endswith("demo.yaml")
    assert job.resume is None
    assert said.startswith(demo.INTRODUCTION)
    assert "sheet.png: photographs above" in said
    demo.STYLE.write_bytes(b"a style")
    assert run(["train", *words]) == 0
    assert asked[1].resume == "auto"


def test_sheet_shows_photographs_above_their_paintings(monkeypatch, tmp_path, model_file):
    monkeypatch.chdir(tmp_path)
    demo.lay_out()
    copy = tmp_path / "style.safetensors"
    copy.write_bytes(model_file.read_bytes())
    assert Image.open(demo.write_sheet(copy)).size == (4 * 384, 2 * 384)
