import io
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

from fastnst.checkpoint import read_metadata
from fastnst.cli import run
from fastnst.cli._grid import plan
from fastnst.cli.optimize import parser
from fastnst.images import read_image, read_note, unpack_image
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


@pytest.mark.parametrize("init", ["content", "noise", "style", "gray", "best", "{picture}", "{model}"])
def test_every_start(options, init, style_picture, model_file):
    init = init.format(picture=style_picture, model=model_file)
    assert run([*options, "--init", init, "--out", "o.png"]) == 0


def test_all_contents_with_all_styles_and_weights(options, photos, style_picture):
    own = without(options, "--content", "--style")
    contents, styles = [str(photos / "01.png"), str(photos / "02.png")], [str(style_picture), str(photos / "04.png")]
    words = [*own, "--content", *contents, "--style", *styles, "--style_weight", "5", "50", "--out", "all"]
    assert run(words) == 0
    names = {path.name for path in Path("all").iterdir()}
    assert len(names) == 9
    assert Image.open("all/sheet.png").width == 2 * 262 + 6
    assert "02_waves_50.png" in names
    assert read_note("all/02_waves_50.png")["settings"]["loss"]["style_weight"] == 50


def test_one_broken_of_several_is_skipped(options, photos, capsys):
    words = [*without(options, "--content"), "--content", "gone.png", str(photos / "02.png"), "--out", "all"]
    assert run(words) == 3
    assert "gone.png: no such file" in capsys.readouterr().err
    assert {path.name for path in Path("all").iterdir()} == {"02_waves.png", "sheet.png"}


def test_two_styles_in_one_picture(options, photos, style_picture):
    own = [*without(options, "--style"), "--style", str(style_picture), str(photos / "04.png")]
    pictures = []
    for number, mix in enumerate((["1", "0"], ["0.5", "0.5"], ["0", "1"])):
        assert run([*own, "--mix", *mix, "--out", f"{number}.png"]) == 0
        pictures.append(read_image(f"{number}.png"))
    assert not torch.equal(pictures[0], pictures[1])
    assert not torch.equal(pictures[1], pictures[2])


def test_a_mask_of_another_size_keeps_what_is_black(options, photos, caplog):
    mask = np.zeros((10, 30), np.uint8)
    mask[:, 15:] = 255
    Image.fromarray(mask).save("mask.png")
    assert run([*options, "--mask", "mask.png", "--out", "o.png"]) == 0
    assert "mask.png: 30x10 is stretched to 40x" in caplog.text
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
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 143
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


def test_an_interrupted_batch_goes_on(options, photos, capsys, monkeypatch):
    contents = [str(photos / f"0{number}.png") for number in (1, 2, 4)]
    words = [*without(options, "--content"), "--content", *contents, "--out", "all"]
    monkeypatch.setattr("fastnst.optimize.run.EXACT_AFTER", 2.0)
    with monkeypatch.context() as patch:
        stop_in(patch, picture=2, step=2)
        assert run(words) == 130
    names = {path.name for path in Path("all").iterdir()}
    assert names == {"01_waves.png", "02_waves.png", "02_waves.png.resume", "sheet.png"}
    first = Path("all/01_waves.png").read_bytes()
    capsys.readouterr()
    assert run([*words, "--resume", "--json"]) == 0
    facts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert facts[0] == {"out": "all/01_waves.png", "kept": True}
    assert [(fact["out"], fact["steps"]) for fact in facts[1:]] == [("all/02_waves.png", 5), ("all/04_waves.png", 5)]
    assert Path("all/01_waves.png").read_bytes() == first
    assert {path.suffix for path in Path("all").iterdir()} == {".png"}
    assert run([*without(options, "--content"), "--content", contents[1], "--out", "whole.png"]) == 0
    assert torch.equal(read_image("whole.png"), read_image("all/02_waves.png"))


def stop_in(patch, picture, step):
    """Send Ctrl-C while a picture of a batch is at a step."""
    from fastnst.optimize import Optimization

    inside, count = Optimization._progress, []

    def progress(self, report):
        if self.step == 0:
            count.append(1)
        if len(count) == picture and self.step == step:
            signal.raise_signal(signal.SIGINT)
        return inside(self, report)

    patch.setattr(Optimization, "_progress", progress)


def test_overwritten_pictures_of_other_settings_are_not_taken_for_finished(options):
    assert run([*options, "--out", "o.png"]) == 0
    before = Path("o.png").read_bytes()
    assert run([*options, "--out", "o.png", "--overwrite", "--resume"]) == 0
    assert Path("o.png").read_bytes() == before
    assert run([*options, "--tv", "50", "--out", "o.png", "--overwrite", "--resume"]) == 0
    assert Path("o.png").read_bytes() != before


def test_existing_pictures_are_skipped(options, photos):
    words = [*without(options, "--content"), "--content", str(photos / "01.png"), str(photos / "02.png")]
    Path("all").mkdir()
    Path("all/01_waves.png").write_bytes((photos / "04.png").read_bytes())
    assert run([*words, "--out", "all"]) == 2
    assert run([*words, "--out", "all", "--skip_existing"]) == 0
    assert Path("all/01_waves.png").read_bytes() == (photos / "04.png").read_bytes()
    assert Path("all/02_waves.png").exists()


def test_a_photograph_is_not_enlarged_unless_asked(options, photos):
    for words, longer in ((["--size", "200"], 65), (["--size", "80", "--enlarge"], 80), (["--size", "original"], 65)):
        assert run([*options, *words, "--steps", "1", "--out", "o.png", "-y"]) == 0
        assert max(Image.open("o.png").size) == longer


def test_a_canvas_of_the_shape_of_the_style(options):
    assert run([*options, "--canvas", "style", "--out", "o.png"]) == 0
    assert Image.open("o.png").size == (40, 35)  # the style is 80 x 70
    assert run([*options, "--canvas", "style", "--size", "500", "--out", "o.png", "-y"]) == 0
    assert Image.open("o.png").size == (58, 51)  # the largest inside 65 x 51


def test_standard_input_and_output(options, photos, monkeypatch, capsysbinary):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((photos / "01.png").read_bytes())))
    assert run([*without(options, "--content"), "--content", "-", "--out", "-"]) == 0
    out, said = capsysbinary.readouterr()
    assert os.listdir() == []  # noqa: PTH208
    assert b"after 5 steps" in said
    assert run([*options, "--out", "file.png"]) == 0
    assert torch.equal(read_image(out), read_image("file.png"))
    assert read_note(out)["command"][3] == "-"


def test_a_picture_is_called_after_photograph_and_style(options):
    assert run(options) == 0
    assert os.listdir() == ["01_waves.png"]  # noqa: PTH208


def test_quiet_says_nothing(options, capsys):
    assert run([*options, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_several_styles_are_mixed_if_asked(options, photos, style_picture):
    own = [*without(options, "--style"), "--style", str(style_picture), str(photos / "04.png")]
    assert run([*own, "--out", "many"]) == 0
    assert {path.name for path in Path("many").iterdir()} == {"01_waves.png", "01_04.png", "sheet.png"}
    assert run([*own, "--mix", "--out", "one.png"]) == 0
    assert run([*own, "--mix", "2", "2", "--out", "two.png"]) == 0
    assert torch.equal(read_image("one.png"), read_image("two.png"))


def test_the_network_of_a_pair_is_kept(options, photos):
    from fastnst import load

    words = ["--parameterization", "hrnet", "--precision", "float32", "--size", "original", "--out", "o.png"]
    assert run([*options, *words]) == 0
    photo = read_image(photos / "01.png")
    painted = load("o.safetensors", "cpu", "float32")(photo)
    assert (painted - read_image("o.png")).abs().max() <= 1 / 254
    (style,) = read_metadata("o.safetensors").styles
    assert style["name"] == "waves"
    assert unpack_image(style["picture"]).shape[2:] == (32, 37)
    assert run(["stylize", "--model", "o.safetensors", str(photos / "02.png"), "--out", "other.png"]) == 0
    assert run([*options, *words[:-1], "other.png"]) == 2


@pytest.mark.parametrize(
    "words",
    [
        ["--config", "crowsonkb", "--loss.backbone", "vgg19", "--loss.style", "relu1_1:0.5", "--steps", "2"],
        ["--mix", "0.25", "--canvas", "style", "--color", "content", "--init", "gray", "--seed", "3"],
        ["--parameterization", "hrnet", "--lr", "0.01", "--tv", "0", "--style_size", "original"],
        ["--precision", "bfloat16", "--optimizer", "adam", "--enlarge", "--tile", "32", "--loss.content", "{}"],
        ["--style_weight", "7"],
    ],
)
def test_the_command_in_the_note_repeats_every_setting(options, words):
    assert run([*options, *words, "--size", "40", "--style_size", "32", "--out", "o.png"]) == 0
    first, note = read_image("o.png"), read_note("o.png")
    assert run([*note["command"][1:], "-y"]) == 0
    assert read_note("o.png")["settings"] == note["settings"]
    assert torch.equal(read_image("o.png"), first)


def test_help_needs_nothing_heavy():
    code = "import sys; from fastnst.cli.optimize import parser; parser(); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numpy", "PIL", "jsonargparse", "fastnst.optimize"} & set(loaded)


def test_what_help_says_is_what_the_room_does():
    from dataclasses import fields
    from typing import get_args, get_type_hints

    from fastnst.optimize import OptimizeConfig, PaintingJob

    options = {action.dest: action for action in parser()._actions}
    for kind in (OptimizeConfig, PaintingJob):
        hints = get_type_hints(kind)
        for item in fields(kind):
            action = options.get("mask" if item.name == "masks" else item.name)
            if action is None or item.name in ("content", "config"):
                continue
            assert action.default == item.default, item.name
            if action.choices:
                literal = next((part for part in get_args(hints[item.name]) if get_args(part)), hints[item.name])
                assert set(action.choices) == set(get_args(literal)), item.name


@pytest.mark.parametrize(
    ("words", "weight"),
    [
        ([], 10.0),
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
    (job,) = plan(parser().read(["--config", config, "--content", "c.jpg", "--style", "s.jpg"])).jobs
    assert job.loss.units == "raw"
    assert job.loss.style_weight == 1.0


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
        (["--style", "a.jpg", "b.jpg"], "want a folder"),
        (["--style_weight", "1", "2"], "want a folder"),
        (["--style_weight", "1", "2", "--out", "-"], "want a folder"),
        (["--content", "-", "b.jpg"], "standard input holds one picture"),
        (["--out", "-", "--preview", "1"], "standard output"),
        (["--style", "a.jpg", "b.jpg", "--mask", "c.png", "d.png"], "give --mix as well"),
        (["--out", "o.bmp"], "cannot write .bmp"),
        (["--time_budget", "0s"], "above zero"),
        (["--time_budget", ""], "above zero"),
        (["--mix", "1", "2"], "--mix has 2 for 1 styles"),
        (["--mix", "-1"], "must not be negative"),
        (["--mask", "a.png", "b.png"], "--mask has 2 for 1 styles"),
        (["--mask", "{black}"], "all black"),
        (["--content", "{dot}"], "1x1"),
        (["--init", "gone.png"], "gone.png: no such file"),
        (["--init", "monet"], "unknown style 'monet'"),
        (["--parameterization", "hrnet", "--init", "noise"], "leave --init out"),
        (["--loss.style_loss", "sliced", "--tile", "16"], "cannot be taken in tiles"),
        (["--resume", "gone.resume"], "nothing to resume"),
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
