import math

import pytest
import torch

from fastnst.errors import ConfigError
from fastnst.images import unpack_image
from fastnst.losses import LossConfig
from fastnst.training import FeedForwardModule
from fastnst.training.module import corner, schedule


@pytest.fixture
def make_module(style_picture, toy_weights):
    def make(**options) -> FeedForwardModule:
        loss = LossConfig(
            "vgg19", weights=toy_weights, content={"relu2_1": 1.0}, style={"relu1_1": 1.0, "relu2_1": 1.0}
        )
        small = {"network_options": {"width": 4, "blocks": 1}, "loss": loss, "style_size": 48}
        return FeedForwardModule(str(style_picture), **(small | options))

    return make


def test_learning_rate_rises_and_falls():
    rates = [schedule(step, 1000) for step in range(1000)]
    assert rates[0] == pytest.approx(1 / 50)
    assert max(rates) == rates[49] == 1
    assert rates[-1] == pytest.approx(0.01, abs=1e-4)
    assert all(math.isfinite(schedule(step, 1)) for step in range(3))


def test_crops_grow_in_the_middle_of_a_run(make_module, monkeypatch):
    module = make_module(grow=0.5)
    batch = torch.rand(2, 3, 16, 24)
    sizes = []
    for step in range(10):
        module._trainer = type("Trainer", (), {"global_step": step, "max_steps": 10})()
        sizes.append(tuple(module._coarse(batch).shape[2:]))
    assert sizes == [(8, 12)] * 5 + [(16, 24)] * 5
    assert torch.equal(corner(batch), batch[..., :8, :12])


def test_crops_too_small_for_the_backbone_are_left_whole(make_module):
    module = make_module(grow=1.0)
    module._trainer = type("Trainer", (), {"global_step": 0, "max_steps": 10})()
    assert module._coarse(torch.rand(1, 3, 5, 5)).shape[2:] == (5, 5)


@pytest.mark.parametrize("grow", [-0.1, 1.1])
def test_grow_is_a_share(make_module, grow):
    with pytest.raises(ConfigError, match="grow is a share"):
        make_module(grow=grow)


def test_a_checkpoint_holds_what_is_imitated(make_module):
    module = make_module()
    picture = unpack_image(module.style_facts["picture"])
    assert picture.shape == module.style_image.shape
    assert (picture - module.style_image).abs().mean() < 0.02


def test_checkpoints_leave_the_backbone_out_and_refill_it(make_module):
    module = make_module()
    module.content_scales = {"relu2_1": 0.5}
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    assert all(key.startswith("network.") for key in checkpoint["state_dict"])
    other = make_module()
    other.on_load_checkpoint(checkpoint)
    other.load_state_dict(checkpoint["state_dict"], strict=True)
    assert other.content_scales == {"relu2_1": 0.5}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network_options": {"width": 8, "blocks": 1}}, "network was .*'width': 4.* is .*'width': 8"),
        ({"loss": LossConfig("vgg19", content={"relu1_1": 1.0}, style={"relu1_1": 1.0})}, r"loss\.content was"),
    ],
)
def test_another_network_or_objective_is_not_resumed(make_module, toy_weights, change, words):
    checkpoint = {"state_dict": {}}
    make_module().on_save_checkpoint(checkpoint)
    if "loss" in change:
        change = {"loss": LossConfig(**(vars(change["loss"]) | {"weights": toy_weights}))}
    with pytest.raises(ConfigError, match=words):
        make_module(**change).on_load_checkpoint(checkpoint)


def test_style_under_the_minimum_of_the_backbone_is_refused(make_module):
    with pytest.raises(ConfigError, match="style picture is 1x1, but .* need at least 4x4"):
        make_module(style_size=1)


def test_network_keeps_channels_last(make_module):
    assert make_module().network.layers[1].weight.is_contiguous(memory_format=torch.channels_last)
