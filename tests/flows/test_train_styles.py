"""Whole trainings of several styles in one network, of a second or two each."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from fastnst.checkpoint import load_checkpoint
from fastnst.cli import run
from fastnst.training.recipe import FROM_START


@pytest.fixture
def options(train_options, two_styles):
    """The options of a training of two styles."""
    at = train_options.index("--style")
    several = ["--styles", *map(str, two_styles), "--trainer.logger", "false"]
    return [*train_options[:at], *train_options[at + 2 :], *several]


def out_of(options: list[str]) -> Path:
    return Path(options[options.index("--out") + 1])


def test_two_styles_are_trained_published_and_told_apart(options):
    assert run([*options, "--steady", "10"]) == 0
    network, metadata = load_checkpoint(out_of(options) / "style.safetensors")
    assert [style["name"] for style in metadata.styles] == ["waves", "sun"]
    image, codes = torch.rand(1, 3, 32, 32), network.styles.codes
    assert len(codes) == 2
    assert not torch.equal(network(image, codes[0]), network(image, codes[1]))
    torch.testing.assert_close(network(image), network(image, codes[0]), atol=1e-5, rtol=1e-5)
    assert metadata.training["init"] == "random"
    assert metadata.training["steady"] == 10
    for term, mean in metadata.judged["terms"].items():
        each = [style["judged"][term] for style in metadata.styles]
        assert mean == pytest.approx(sum(each) / 2, rel=1e-4)


def test_a_resumed_training_of_several_styles_equals_an_uninterrupted_one(options, tmp_path):
    straight, broken = list(options), list(options)
    straight[straight.index("--out") + 1] = str(tmp_path / "straight")
    shape = ["--model.grow", "0", "--trainer.val_check_interval", "3"]
    assert run([*straight, "--steps", "6", *shape]) == 0
    # A schedule follows the budget: the first part is stopped, not shorter.
    stop = ["--trainer.limit_train_batches", "3", "--trainer.max_epochs", "1"]
    assert run([*broken, "--steps", "6", *shape, *stop]) == 0
    assert run([*broken, "--steps", "6", *shape, "--resume"]) == 0
    files = [load_file(folder / "style.safetensors") for folder in (tmp_path / "straight", out_of(options))]
    assert all(torch.equal(files[0][key], files[1][key]) for key in files[0])


def test_a_training_begins_from_a_trained_style(options, train_options, tmp_path):
    assert run(train_options) == 0
    first = out_of(train_options) / "style.safetensors"
    options[options.index("--out") + 1] = str(tmp_path / "second")
    assert run([*options, "--init", str(first)]) == 0
    network, metadata = load_checkpoint(tmp_path / "second" / "style.safetensors")
    assert metadata.training["init"] == "run"
    assert metadata.training["lr"] == FROM_START
    assert (network.output.weight - load_checkpoint(first)[0].output.weight).abs().max() < 0.05
