"""Bad input of every kind: one clear line, no traceback, nothing written."""

from pathlib import Path

import pytest

from fastnst.cli import run


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
        (("--model.widht", "3"), 2, "widht"),
        (("--resume", "gone.ckpt"), 2, "gone.ckpt: no such file"),
        (("--config", "qality"), 2, "did you mean 'quality'"),
        (("--data.size", "2"), 2, "data wants size"),
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


@pytest.mark.parametrize("name", ["--style", "--photos"])
def test_what_is_missing_is_named_as_it_is_typed(train_options, capsys, name):
    assert outcome(without(train_options, name)) == 2
    assert name in capsys.readouterr().err


def outcome(options: list[str]) -> int:
    try:
        return run(options)
    except SystemExit as exit_:
        return int(exit_.code or 0)
