import csv
import json
import signal

import pytest
from PIL import Image
from safetensors.torch import save_file

import fastnst.inspection
from fastnst.backbones import BACKBONES
from fastnst.cli import run
from fastnst.cli.inspect import layer_set
from fastnst.images import read_image
from fastnst.inspection import run_sweep


@pytest.fixture
def squeezenet(tmp_path, monkeypatch):
    """Random weights for SqueezeNet 1.0, where they are found by name."""
    folder = tmp_path / "weights"
    folder.mkdir()
    backbone = BACKBONES["squeezenet1_0"]("max", "reflect")
    state = {}
    for number, module in enumerate(backbone.stages.values()):
        state |= {f"features.{number}.{key}": value for key, value in module.state_dict().items()}
    save_file(state, folder / "squeezenet1_0.safetensors")
    monkeypatch.setenv("FASTNST_WEIGHTS", str(folder))


def words(action, *pictures, size="32", steps=None):
    more = [] if steps is None else ["--steps", steps]
    return ["inspect", action, *map(str, pictures), "--size", size, *more, "--device", "cpu"]


@pytest.mark.parametrize("action", ["content", "style"])
def test_reconstructions_of_each_layer(action, photos, tmp_path, capsys):
    command = [*words(action, photos / "01.png", steps="2"), "--layer", "relu1_1", "relu2_1", "-o", str(tmp_path)]
    assert run(command) == 0
    assert {path.name for path in tmp_path.iterdir()} == {f"{action}{end}.png" for end in ("", "_relu1_1", "_relu2_1")}
    assert capsys.readouterr().out.splitlines() == [
        f"{tmp_path / action}.png: {action} of relu1_1, relu2_1 after 2 steps"
    ]


def test_feature_maps_and_gram_matrices(photos, tmp_path):
    command = words("features", photos / "01.png", size="64")
    assert run([*command, "--layer", "relu1_1", "relu3_1", "--out", str(tmp_path)]) == 0
    assert Image.open(tmp_path / "features_relu3_1.png").width > 1000


def test_layers_are_those_of_the_backbone(photos, style_picture, squeezenet, tmp_path):
    backbone = ["--backbone", "squeezenet1_0", "-o"]
    assert run([*words("features", photos / "01.png", size="64"), *backbone, str(tmp_path / "f")]) == 0
    assert (tmp_path / "f" / "features_fire5.png").exists()
    assert run([*words("content", photos / "01.png", size="64", steps="1"), *backbone, str(tmp_path / "c")]) == 0
    assert (tmp_path / "c" / "content_fire2.png").exists()
    pair = photos / "01.png", style_picture
    assert run([*words("sweep", *pair, size="64", steps="1"), *backbone, str(tmp_path / "s")]) == 0


def test_a_sweep(photos, style_picture, tmp_path, capsys):
    command = words("sweep", photos / "01.png", style_picture, steps="3")
    axes = ["--style-weight", "5", "50", "--init", "content", "noise", "--style_layers", "relu1_1,relu2_1", "relu2_1"]
    assert run([*command, *axes, "--optimizer", "lbfgs", "--goals", "1e6", "--json", "-o", str(tmp_path)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert [path.rpartition("/")[2] for path in facts["files"][:4]] == [
        "sweep.png",
        "convergence.png",
        "sweep.csv",
        "curves.csv",
    ]
    with (tmp_path / "sweep.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert {row["style_layers"] for row in rows} == {"relu1_1+relu2_1", "relu2_1"}
    assert {row["init"] for row in rows} == {"content", "noise"}
    assert {row["evaluations_to_1e+06"] for row in rows} == {"0"}
    assert len((tmp_path / "curves.csv").read_text().splitlines()) == 1 + 8 * 4
    assert (tmp_path / "hparams" / "007").is_dir()


def test_an_interrupted_sweep_keeps_what_was_found(photos, style_picture, tmp_path, monkeypatch, capsys):
    def interrupted(*arguments):
        signal.raise_signal(signal.SIGTERM)
        return run_sweep(*arguments)

    monkeypatch.setattr(fastnst.inspection, "run_sweep", interrupted)
    assert run([*words("sweep", photos / "01.png", style_picture, steps="2"), "-o", str(tmp_path)]) == 143
    assert "interrupted after 1 of 8" in capsys.readouterr().err
    assert len((tmp_path / "sweep.csv").read_text().splitlines()) == 2
    assert (tmp_path / "sweep.png").exists()


def test_a_sweep_with_failures_writes_the_others(photos, style_picture, tmp_path, capsys):
    options = ["inspect", "sweep", str(photos / "01.png"), str(style_picture), "--size", "8", "32"]
    options += ["--optimizer", "adam", "--style_weight", "3", "--steps", "1", "--device", "cpu", "--json"]
    options += ["-o", str(tmp_path)]
    assert run(options) == 3
    said = capsys.readouterr()
    assert "fastnst: 8 px: " in said.err
    assert json.loads(said.out)["failed"] == ["8 px"]
    assert len((tmp_path / "sweep.csv").read_text().splitlines()) == 2
    assert run([*options[:6], *options[7:], "--overwrite"]) == 2
    assert "needs at least 8x8" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("action", "file"),
    [("content", "content_relu2_1.png"), ("features", "features_relu1_1.png"), ("sweep", "hparams")],
)
def test_files_are_replaced_only_on_request(action, file, photos, style_picture, tmp_path, capsys):
    (tmp_path / file).write_text("mine")
    pictures = [photos / "01.png"] + [style_picture] * (action == "sweep")
    command = [*words(action, *pictures, steps=None if action == "features" else "1"), "-o", str(tmp_path)]
    assert run(command) == 2
    assert f"{file} exists" in capsys.readouterr().err
    assert (tmp_path / file).read_text() == "mine"
    if action != "sweep":
        assert run([*command, "-y", "--quiet"]) == 0
        assert read_image(tmp_path / file).shape[1] == 3
        assert capsys.readouterr().out == ""


def test_a_set_of_layers_is_one_word():
    assert layer_set("relu1_1,relu3_1:4") == {"relu1_1": 1, "relu3_1": 4}
    assert layer_set("{relu1_1: 2, relu3_1: 4}") == {"relu1_1": 2, "relu3_1": 4}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["contents", "a.png"], "did you mean 'content'"),
        (["content", "gone.png"], "gone.png: no such file"),
        (["style", "{photo}", "--layer", "relu9_1"], "unknown layer of compact 'relu9_1'"),
        (["features", "{photo}", "--layer", "relu9_1"], "unknown layer of compact 'relu9_1'"),
        (["sweep", "{photo}"], "missing"),
        (["sweep", "{photo}", "{photo}", "--style_layers", "relu9_1"], "unknown layer of compact 'relu9_1'"),
        (["sweep", "{photo}", "{photo}", "--init", "nothing"], "--init: invalid choice: 'nothing'"),
        (["sweep", "{photo}", "{photo}", "--backbone", "vgg91"], "did you mean 'vgg19'"),
        (["content", "{photo}", "--size", "0"], "--size: 0 is too small, must be at least 8"),
        (["content", "{photo}", "--steps", "0"], "--steps: 0 is too small, must be at least 1"),
        (["content", "{photo}", "--sise", "64"], "did you mean '--size'"),
    ],
)
def test_bad_settings_get_one_line(photos, tmp_path, capsys, command, said):
    command = [word.format(photo=photos / "01.png") for word in command]
    try:
        code = run(["inspect", *command, "--out", str(tmp_path / "o"), "--device", "cpu"])
    except SystemExit as exit_:
        code = exit_.code
    lines = capsys.readouterr().err.strip().splitlines()
    assert code in (1, 2)
    assert len(lines) == 1
    assert said in lines[0]
    assert not (tmp_path / "o").exists()
