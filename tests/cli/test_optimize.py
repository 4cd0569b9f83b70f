import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fastnst.cli import run
from fastnst.images import read_image, read_note
from fastnst.images.color import luma


@pytest.fixture
def options(photos, style_picture, toy_weights, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return [
        *("optimize", "--content", str(photos / "01.png"), "--style", str(style_picture), "--size", "40"),
        *("--steps", "5", "--style_size", "32", "--device", "cpu", "--loss.backbone", "vgg19"),
        *("--loss.weights", str(toy_weights)),
        *("--loss.content", "{relu2_1: 1}", "--loss.style", "{relu1_1: 1, relu2_1: 1}"),
    ]


def without(words, *names):
    """Drop options with their one value."""
    kept = list(words)
    for name in names:
        at = kept.index(name)
        del kept[at : at + 2]
    return kept


def test_a_picture_and_its_loss_curve(options, capsys):
    assert run([*options, "--out", "o.png", "--log", "log"]) == 0
    assert max(Image.open("o.png").size) == 40
    assert "after 5 steps" in capsys.readouterr().out
    events = EventAccumulator("log/o")
    events.Reload()
    curve = [event.value for event in events.Scalars("loss")]
    assert len(curve) == 6
    assert curve[-1] < curve[0]
    assert {"content/relu2_1", "style/relu1_1"} <= set(events.Tags()["scalars"])
    assert [p.name for p in Path().iterdir() if p.name.startswith("o")] == ["o.png"]


@pytest.mark.parametrize("name", ["o.png", "o.jpg", "o.webp"])
def test_the_picture_says_how_it_was_made_and_repeats(options, name, capsys):
    assert run([*options, "--out", name]) == 0
    first = read_image(name)
    note = read_note(name)
    assert note["settings"]["steps"] == 5
    assert run(["info", name]) == 0
    said = capsys.readouterr().out
    assert "loss.backbone" in said
    assert "to repeat it:\n  fastnst optimize --content" in said
    assert run([*note["command"][1:], "--overwrite"]) == 0
    assert torch.equal(read_image(name), first)


@pytest.mark.parametrize("init", ["content", "noise", "style", "best", "{picture}", "{model}"])
def test_every_start(options, init, style_picture, model_file):
    init = init.format(picture=style_picture, model=model_file)
    assert run([*options, "--init", init, "--out", "o.png"]) == 0


def test_all_contents_with_all_styles_and_weights(options, photos, style_picture):
    own = without(options, "--content", "--style")
    contents, styles = [str(photos / "01.png"), str(photos / "02.png")], [str(style_picture), str(photos / "04.png")]
    words = [*own, "--content", *contents, "--style", *styles, "--style_weight", "5", "50", "--out", "all"]
    assert run(words) == 0
    names = {path.name for path in Path("all").iterdir()}
    assert len(names) == 8
    assert "02_waves_50.png" in names
    assert read_note("all/02_waves_50.png")["settings"]["loss"]["style_weight"] == 50


def test_one_broken_of_several_is_passed_over(options, photos, capsys):
    words = [*without(options, "--content"), "--content", "gone.png", str(photos / "02.png"), "--out", "all"]
    assert run(words) == 3
    assert "gone.png: no such file" in capsys.readouterr().err
    assert [path.name for path in Path("all").iterdir()] == ["02_waves.png"]


def test_two_styles_in_one_picture(options, photos, style_picture):
    own = [*without(options, "--style"), "--style", str(style_picture), str(photos / "04.png")]
    pictures = []
    for number, mix in enumerate((["1", "0"], ["0.5", "0.5"], ["0", "1"])):
        assert run([*own, "--style_mix", *mix, "--out", f"{number}.png"]) == 0
        pictures.append(read_image(f"{number}.png"))
    assert not torch.equal(pictures[0], pictures[1])
    assert not torch.equal(pictures[1], pictures[2])


def test_a_mask_of_another_size_keeps_what_is_black(options, photos, capsys):
    mask = np.zeros((10, 30), np.uint8)
    mask[:, 15:] = 255
    Image.fromarray(mask).save("mask.png")
    assert run([*options, "--mask", "mask.png", "--out", "o.png"]) == 0
    assert "mask.png: 30x10 is stretched to 40x" in capsys.readouterr().err
    from fastnst.images import fit

    photo = fit(read_image(photos / "01.png"), longer=40)
    painted = read_image("o.png")
    assert (painted - photo)[..., :15].abs().max() < 1 / 254
    assert (painted - photo)[..., 25:].abs().mean() > 0.01


@pytest.mark.parametrize("method", ["luminance", "covariance", "histogram"])
def test_colors_of_the_photograph_are_kept(options, photos, method):
    assert run([*options, "--out", "plain.png"]) == 0
    assert run([*options, "--color", "content", "--color_by", method, "--out", "kept.png"]) == 0
    from fastnst.images import fit

    photo = fit(read_image(photos / "01.png"), longer=40)

    def apart(name):
        image = read_image(name)
        return ((image - luma(image)) - (photo - luma(photo))).abs().mean()

    assert apart("kept.png") < apart("plain.png")


def test_previews(options):
    assert run([*options, "--preview", "2", "--out", "o.png"]) == 0
    assert sorted(p.name for p in Path("o_steps").iterdir()) == ["00000.jpg", "00002.jpg", "00004.jpg"]


def test_interrupted_then_resumed_is_as_if_never_interrupted(options):
    words = [*options, "--steps", "400", "--overwrite"]
    program = [sys.executable, "-m", "fastnst", *words]  # one kernel may add up in another order in another process
    subprocess.run([*program, "--out", "whole.png"], check=True)
    process = subprocess.Popen([*program, "--out", "o.png", "--preview", "10"], stderr=subprocess.PIPE, text=True)
    while not Path("o_steps/00010.jpg").exists():
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command with --resume goes on" in said
    assert max(Image.open("o.png").size) == 40
    assert Path("o.png.resume").is_file()
    assert run(["info", "o.png.resume"]) == 0
    subprocess.run([*program, "--out", "o.png", "--resume"], check=True)
    assert not Path("o.png.resume").exists()
    assert read_note("o.png")["result"]["steps"] == 400
    assert torch.equal(read_image("o.png"), read_image("whole.png"))


def test_resume_refuses_other_settings(options, capsys):
    Path("o.png.resume").write_bytes(b"torn")
    assert run([*options, "--out", "o.png", "--resume"]) == 2
    assert "cannot be resumed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "weight"),
    [
        ([], 30.0),
        (["--parameterization", "hrnet"], 3.0),
        (["--parameterization", "hrnet", "--loss.style_weight", "7"], 7.0),
        (["--parameterization", "hrnet", "--style_weight", "7"], 7.0),
        (["--config", "hrnet_photoreal"], 1.0),
    ],
)
def test_a_photorealistic_picture_has_a_style_weight_of_its_own(options, words, weight):
    assert run([options[0], *words, *options[1:], "--steps", "1", "--out", "o.png"]) == 0
    assert read_note("o.png")["settings"]["loss"]["style_weight"] == weight


@pytest.mark.parametrize("config", ["gatys2016", "neural_style", "crowsonkb", "cs231n_squeezenet", "hrnet_photoreal"])
def test_recipes_are_valid_configs(config):
    from fastnst.cli._parser import with_configs
    from fastnst.cli.optimize import parser

    found = parser().parse_args(
        with_configs(["--config", config, "--content", "c.jpg", "--style", "s.jpg", "--out", "o.png"], "optimize")
    )
    assert found.loss.units == "raw"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--steps", "0"], "positive"),
        (["--size", "0"], "at least 1"),
        (["--optimizer", "sgd"], "lbfgs"),
        (["--loss.backbone", "vgg"], "unknown backbone 'vgg'"),
        (["--loss.style", "{relu9_9: 1}"], "unknown layer of vgg19 'relu9_9'"),
        (["--loss.style", "{relu4_1: 1}"], "does not hold conv2_2"),
        (["--content", "gone.jpg"], "gone.jpg: no such file"),
        (["--content", "a.jpg", "b.jpg"], "want a folder"),
        (["--out", "o.bmp"], "cannot write .bmp"),
        (["--time_budget", "0s"], "above zero"),
        (["--time_budget", ""], "above zero"),
        (["--style_mix", "1", "2"], "--style_mix has 2 for 1 styles"),
        (["--style_mix", "-1"], "must not be negative"),
        (["--mask", "a.png", "b.png"], "--mask has 2 for 1 styles"),
        (["--mask", "{black}"], "all black"),
        (["--content", "{dot}"], "1x1"),
        (["--init", "gone.png"], "gone.png: no such file"),
        (["--init", "monet"], "unknown style 'monet'"),
        (["--parameterization", "hrnet", "--init", "noise"], "leave --init out"),
        (["--loss.style_loss", "sliced", "--tile", "16"], "cannot be taken in tiles"),
        (["--resume"], "nothing to resume"),
        (["--config", "nosuch"], "unknown config 'nosuch'"),
    ],
)
def test_bad_settings_get_one_line_and_write_nothing(options, tmp_path_factory, capsys, change, words):
    folder = tmp_path_factory.mktemp("inputs")
    Image.new("L", (8, 8)).save(folder / "black.png")
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    change = [
        word.format(black=folder / "black.png", dot=folder / "dot.png") if "{b" in word or "{d" in word else word
        for word in change
    ]
    try:
        code = run([*options, "--out", "o.png", *change])
    except SystemExit as exit_:
        code = exit_.code
    said = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert code in (1, 2)
    assert len(said) == 1
    assert words in said[0]
    assert os.listdir() == []  # noqa: PTH208


def test_an_existing_picture_is_kept(options):
    Path("o.png").write_text("mine")
    assert run([*options, "--out", "o.png"]) == 2
    assert Path("o.png").read_text() == "mine"


def test_info_of_what_says_nothing(tmp_path, photos, model_file, capsys):
    assert run(["info", str(photos / "01.png")]) == 2
    assert "says nothing of how it was made" in capsys.readouterr().err
    assert run(["info", str(model_file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["network"]["name"] == "johnson"


def test_a_stylized_picture_says_so(tmp_path, photos, model_file, capsys):
    out = tmp_path / "painted.jpg"
    assert run(["stylize", "--model", str(model_file), str(photos / "01.png"), "--out", str(out)]) == 0
    assert run(["info", str(out)]) == 0
    assert "fastnst stylize --model" in capsys.readouterr().out
