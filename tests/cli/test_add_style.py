import json
import signal

import pytest
import torch

from fastnst.checkpoint import Metadata, describe, load_checkpoint, save_checkpoint
from fastnst.cli import add_style, run
from fastnst.losses import LossConfig
from fastnst.networks import build_network


@pytest.fixture
def gallery(tmp_path):
    network = build_network("lite", width=4, blocks=1)
    network.add_styles(1)
    loss = LossConfig(content={"relu2_1": 1.0}, style={"relu1_1": 1.0}).describe()
    metadata = Metadata(describe(network), [{"name": "sun", "size": [32, 32]}], loss, {"size": 32, "batch_size": 2})
    save_checkpoint(tmp_path / "gallery.safetensors", network, metadata)
    return tmp_path / "gallery.safetensors"


@pytest.fixture
def words(gallery, style_picture, photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ["--style", str(style_picture), "--photos", str(photos), "--steps", "2", "--workers", "0"]
    return ["add-style", str(gallery), *given]


def outcome(options):
    try:
        return run(options)
    except SystemExit as exit_:
        return int(exit_.code or 0)


def test_a_new_file_holds_one_more_style(words, gallery, tmp_path, capsys):
    before = gallery.read_bytes()
    assert run([*words, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["file"] == "gallery_waves.safetensors"
    assert facts["styles"] == ["sun", "waves"]
    assert facts["steps"] == 2
    network, metadata = load_checkpoint(tmp_path / facts["file"])
    assert len(network.styles.codes) == len(metadata.styles) == 2
    assert gallery.read_bytes() == before


def test_the_line_says_how_to_paint(words, capsys):
    assert run(words) == 0
    said = capsys.readouterr().out
    assert "waves beside sun; 2 steps" in said
    assert "fastnst stylize --model gallery_waves.safetensors --style waves PHOTO" in said


def test_a_file_is_replaced_only_when_asked_to(words, gallery, capsys):
    before = gallery.read_bytes()
    assert outcome([*words, "--out", str(gallery)]) == 2
    assert "gallery.safetensors exists; choose another --out, or give --overwrite" in capsys.readouterr().err
    assert gallery.read_bytes() == before
    assert outcome([*words, "--out", str(gallery), "-y"]) == 0
    assert len(load_checkpoint(gallery)[1].styles) == 2


def test_interrupted_it_writes_what_there_is(words, tmp_path, monkeypatch, capsys):
    words[words.index("--steps") + 1] = "1000"
    draw = torch.Tensor.backward

    def interrupt(loss):
        draw(loss)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(torch.Tensor, "backward", interrupt)
    assert run(words) == 130
    assert "interrupted; what there is was written" in capsys.readouterr().err
    assert len(load_checkpoint(tmp_path / "gallery_waves.safetensors")[1].styles) == 2


def test_samples_are_the_photographs_where_none_are_given(words, monkeypatch, tmp_path):
    pytest.importorskip("skimage")
    at = words.index("--photos")
    assert run([*words[:at], *words[at + 2 :]]) == 0
    assert load_checkpoint("gallery_waves.safetensors")[1].styles[-1]["added"]["photos"] == "samples"
    assert {path.name for path in tmp_path.iterdir()} == {"gallery.safetensors", "gallery_waves.safetensors"}


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (["gone.safetensors"], 2, "unrecognized arguments: gone.safetensors"),
        (["--style", "gone.jpg"], 1, "gone.jpg: no such file"),
        (["--photos", "nowhere"], 2, "no such file or folder"),
        (["--out", "three.png"], 2, "--out three.png: must be the name of a .safetensors file"),
        (["--steps", "0"], 2, "--steps: 0 is too small"),
        (["--time_budget", "soon"], 2, "time budget 'soon'"),
        (["--lr", "-1"], 2, "lr must be positive"),
        (["--stile", "a"], 2, "unknown option --stile; did you mean '--style'?"),
        (["--device", "tpu"], 2, "device 'tpu' is not here"),
    ],
)
def test_bad_settings(words, tmp_path, capsys, change, code, said):
    assert outcome([*words, *change]) == code
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "\n" not in error
    assert not (tmp_path / "gallery_waves.safetensors").exists()


def test_an_unknown_model_is_named(words, capsys):
    words[1] = "starry_nigt"
    assert outcome(words) == 2
    assert "unknown style 'starry_nigt'; did you mean 'starry_night'" in capsys.readouterr().err


def test_the_defaults_that_help_tells_are_those_of_the_job():
    from fastnst.training.adding import RATE, STEPS

    text = add_style.parser().format_help()
    assert f"default: {STEPS} without --time_budget" in " ".join(text.split())
    assert f"default: {RATE}" in " ".join(text.split())
