from dataclasses import replace

import pytest
import torch

from fastnst.checkpoint import CheckpointError, Metadata, describe, load_checkpoint, save_checkpoint
from fastnst.errors import ConfigError
from fastnst.losses import LossConfig
from fastnst.networks import build_network
from fastnst.training.adding import STEPS, AddJob, learner, run, with_row

LAYERS = {"content": {"relu2_1": 1.0}, "style": {"relu1_1": 1.0, "relu2_1": 1.0}}


@pytest.fixture
def make_gallery(tmp_path):
    """Write a small network of so many styles; 0 makes a plain one."""

    def make(count, names=None, statistics=0):
        network = build_network("lite", width=4, blocks=1)
        if count:
            styles = network.add_styles(count, statistics)
            torch.nn.init.normal_(styles.codes, 1, 0.2)
            torch.nn.init.normal_(styles.photograph, 1, 0.2)
        named = [{"name": name, "size": [40, 48]} for name in names or [f"style{i}" for i in range(max(1, count))]]
        loss = LossConfig(**LAYERS).describe() | {"content_scales": {"relu2_1": 0.5}}
        training = {"size": 32, "batch_size": 2, "steps": 100}
        file = tmp_path / f"gallery{count}.safetensors"
        save_checkpoint(file, network, Metadata(describe(network), named, loss, training))
        return file

    return make


@pytest.fixture
def make_job(photos, style_picture):
    def make(file, **options):
        return AddJob(str(file), str(style_picture), str(photos), **({"steps": 3, "workers": 0} | options))

    return make


@pytest.mark.parametrize("count", [0, 2])
def test_what_the_network_knew_stays_bit_for_bit(make_gallery, make_job, count):
    file = make_gallery(count)
    before, _ = load_checkpoint(file)
    addition = run(make_job(file, device="cpu", precision="float32"))
    after = addition.network.state_dict()
    kept = {key: value for key, value in before.state_dict().items() if not key.startswith("styles")}
    assert all(torch.equal(after[key], value) for key, value in kept.items())
    codes = after["styles.codes"]
    rows = before.style_code()[None] if before.styles is None else before.styles.codes
    assert torch.equal(codes[:-1], rows)
    assert len(codes) == len(rows) + 1
    assert not torch.equal(codes[-1], rows.mean(0))
    if before.styles is not None:
        assert torch.equal(after["styles.photograph"], before.styles.photograph)


def test_the_file_says_what_was_added(make_gallery, make_job):
    addition = run(make_job(make_gallery(2)))
    assert [style["name"] for style in addition.metadata.styles] == ["style0", "style1", "waves"]
    added = addition.metadata.styles[-1]
    assert added["size"][0] == 40  # as large as the others
    assert added["added"]["steps"] == addition.steps == 3
    assert added["added"]["size"] == 32
    terms = dict(added["judged"])
    assert terms.pop("loss") == pytest.approx(sum(terms.values()))


def test_a_file_is_written_and_read_again(make_gallery, make_job, tmp_path):
    addition = run(make_job(make_gallery(2)))
    save_checkpoint(tmp_path / "three.safetensors", addition.network, addition.metadata)
    again = run(make_job(tmp_path / "three.safetensors"))
    assert [style["name"] for style in again.metadata.styles] == ["style0", "style1", "waves", "waves_2"]
    assert len(again.network.styles.codes) == 4


def test_the_objective_falls(make_gallery, make_job):
    begun, done = (run(make_job(make_gallery(2), steps=steps, lr=lr)) for steps, lr in ((1, 1e-9), (20, 0.1)))
    assert done.judged["loss"] < 0.98 * begun.judged["loss"]


def test_a_plain_network_learns_the_code_of_the_photograph_too(make_gallery, make_job):
    addition = run(make_job(make_gallery(0), steps=12))
    styles = addition.network.styles
    assert not torch.equal(styles.photograph, styles.codes[0])


def test_a_predictor_gives_the_code_to_begin_with_and_stays(make_gallery, make_job):
    file = make_gallery(1, statistics=1920)
    network, _ = load_checkpoint(file)
    addition = run(make_job(file, steps=1, lr=1e-9))
    assert addition.network.styles.predictor is not None
    assert (addition.network.styles.codes[1] - network.styles.codes.mean(0)).abs().max() > 0.01
    for key, value in network.styles.predictor.state_dict().items():
        assert torch.equal(addition.network.styles.predictor.state_dict()[key], value)


def test_it_stops_when_it_is_asked_to(make_gallery, make_job):
    addition = run(make_job(make_gallery(2), steps=50), lambda share, report: share > 0.03)
    assert addition.interrupted
    assert addition.steps == 2


def test_time_is_a_budget_too(make_job):
    job = make_job("gallery")
    assert replace(job, steps=None).budget.steps == STEPS
    assert replace(job, steps=None, seconds=5.0).budget.steps == float("inf")
    assert replace(job, seconds=5.0).budget.steps == 3


def test_only_the_code_is_trained(make_gallery):
    network, _ = load_checkpoint(make_gallery(2))
    pupil = learner(network, network.styles.codes[1])
    assert [name for name, weights in pupil.named_parameters() if weights.requires_grad] == ["styles.codes"]
    image, grown = torch.rand(1, 3, 16, 16), with_row(network, pupil)
    assert torch.equal(grown(image, grown.styles.codes[2]), network(image, network.styles.codes[1]))


def test_a_file_that_names_other_styles_than_it_holds_is_refused(make_gallery, make_job):
    with pytest.raises(CheckpointError, match="its table holds 2 styles, but its header names 1"):
        run(make_job(make_gallery(2, names=["one"])))


def test_a_style_too_small_to_look_at_is_refused(make_gallery, make_job):
    with pytest.raises(ConfigError, match="style picture is 1x1"):
        run(make_job(make_gallery(2), style_size=1))
