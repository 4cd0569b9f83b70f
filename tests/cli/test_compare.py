import json
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from fastnst.checkpoint import load_checkpoint, save_checkpoint
from fastnst.cli import run
from fastnst.compare import Contest
from fastnst.images import read_image


@pytest.fixture
def words(photos):
    return ["--photos", str(photos), "--count", "2", "--sizes", "32", "48", "--steps", "3", "--device", "cpu"]


def test_the_report(trained, words, tmp_path, capsys):
    other = tmp_path / "other.safetensors"
    other.write_bytes(trained.read_bytes())
    out = tmp_path / "report"
    command = ["compare", "-m", str(trained), str(other), *words, "-o", str(out)]
    assert run(command) == 0
    said = capsys.readouterr().out.strip().splitlines()
    assert len(said) == 1
    assert said[0].startswith(f"{out / 'report.html'}: waves equals")
    report = json.loads((out / "report.json").read_text())
    for key in ("equivalent_lbfgs_iterations", "speedup", "break_even_images"):
        assert report[key].keys() == {"median", "q1", "q3"}
    assert [network["name"] for network in report["networks"]] == ["waves", "other"]
    assert len(report["cases"]) == 4
    page = (out / "report.html").read_text()
    assert "data:image/png;base64" in page
    assert "http" not in page.split("<pre>")[0]
    assert read_image(out / "report.png").shape[3] > 800
    assert run(command) == 2
    assert "exist" in capsys.readouterr().err
    assert run([*command, "--count", "1", "--sizes", "32", "--steps", "1", "-y", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["files"][0] == str(out / "report.html")
    assert facts["networks"][0]["photographs"] == 1


def test_quiet_says_nothing(trained, words, tmp_path, capsys):
    assert (
        run(["compare", "--model", str(trained), *words, "--sizes", "32", "--quiet", "--out", str(tmp_path / "r")]) == 0
    )
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""


def test_an_interruption_keeps_what_was_found(trained, words, tmp_path, capsys, monkeypatch):
    hold = Contest.hold

    def interrupted(*arguments, **options):
        signal.raise_signal(signal.SIGINT)
        return hold(*arguments, **options)

    monkeypatch.setattr(Contest, "hold", interrupted)
    assert run(["compare", "--model", str(trained), *words, "--out", str(tmp_path / "report")]) == 130
    assert "interrupted after 1 of 4" in capsys.readouterr().err
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert [case["size"] for case in report["cases"]] == [32]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--sizes", "8"], "--sizes: 8 is too small, must be at least 32"),
        (["--steps", "0"], "--steps: 0 is too small, must be at least 1"),
        (["--step", "1"], "did you mean '--steps'"),
        (["--photos", "{empty}"], "holds no pictures"),
        (["--model", "{plain}"], "does not say under which loss"),
        (["--weights", "gone.safetensors"], "no such file"),
        (["--device", "abacus"], "'abacus' is not here"),
    ],
)
def test_bad_settings_get_one_line(trained, model_file, words, tmp_path, capsys, change, said):
    (tmp_path / "empty").mkdir()
    change = [word.format(empty=tmp_path / "empty", plain=model_file) for word in change]
    model = [] if "--model" in change else ["--model", str(trained)]
    try:
        code = run(["compare", *model, *words, "--out", str(tmp_path / "r"), *change])
    except SystemExit as exit_:
        code = exit_.code
    lines = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert code in (1, 2)
    assert len(lines) == 1
    assert said in lines[0]
    assert not (tmp_path / "r").exists()


def test_a_checkpoint_without_its_style_wants_it(trained, style_picture, words, tmp_path, capsys):
    network, metadata = load_checkpoint(trained)
    bare = tmp_path / "bare.safetensors"
    save_checkpoint(bare, network, replace(metadata, styles=[{"name": "waves", "size": [48, 48]}]))
    command = ["compare", "--model", str(bare), *words, "--count", "1", "--sizes", "32", "--out", str(tmp_path / "r")]
    assert run(command) == 2
    assert "give it as --style" in capsys.readouterr().err
    assert run([*command, "--style", str(style_picture)]) == 0


@pytest.mark.parametrize("command", ["compare", "inspect sweep", "inspect features"])
def test_help_loads_nothing_that_takes_time(command):
    help_ = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "fastnst", *command.split(), "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--out" in help_.stdout
    loaded = {line.rpartition("|")[2].strip() for line in help_.stderr.splitlines()}
    assert not {"torch", "numpy", "jsonargparse", "pytorch_lightning", "matplotlib"} & loaded
