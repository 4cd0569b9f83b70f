import csv
import signal

import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import fastnst.inspection
from fastnst.cli import run
from fastnst.inspection import sweep


@pytest.mark.parametrize("action", ["content", "style"])
def test_reconstructions_of_each_layer(action, photos, tmp_path):
    words = ["--layer", "relu1_1", "relu2_1", "--size", "32", "--steps", "4", "--device", "cpu", "--out", str(tmp_path)]
    assert run(["inspect", action, str(photos / "01.png"), *words]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {f"{action}{end}.png" for end in ("", "_relu1_1", "_relu2_1")}


def test_content_of_a_shallow_layer_is_the_photograph(photos, tmp_path):
    words = ["--layer", "relu1_1", "--size", "32", "--steps", "60", "--device", "cpu", "--out", str(tmp_path)]
    assert run(["inspect", "content", str(photos / "01.png"), *words]) == 0
    from fastnst.images import fit, read_image

    found = read_image(tmp_path / "content_relu1_1.png")
    assert (found - fit(read_image(photos / "01.png"), longer=32)).abs().mean() < 0.03


def test_feature_maps_and_gram_matrices(photos, tmp_path):
    words = ["--layer", "relu1_1", "relu3_1", "--size", "64", "--device", "cpu", "--out", str(tmp_path)]
    assert run(["inspect", "features", str(photos / "01.png"), *words]) == 0
    assert Image.open(tmp_path / "relu3_1.png").width > 1000


def test_a_sweep(photos, style_picture, tmp_path):
    words = ["--style_weight", "5", "50", "--lr", "0.5", "1", "--size", "32", "--steps", "3", "--device", "cpu"]
    assert run(["inspect", "sweep", str(photos / "01.png"), str(style_picture), *words, "--out", str(tmp_path)]) == 0
    with (tmp_path / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert {row["optimizer"] for row in rows} == {"lbfgs", "adam"}
    assert all(float(row["loss"]) > 0 for row in rows)
    assert Image.open(tmp_path / "sweep.png").height > 32
    events = EventAccumulator(str(tmp_path / "000"))
    events.Reload()
    assert "hparam/loss" in events.Tags()["scalars"]


def test_an_interrupted_sweep_keeps_what_was_found(photos, style_picture, tmp_path, monkeypatch):
    def interrupted(*arguments):
        signal.raise_signal(signal.SIGTERM)
        yield from sweep(*arguments)

    monkeypatch.setattr(fastnst.inspection, "sweep", interrupted)
    words = ["sweep", str(photos / "01.png"), str(style_picture), "--size", "32", "--steps", "2", "--device", "cpu"]
    assert run(["inspect", *words, "--out", str(tmp_path)]) == 143
    assert len((tmp_path / "sweep.csv").read_text().splitlines()) == 2
    assert (tmp_path / "sweep.png").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["contents", "a.png"], "did you mean 'content'"),
        (["content", "gone.png"], "gone.png: no such file"),
        (["style", "{photo}", "--layer", "relu9_1"], "unknown layer of compact 'relu9_1'"),
        (["features", "{photo}", "--layer", "relu9_1"], "unknown layer of compact 'relu9_1'"),
        (["sweep", "{photo}"], "missing"),
        (["content", "{photo}", "--size", "0"], "at least 8"),
    ],
)
def test_bad_settings_get_one_line(photos, tmp_path, capsys, words, said):
    words = [word.format(photo=photos / "01.png") for word in words]
    try:
        code = run(["inspect", *words, "--out", str(tmp_path / "o"), "--device", "cpu"])
    except SystemExit as exit_:
        code = exit_.code
    lines = capsys.readouterr().err.strip().splitlines()
    assert code in (1, 2)
    assert len(lines) == 1
    assert said in lines[0]
    assert not (tmp_path / "o").exists()
