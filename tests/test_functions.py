"""The commands as functions: ``fastnst.train``, ``fastnst.optimize``, ``fastnst.compare``, ``fastnst.load``."""

import importlib
import inspect
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import fastnst
from fastnst import options
from fastnst.cli._words import Parser
from fastnst.errors import ConfigError
from fastnst.images import to_tensor
from fastnst.options import OptimizeOptions, take, with_config

COMMANDS = {
    "train": (options.TrainOptions, {"style", "styles", "photos", "out"}),
    "optimize": (options.OptimizeOptions, {"content", "style", "out"}),
    "compare": (options.CompareOptions, {"model", "photos", "out"}),
}
OF_COMMANDS = {
    *("help", "quiet", "json", "overwrite", "skip_existing", "preview", "log"),
    *("print_config", "help_all", "ckpt_path", "config", "resume", "engine"),
}
"""Options that only a command has, or that not all functions have."""


@pytest.fixture
def small(toy_weights):
    """A loss that takes no time."""
    return {
        "backbone": "vgg19",
        "weights": toy_weights,
        "content_layers": ["relu2_1"],
        "style_layers": {"relu1_1": 1.0, "relu2_1": 0.5},
        "device": "cpu",
        "precision": "float32",
    }


@pytest.fixture
def short(small):
    """A training that takes a second."""
    return small | {"steps": 3, "size": 32, "batch_size": 2, "style_size": 48, "init": "random", "network": "lite"}


def parser_of(command: str) -> Parser:
    return importlib.import_module(f"fastnst.cli.{command}").parser()


@pytest.mark.parametrize("command", COMMANDS)
def test_options_are_called_as_on_the_command_line(command):
    kind, given = COMMANDS[command]
    names = {name[2:] for name in parser_of(command).known() if name.startswith("--") and "." not in name}
    assert kind.__optional_keys__ - names == set()
    assert names - kind.__optional_keys__ - given - OF_COMMANDS == set()


def test_layers_are_given_as_on_the_command_line(tmp_path):
    (tmp_path / "a.yaml").write_text("size: null\nloss: {content: [relu3_1], style: {relu1_1: 2}}")
    given, loss = with_config(*({"config": str(tmp_path / "a.yaml")}, {}), "optimize")
    assert given == {"size": None}
    assert loss == {"content": {"relu3_1": 1.0}, "style": {"relu1_1": 2}}
    for layers in ("relu1_1", ["relu1_1"], {"relu1_1": 1.0}):
        assert take({"style_layers": layers}, OptimizeOptions, "optimize") == {"style_layers": {"relu1_1": 1.0}}
    weighed = take({"style_layers": ["relu1_1:1", "relu3_1:4"]}, OptimizeOptions, "optimize")
    assert weighed == {"style_layers": {"relu1_1": 1.0, "relu3_1": 4.0}}
    with pytest.raises(ConfigError, match="give layers as"):
        take({"style_layers": "relu1_1:much"}, OptimizeOptions, "optimize")


def test_importing_fastnst_imports_nothing_heavy():
    code = "import sys, fastnst; dir(fastnst); print({'torch', 'numpy', 'PIL', 'huggingface_hub'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_public_name_is_there():
    assert set(fastnst.__all__) <= set(dir(fastnst))
    assert all(callable(getattr(fastnst, name)) for name in fastnst.__all__ if name != "__version__")
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        fastnst.trian  # noqa: B018


@pytest.mark.parametrize("name", ["optimize", "compare"])
def test_rooms_that_are_called_like_functions_are_both(name):
    room = importlib.import_module(f"fastnst.{name}")
    assert getattr(fastnst, name) is room
    assert inspect.signature(room) == inspect.signature(getattr(importlib.import_module("fastnst.api"), name))
    with pytest.raises(TypeError, match=r"fastnst.\w+\(\) has no option 'stpes'; did you mean 'steps'"):
        room("a.jpg", "b.jpg", stpes=3)


def test_a_training_returns_what_paints_and_where_the_run_lies(short, photos, make_picture, tmp_path):
    seen = []
    given = {
        "out": tmp_path / "run",
        "on_progress": lambda now: seen.append((now.step, now.loss, now.share)) or now.step == 3,
    }
    trained = fastnst.train(make_picture(80, 70), photos, **given, **short)
    assert (trained.folder, trained.file) == (tmp_path / "run", tmp_path / "run" / "style.safetensors")
    assert (trained.steps, trained.interrupted) == (3, False)
    assert trained.judged["loss"] > 0
    assert [step for step, *_ in seen] == [1, 2, 3]
    assert [share for *_, share in seen] == pytest.approx([1 / 3, 2 / 3, 1])
    assert trained.stylizer(make_picture()).size == (48, 40)
    assert trained.stylizer.metadata.styles[0]["name"] == "style"
    assert trained.stylizer.metadata.training["steps"] == 3
    with pytest.raises(ConfigError, match="holds a run already"):
        fastnst.train(make_picture(80, 70), photos, out=tmp_path / "run", **short)


def test_a_training_tells_of_steps_where_a_step_is_several_batches(short, photos, style_picture, tmp_path):
    seen = []
    (tmp_path / "two.yaml").write_text("trainer: {accumulate_grad_batches: 2}")
    given = {"out": tmp_path / "run", "config": tmp_path / "two.yaml"} | short
    fastnst.train(style_picture, photos, on_progress=lambda now: seen.append((now.step, now.loss)), **given)
    assert [step for step, _ in seen] == [1, 2, 3]


def test_a_training_is_ended_in_order_and_gone_on_with(short, photos, two_styles, tmp_path):
    where = {"out": tmp_path / "run"} | short
    first = fastnst.train(two_styles, photos, on_progress=lambda now: now.step == 2, **where)
    assert (first.steps, first.interrupted) == (2, True)
    second = fastnst.train([Path(style) for style in two_styles], str(photos), resume=True, **where)
    assert (second.steps, second.interrupted) == (3, False)
    assert second.stylizer.styles == ["waves", "sun"]


def test_a_training_leaves_the_program_around_it_as_it_was(short, photos, style_picture, tmp_path):
    import logging
    import warnings

    before = list(warnings.filters), logging.getLogger("pytorch_lightning").level
    fastnst.train(style_picture, photos, out=tmp_path / "run", **short)
    assert (list(warnings.filters), logging.getLogger("pytorch_lightning").level) == before


def test_settings_that_cannot_be_are_refused_and_do_not_end_the_program(short, photos, style_picture, tmp_path):
    for wrong, words in (
        ({"network": "jonson"}, "did you mean 'johnson'"),
        ({"size": "wide"}, "size"),
        ({"config": "gatys2016"}, "is for fastnst optimize"),
        ({"resume": True, "overwrite": True}, "give one of them"),
        ({"time_budget": "soon"}, "time budget 'soon'"),
        ({"precision": "half"}, "float32 or bfloat16"),
    ):
        with pytest.raises(ConfigError, match=words):
            fastnst.train(style_picture, photos, out=tmp_path / "run", **short | wrong)
    assert not (tmp_path / "run").exists()


def test_a_picture_is_optimized_whatever_it_is_given_as(small, make_picture, tmp_path):
    photo, style = make_picture(), make_picture(64, 64, seed=1)
    photo.save(tmp_path / "photo.png")
    ways = [tmp_path / "photo.png", str(tmp_path / "photo.png"), photo, np.asarray(photo), to_tensor(photo)]
    painted = [fastnst.optimize(content, style, steps=2, stages=1, style_size=48, **small) for content in ways]
    assert all(picture.tobytes() == painted[0].tobytes() for picture in painted)
    assert painted[0].size == photo.size
    assert painted[0].tobytes() != photo.tobytes()


def test_an_optimized_picture_is_written_with_a_note_and_stops_when_told(small, make_picture, tmp_path):
    pictures = [make_picture(64, 64, seed=1), make_picture(64, 64, seed=2)]
    steps = []
    fastnst.optimize(
        make_picture(),
        pictures,
        mix=[1, 3],
        mask=pictures,
        out=tmp_path / "out.png",
        size="original",
        style_size=48,
        config="gatys2016",
        on_progress=lambda now: steps.append(now.step) or now.step == 2,
        **small | {"scales": {1: 1.0}},
    )
    settings = fastnst.images.read_note(tmp_path / "out.png")["settings"]
    assert steps[-1] == 2
    assert settings["init"] == "noise"  # of the config
    assert settings["loss"]["content"] == {"relu2_1": 1.0}  # given, above the config
    assert settings["loss"]["units"] == "raw"
    assert settings["mix"] == [1, 3]


@pytest.mark.parametrize(
    ("given", "error"),
    [(3, TypeError), (np.zeros((4, 4, 2), np.uint8), ValueError), (np.zeros((4, 4, 3)), ValueError)],
)
def test_what_is_no_picture_is_refused(small, make_picture, given, error):
    with pytest.raises(error, match="expected"):
        fastnst.optimize(given, make_picture(), **small)
    with pytest.raises(ValueError, match="expected a floating-point tensor"):
        fastnst.optimize(torch.zeros(4, 4), make_picture(), **small)


def test_networks_are_compared_and_the_page_is_written(trained, photos, tmp_path):
    comparison = fastnst.compare(trained, photos, out=tmp_path / "report", count=1, sizes=[32], steps=2, device="cpu")
    assert comparison.headline.startswith("waves ")
    assert len(comparison.cases) == 1
    assert comparison.headline in (tmp_path / "report" / "report.html").read_text("utf-8").replace("&#x27;", "'")


def test_the_network_of_a_style_is_a_module_for_other_programs(trained):
    network = fastnst.load(trained, "cpu", "float32").network
    assert isinstance(network, nn.Module)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    for shape in ((1, 3, 37, 51), (2, 3, 64, 32), (3, 3, 5, 5)):
        assert network(torch.rand(shape)).shape == shape
    image = torch.rand(1, 3, 40, 48, requires_grad=True)
    deepcopy(nn.Sequential(network, nn.Hardtanh(0, 1)))(image).mean().backward()
    assert image.grad.abs().max() > 0


def test_the_network_paints_what_the_stylizer_paints(gallery, make_picture):
    stylizer = fastnst.load(gallery, "cpu", "float32", "torch", style="udnie")
    picture = make_picture()
    with torch.no_grad():
        painted = stylizer.network(to_tensor(picture)).clamp(0, 1)
    assert (to_tensor(stylizer(picture)) - painted).abs().max() <= 0.5 / 255 + 1e-6


def test_an_array_gives_an_array(trained, make_picture):
    stylizer, picture = fastnst.load(trained, "cpu", "float32", "torch"), make_picture()
    painted = stylizer(np.asarray(picture))
    assert isinstance(painted, np.ndarray)
    assert Image.fromarray(painted).tobytes() == stylizer(picture).tobytes()


def test_an_export_says_what_it_is_of_by_itself(trained, bundled_styles, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    import hashlib

    notes = fastnst.load("waves", "cpu", "float32", "torch").export(tmp_path / "waves.onnx")
    assert (notes.name, notes.license) == ("waves", "MIT")
    file = bundled_styles / "waves.safetensors"
    assert notes.source_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert fastnst.load(trained, "cpu", "float32", "torch").file == trained
