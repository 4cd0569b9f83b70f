from types import SimpleNamespace

import pytest
import torch

from fastnst.budget import Budget
from fastnst.errors import ConfigError
from fastnst.images import unpack_image
from fastnst.losses import LossConfig
from fastnst.training.guard import Guard
from fastnst.training.module import FeedForwardModule
from fastnst.training.recipe import FROM_RANDOM, FROM_START
from fastnst.training.timing import Timekeeper


@pytest.fixture
def make_module(style_picture, toy_weights):
    def make(style=style_picture, **options) -> FeedForwardModule:
        loss = LossConfig(
            "vgg19", weights=toy_weights, content={"relu2_1": 1.0}, style={"relu1_1": 1.0, "relu2_1": 1.0}
        )
        small = {"network_options": {"width": 4, "blocks": 1}, "loss": loss, "style_size": 48}
        style = [str(path) for path in style] if isinstance(style, list) else str(style)
        return FeedForwardModule(style, **(small | options))

    return make


def test_a_checkpoint_holds_what_is_imitated(make_module):
    module = make_module()
    picture = unpack_image(module.styles[0].facts["picture"])
    assert picture.shape == module.images[0].shape
    assert (picture - module.images[0]).abs().mean() < 0.02


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


def test_another_scale_is_not_resumed_and_an_older_checkpoint_had_one(make_module, toy_weights):
    checkpoint = {"state_dict": {}}
    module = make_module()
    module.on_save_checkpoint(checkpoint)
    module.on_load_checkpoint(checkpoint)
    saved = checkpoint["fastnst"]["loss"]
    del saved["scales"], saved["content_scale"]
    with pytest.raises(ConfigError, match=r"loss\.scales was \{1: 1\.0\} in the checkpoint and is \{1: 1\.0, 2: 0\.9"):
        module.on_load_checkpoint(checkpoint)
    make_module(loss=LossConfig.from_metadata(saved, toy_weights)).on_load_checkpoint(checkpoint)


def test_style_under_the_minimum_of_the_backbone_is_refused(make_module):
    with pytest.raises(ConfigError, match="style picture is 1x1, but .* need at least 4x4"):
        make_module(style_size=1)


def test_network_keeps_channels_last(make_module):
    assert make_module().network.down[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_photographs_and_facts_are_handed_in(make_module):
    module = make_module()
    with pytest.raises(AssertionError, match="prepare"):
        _ = module.held_out
    facts = {"batch_size": 2, "size": 32, "seed": 5, "photos": "set", "held_out": 3}
    module.prepare(torch.rand(3, 3, 32, 32), facts, Budget(steps=7))
    module._trainer = SimpleNamespace(
        world_size=2, accumulate_grad_batches=3, global_step=4, precision="32-true", global_rank=1
    )
    metadata = module.metadata()
    assert metadata.training["batch_size"] == 12
    assert metadata.training["photos"] == "set"
    assert metadata.judged["photos"] == 3
    assert module.clock.budget == Budget(steps=7)


def test_batches_and_processes_of_a_step_take_their_parts_of_one_draw(make_module, two_styles):
    module = make_module(two_styles)
    module.prepare(torch.rand(3, 3, 32, 32), {"seed": 5}, Budget(steps=7))

    def drawn(batch_idx, count, **trainer):
        module._trainer = SimpleNamespace(global_step=4, **trainer)
        return module._draw(batch_idx, count)

    whole = drawn(4, 12, world_size=1, accumulate_grad_batches=1, global_rank=0)
    parts = [
        drawn(12 + batch, 2, world_size=2, accumulate_grad_batches=3, global_rank=rank)
        for batch in range(3)
        for rank in range(2)
    ]
    assert torch.equal(torch.cat([part.index for part in parts]), whole.index)
    assert {part.disturbance for part in parts} == {whole.disturbance}


def test_time_that_was_spent_is_in_the_checkpoint(make_module):
    module, checkpoint = make_module(), {"state_dict": {}}
    module.clock.before, module.clock.lead = 40.0, 2.0
    module.on_save_checkpoint(checkpoint)
    other = make_module()
    other.on_load_checkpoint(checkpoint)
    assert other.clock.seconds() == 40.0
    assert other.clock.lead == 2.0


def test_a_list_of_styles_makes_a_table_and_a_style_alone_a_plain_network(make_module, two_styles):
    module = make_module(two_styles)
    assert len(module.network.styles.codes) == 2
    assert [style.name for style in module.styles] == ["waves", "sun"]
    assert make_module().network.styles is None


def test_the_norms_that_codes_stand_in_for_are_frozen(make_module, two_styles):
    network = make_module(two_styles).network
    frozen = {name for name, weights in network.named_parameters() if not weights.requires_grad}
    assert frozen == {f"{name}.{part}" for name, _ in network.named_norms() for part in ("weight", "bias")}


def test_other_styles_are_not_resumed(make_module, two_styles):
    checkpoint = {"state_dict": {}}
    make_module(two_styles).on_save_checkpoint(checkpoint)
    with pytest.raises(ConfigError, match="cannot resume: styles was"):
        make_module(two_styles[::-1]).on_load_checkpoint(checkpoint)


def test_the_rate_depends_on_where_a_run_begins(make_module, model_file):
    options = {"network": "johnson", "network_options": {"width": 4, "blocks": 1}}
    module = make_module(init=str(model_file), **options)
    assert module.recipe.lr == FROM_START
    assert module.init == model_file.parent.name
    assert make_module(**options, init="random").recipe.lr == FROM_RANDOM


def test_a_resumed_run_keeps_the_rate_that_was_not_chosen(make_module):
    checkpoint = {"state_dict": {}}
    make_module(init="random").on_save_checkpoint(checkpoint)
    checkpoint["fastnst"]["guard"] |= {"lr": 5e-4, "factor": 0.5, "times": 1}
    for options, rate, factor in (({}, 5e-4, 0.5), ({"lr": 1e-4}, 1e-4, 1.0)):
        resumed = make_module(**options)
        resumed.on_load_checkpoint({"state_dict": {}, "fastnst": checkpoint["fastnst"]})
        assert (resumed.recipe.lr, resumed.guard.factor) == (rate, factor)


def test_another_size_of_the_style_is_not_resumed(make_module):
    checkpoint = {"state_dict": {}}
    make_module(style_size=32).on_save_checkpoint(checkpoint)
    with pytest.raises(ConfigError, match="cannot resume: style sizes was"):
        make_module(style_size=40).on_load_checkpoint(checkpoint)


def test_a_trainer_gets_the_timekeeper_from_the_module(make_module):
    assert [type(callback) for callback in make_module().configure_callbacks()] == [Timekeeper, Guard]
