"""The Python examples of README.md run, with little pictures, and with steps where there would be minutes."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import fastnst
from fastnst.training.job import Trained

README = Path(__file__).parents[1] / "README.md"


def examples(text: str) -> list[str]:
    """Return the blocks of Python in a text of Markdown."""
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def user(monkeypatch, tmp_path, make_picture, trained):
    """A folder with what the examples name, and functions that take no time."""
    import fastnst.compare.job
    import fastnst.optimize.job

    monkeypatch.chdir(tmp_path)
    for name in ("holiday.jpg", "painting.jpg", "photos/1.jpg", "photos/2.jpg", "holiday/1.jpg"):
        Path(name).parent.mkdir(exist_ok=True)
        make_picture(64, 48).save(name)
    for name in ("runs/starry/style.safetensors", "runs/mine/style.safetensors"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(trained.read_bytes())
    optimize, compare = fastnst.optimize.job.run, fastnst.compare.job.run

    def optimize_quickly(job, *more):
        return optimize(replace(job, config=replace(job.config, steps=1, time_budget=None)), *more)

    def compare_quickly(job, *more):
        return compare(replace(job, count=1, sizes=(32,), steps=1), *more)

    def train_quickly(job, *more):
        folder = Path(job.settings["trainer.default_root_dir"])
        return Trained(folder, folder / "style.safetensors", 1, 1.0, {"loss": 1.0})

    monkeypatch.setattr("fastnst.optimize.job.run", optimize_quickly)
    monkeypatch.setattr("fastnst.compare.job.run", compare_quickly)
    monkeypatch.setattr("fastnst.training.running.run", train_quickly)


@pytest.mark.parametrize("number", range(len(examples(README.read_text("utf-8")))))
def test_an_example_runs_as_it_is_printed(user, number):
    code = examples(README.read_text("utf-8"))[number]
    if "onnx" in code:
        pytest.importorskip("onnxruntime")
    exec(compile(code, f"README.md, example {number + 1}", "exec"), {})


def test_examples_are_short():
    assert all(len(code.strip().splitlines()) <= 8 for code in examples(README.read_text("utf-8")))


def test_the_examples_of_this_text_are_found():
    assert examples("a\n```python\nx = 1\n```\n```\ny\n```\n") == ["x = 1\n"]
    assert fastnst.__version__
