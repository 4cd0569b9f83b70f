"""Bad input of every kind: one clear line, no traceback, nothing written."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from fastnst.assets import configs
from fastnst.cli import run, train
from fastnst.training.recipe import FROM_RANDOM, FROM_START


def replace(options: list[str], name: str, value: str) -> list[str]:
    changed = list(options)
    changed[changed.index(name) + 1] = value
    return changed


def without(options: list[str], name: str) -> list[str]:
    at = options.index(name)
    return options[:at] + options[at + 2 :]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (("--style", "gone.jpg"), 1, "gone.jpg: no such file"),
        (("--style", "text.jpg"), 1, "text.jpg: not a picture"),
        (("--style", "empty.jpg"), 1, "empty.jpg: the file is empty"),
        (("--style", "."), 1, "is a folder"),
        (("--photos", "nowhere"), 2, "no such file or folder"),
        (("--photos", "nothing"), 2, "holds no pictures"),
        (("--photos", "text.jpg"), 2, "photograph"),
        (("--steps", "-1"), 2, "--steps: -1 is too small"),
        (("--steps", "many"), 2, "many"),
        (("--out", "text.jpg/run"), 1, "is not a folder"),
        (("--model.network", "jonson"), 2, "unknown network 'jonson'; did you mean 'johnson'"),
        (("--model.network_options", "{depth: 2}"), 2, "does not take"),
        (("--model.loss.style", "{relu1_7: 1}"), 2, "unknown layer of vgg19 'relu1_7'"),
        (("--model.loss.style", "{relu4_1: 1}"), 2, "does not hold conv2_2"),
        (("--model.loss.backbone", "vgg99"), 2, "unknown backbone 'vgg99'"),
        (("--model.loss.weights", "gone.pth"), 2, "gone.pth: no such file"),
        (("--model.style_size", "1"), 2, "style picture is 1x1"),
        (("--model.stlye_size", "3"), 2, "unknown option --model.stlye_size; did you mean '--model.style_size'?"),
        (("--stlye_weight", "3"), 2, "unknown option --stlye_weight; did you mean '--style_weight'?"),
        (("--ckpt_path", "last.ckpt"), 2, "go on from a file with --resume PATH"),
        (("--trainer.max_time", "00:00:01:00"), 2, "give --time_budget"),
        (("--time_budget", "soon"), 2, "time budget 'soon'"),
        (("--device", "tpu"), 2, "--device tpu: must be cuda"),
        (("--device", "mps"), 2, "device 'mps' is not here"),
        (("--precision", "half"), 2, "--precision: invalid choice"),
        (("--config", "gatys2016"), 2, "is for fastnst optimize, not for fastnst train"),
        (("--resume", "gone.ckpt"), 2, "gone.ckpt: no such file"),
        (("--config", "qality"), 2, "did you mean 'quality'"),
        (("--data.size", "2"), 2, "data wants size"),
        (("--styles", "other.jpg"), 2, "--styles: not allowed with argument --style"),
        (("--init", "starry_nigt"), 2, "unknown style 'starry_nigt'; did you mean 'starry_night'?"),
        (("--init", "gone.safetensors"), 1, "gone.safetensors: no such file"),
        (("--init", "starry_night"), 2, "--init starry_night: is lite with"),
        (("--lr", "0"), 2, "lr must be positive"),
        (("--steady", "-1"), 2, "steady is a weight"),
        (("--trainer.val_check_interval", "0.5"), 2, "must be a number of steps"),
    ],
    ids=lambda value: "=".join(value) if isinstance(value, tuple) else "",
)
def test_bad_settings(train_options, tmp_path, monkeypatch, capsys, change, code, words):
    monkeypatch.chdir(tmp_path)
    Path("text.jpg").write_text("hello")
    Path("empty.jpg").write_bytes(b"")
    Path("nothing").mkdir()
    before = set(tmp_path.rglob("*"))
    name, value = change
    options = replace(train_options, name, value) if name in train_options else [*train_options, name, value]
    assert outcome(options) == code
    said = capsys.readouterr().err.strip()
    assert words in said
    assert said.startswith("fastnst: error: ")
    assert "\n" not in said
    assert "Traceback" not in said
    assert set(tmp_path.rglob("*")) == before


def test_the_preset_fast_is_the_default(capsys):
    printed = []
    for extra in ([], ["--config", "fast"]):
        assert outcome(["train", *extra, "--style", "s.jpg", "--photos", "p", "--print_config"]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert "network: lite" in printed[0]
    assert "backbone: compact" in printed[0]


@pytest.mark.parametrize(
    ("styles", "code", "words"),
    [
        (["text.jpg"], 1, "text.jpg: not a picture"),
        (["waves", "waves"], 2, "this style picture is given twice"),
        (["waves", "text.jpg"], 1, "text.jpg: not a picture"),
    ],
)
def test_bad_lists_of_styles(train_options, style_picture, tmp_path, monkeypatch, capsys, styles, code, words):
    monkeypatch.chdir(tmp_path)
    Path("text.jpg").write_text("hello")
    given = [str(style_picture) if style == "waves" else style for style in styles]
    assert outcome([*without(train_options, "--style"), "--styles", *given]) == code
    said = capsys.readouterr().err.strip()
    assert words in said
    assert "\n" not in said
    assert not Path("run").exists()


@pytest.mark.parametrize("name", ["--style", "--photos"])
def test_what_is_missing_is_named_as_it_is_typed(train_options, capsys, name):
    assert outcome(without(train_options, name)) == 2
    assert name in capsys.readouterr().err


def test_help_is_light_and_says_what_is_default():
    code = (
        "import sys; from fastnst.cli import run\ntry: run(['train', '--help'])\nexcept SystemExit: pass\n"
        "print(*({'torch', 'numpy', 'jsonargparse', 'pytorch_lightning', 'yaml'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
    shown = " ".join(done.stdout.split())
    for words in ("--steps N", "default: 2000", "-o, --out", "default: runs/style", "--time_budget", "demo, fast"):
        assert words in shown
    assert "gatys2016" not in shown


def test_help_names_the_rates_of_the_recipe(capsys):
    assert outcome(["train", "--help"]) == 0
    rates = f"default: {FROM_RANDOM:.0e} from random weights, {FROM_START:.0e} from a start".replace("e-0", "e-")
    assert rates in " ".join(capsys.readouterr().out.split())


def test_what_is_missing_is_told_before_torch_is_imported(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "fastnst.training.running", None)
    assert outcome(["train", "--style", "s.jpg"]) == 2
    assert "missing --photos" in capsys.readouterr().err


def test_what_a_config_leaves_out_is_named_as_it_is_typed(capsys):
    assert outcome(["train", "--config", "fast", "--photos", "p"]) == 2
    assert capsys.readouterr().err.startswith("fastnst: error: missing --style; see")


def test_an_unexpected_word_is_named(capsys):
    assert outcome(["train", "photo.jpg", "--style", "s.jpg", "--photos", "p"]) == 2
    assert "unexpected word 'photo.jpg'" in capsys.readouterr().err


def test_resuming_and_overwriting_exclude_each_other(train_options, capsys):
    assert outcome([*train_options, "--resume", "--overwrite"]) == 2
    assert "give one of them" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (["--steps", "7", "-o", "there"], ["--trainer.max_steps=7", "--trainer.default_root_dir=there"]),
        (["--tv", "2", "--style-weight", "9"], ["--model.loss.tv=2.0", "--model.loss.style_weight=9.0"]),
        (["--loss.tv", "2"], ["--model.loss.tv=2.0"]),
        (["--style_layers", "relu1_1", "relu2_1:2"], ['--model.loss.style={"relu1_1": 1.0, "relu2_1": 2.0}']),
        (["--model.loss.content", "{relu2_1: 3}"], ['--model.loss.content={"relu2_1": 3.0}']),
        (["--style_size", "null"], ["--model.style_size=null"]),
        (["--seed", "4"], ["--data.seed=4", "--seed_everything=4"]),
        (["--precision", "bfloat16"], ["--trainer.precision=bf16-mixed"]),
        (["--device", "cpu"], ["--trainer.accelerator=cpu"]),
        (["--device", "cuda:1"], ["--trainer.accelerator=gpu", "--trainer.devices=[1]"]),
        (["--time-budget", "3m"], ["--time_budget=3m", "--trainer.max_steps=-1"]),
        (["--time_budget", "3m", "--steps", "9"], ["--time_budget=3m", "--trainer.max_steps=9"]),
    ],
)
def test_short_words_stand_for_lightnings(short, long):
    options, passed = train.read(["--style", "s.jpg", "--photos", "p", *short])
    assert passed == []
    assert sorted(train.make_job(options, []).all_words()) == sorted(["--model.style=s.jpg", "--data.photos=p", *long])


def test_several_styles_are_one_setting():
    options, _ = train.read(["--styles", "a.jpg", "b.jpg", "--photos", "p", "--init", "random"])
    expected = ['--model.style=["a.jpg", "b.jpg"]', "--data.photos=p", "--model.init=random"]
    assert sorted(train.make_job(options, []).all_words()) == sorted(expected)


def test_dotted_options_are_handed_on_in_order():
    words = ["--trainer.devices", "2", "--style", "s", "--photos", "p", "--model.grow=0", "--trainer.callbacks+=a.B"]
    _, passed = train.read(words)
    assert passed == ["--trainer.devices", "2", "--model.grow=0", "--trainer.callbacks+=a.B"]


def test_resume_is_bare_or_takes_a_path():
    base = ["--style", "s", "--photos", "p"]
    assert train.read([*base, "--resume"])[0].resume == "auto"
    assert train.read([*base, "--resume", "a.ckpt"])[0].resume == "a.ckpt"


def test_a_backbone_chooses_its_own_layers(capsys):
    assert outcome(["train", "--style", "s", "--photos", "p", "--backbone", "squeezenet1_0", "--print_config"]) == 0
    loss = yaml.safe_load(capsys.readouterr().out)["model"]["loss"]
    assert loss["backbone"] == "squeezenet1_0"
    assert loss["content"] is None
    assert loss["style"] is None


def test_settings_of_many_runs_are_printed_here_and_not_by_workers(capsys):
    words = ["train", "--engine", "ray", "--styles", "a.jpg", "--photos", "p", "--print_config"]
    assert outcome(words) == 0
    assert yaml.safe_load(capsys.readouterr().out)["model"]["style"] == ["a.jpg"]


def test_every_recipe_can_be_read(capsys):
    for name in configs("train"):
        assert outcome(["train", "--config", name, "--style", "s", "--photos", "p", "--print_config"]) == 0
        assert "max_steps" in capsys.readouterr().out


def outcome(options: list[str]) -> int:
    try:
        return run(options)
    except SystemExit as exit_:
        return int(exit_.code or 0)


@pytest.mark.parametrize(("accelerator", "precision"), [("cpu", "32-true"), ("auto", "bf16-mixed")])
def test_the_precision_is_the_best_of_where_it_computes(train_options, tmp_path, monkeypatch, accelerator, precision):
    """A machine with a GPU may train on its processor."""
    monkeypatch.setattr("fastnst.training.running.pick_device", lambda name: torch.device(name or "cuda"))
    monkeypatch.setattr(
        "fastnst.training.running.best_precision", lambda at: "float32" if at.type == "cpu" else "bfloat16"
    )
    options = replace(without(train_options, "--trainer.precision"), "--trainer.accelerator", accelerator)
    assert run(options) == 0
    assert yaml.safe_load((tmp_path / "run" / "config.yaml").read_text())["trainer"]["precision"] == precision
