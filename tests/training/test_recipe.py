import math
import subprocess
import sys
from copy import deepcopy

import pytest
import torch
from torch import nn

from fastnst.errors import ConfigError
from fastnst.losses import GramLoss, LossConfig, PerceptualLoss
from fastnst.networks import build_network
from fastnst.training.recipe import FROM_RANDOM, FROM_START, Recipe, Training
from fastnst.training.steps import take_targets


@pytest.fixture
def targets(toy_backbone):
    loss = PerceptualLoss(toy_backbone, {"relu2_1": 1}, {"relu1_1": 1, "relu2_1": 1}, GramLoss(), 5, 1)
    return take_targets(loss, torch.rand(1, 3, 32, 32), torch.rand(4, 3, 32, 32))


def test_learning_rate_rises_over_a_twentieth_and_falls_to_a_hundredth():
    recipe = Recipe(lr=1.0)
    rates = [recipe.rate(step / 2000) for step in range(2001)]
    assert rates[0] == pytest.approx(0.01)
    assert max(rates) == rates[100] == 1
    assert rates[-1] == pytest.approx(0.01)
    assert rates[:101] == sorted(rates[:101])
    assert rates[100:] == sorted(rates[100:], reverse=True)
    assert all(math.isfinite(recipe.rate(share)) for share in (0, 1, 1.5))


def test_crops_grow_in_the_middle_of_a_run():
    recipe, batch = Recipe(grow=0.5), torch.rand(2, 3, 16, 24)
    sizes = [tuple(recipe.cut(batch, step / 10, least=4).shape[2:]) for step in range(10)]
    assert sizes == [(8, 12)] * 5 + [(16, 24)] * 5
    assert torch.equal(recipe.cut(batch, 0, least=4), batch[..., :8, :12])


def test_crops_too_small_for_the_backbone_are_left_whole():
    assert Recipe(grow=1.0).cut(torch.rand(1, 3, 16, 16), 0, least=9).shape[2:] == (16, 16)


@pytest.mark.parametrize("grow", [-0.1, 1.1])
def test_grow_is_a_share(grow):
    with pytest.raises(ConfigError, match="grow is a share"):
        Recipe(grow=grow)


@pytest.mark.parametrize(("started", "lr"), [(False, FROM_RANDOM), (True, FROM_START)])
def test_a_rate_that_is_not_given_depends_on_where_the_run_begins(started, lr):
    assert Recipe.beginning(started) == Recipe(lr)
    assert Recipe.beginning(started, lr=0.5, grow=0.0, steady=3.0) == Recipe(0.5, 0.0, 3.0)


def test_a_negative_weight_is_refused():
    with pytest.raises(ConfigError, match="steady is a weight"):
        Recipe(steady=-1.0)


@pytest.mark.parametrize("lr", [0.0, -1.0, float("nan")])
def test_the_learning_rate_is_positive(lr):
    with pytest.raises(ConfigError, match="lr must be positive"):
        Recipe(lr=lr)


def test_half_crops_of_a_usual_training_are_compared_at_every_scale():
    loss = LossConfig().build()
    assert loss.style_scales((128, 128)) == loss.scales
    assert loss.scale_of_content((128, 128)) == 2
    assert take_targets(loss, torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)).least == loss.min_size < 16


def test_training_lowers_the_loss_and_keeps_no_graph(targets):
    network = build_network("lite", width=4, blocks=1)
    training, batch = Training(network, targets, Recipe(lr=1e-2, grow=0)), torch.rand(2, 3, 32, 32)
    losses = [training(batch, step / 40).total for step in range(40)]
    assert losses[-1] < losses[0]
    assert not losses[0].requires_grad


def test_gradients_are_clipped_and_the_rate_is_the_recipes(targets):
    network = nn.Sequential(nn.Conv2d(3, 3, 1))
    with torch.no_grad():
        network[0].weight.mul_(100)
    training = Training(network, targets, Recipe(lr=1e-2, grow=0))
    training(torch.rand(1, 3, 32, 32), 0.05)
    norm = torch.cat([weight.grad.flatten() for weight in network.parameters()]).norm()
    assert float(norm) == pytest.approx(1, abs=1e-4)
    assert training.optimizer.param_groups[0]["lr"] == pytest.approx(1e-2)


def test_a_table_of_styles_is_trained_the_same_every_time(toy_backbone):
    loss = PerceptualLoss(toy_backbone, {"relu2_1": 1}, {"relu1_1": 1}, GramLoss(), 5, 1)
    targets = take_targets(loss, [torch.rand(1, 3, 32, 40), torch.rand(1, 3, 24, 24)], torch.rand(2, 3, 32, 32))
    start = build_network("lite", width=4, blocks=1)
    start.add_styles(2)
    batches = torch.rand(6, 2, 3, 32, 32)
    codes = []
    for _ in range(2):
        training = Training(deepcopy(start), targets, Recipe(grow=0), seed=5)
        for number, batch in enumerate(batches):
            training(batch, number / 6)
        codes.append(training.network.styles.codes)
    assert torch.equal(codes[0], codes[1])
    assert not torch.equal(codes[0][0], codes[0][1])


def test_frozen_weights_are_left_alone(targets):
    network = build_network("lite", width=4, blocks=1)
    network.output.requires_grad_(False)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    training = Training(network, targets, Recipe(lr=1e-2, grow=0))
    for _ in range(2):  # the skip begins with a scale of zero, which keeps gradients from what is before it
        training(torch.rand(1, 3, 32, 32), 0.5)
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]) == key.startswith("output"), key


def test_the_recipe_needs_no_lightning():
    code = "import sys, fastnst.training; print('pytorch_lightning' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
