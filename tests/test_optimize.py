from itertools import pairwise

import pytest
import torch

from fastnst.errors import ConfigError
from fastnst.losses import GramLoss, PerceptualLoss
from fastnst.optimize import OptimizeConfig, optimize


@pytest.fixture
def loss(toy_backbone):
    return PerceptualLoss(toy_backbone, {"relu2_1": 1.0}, {"relu1_1": 1.0, "relu2_1": 1.0}, GramLoss(), 20.0)


def run(loss, **options):
    torch.manual_seed(0)
    content, style = torch.rand(1, 3, 20, 24), torch.rand(1, 3, 16, 16).square()
    return content, list(optimize(content, style, loss, OptimizeConfig(**options)))


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("init", ["content", "noise"])
def test_the_loss_falls(loss, optimizer, init):
    _, states = run(loss, optimizer=optimizer, init=init, steps=30)
    assert states[-1].report.total < 0.5 * states[0].report.total


def test_content_is_where_content_begins(loss):
    content, states = run(loss, steps=1)
    assert torch.equal(states[0].image, content)
    assert states[0].report.terms["content/relu2_1"] < 1e-10


def test_content_is_left_as_it_was(loss):
    content, states = run(loss, steps=3)
    torch.manual_seed(0)
    assert torch.equal(content, torch.rand(1, 3, 20, 24))
    assert not torch.equal(states[-1].image, content)


def test_each_report_judges_the_picture_beside_it(loss):
    content, states = run(loss, steps=5)
    torch.manual_seed(0)
    torch.rand(1, 3, 20, 24)
    style = torch.rand(1, 3, 16, 16).square()
    for state in states:
        again = loss(state.image, loss.content_target(content), loss.style_target(style))
        torch.testing.assert_close(again.total, state.report.total)


def test_one_evaluation_a_step(loss, monkeypatch):
    count = []
    forward = PerceptualLoss.forward
    monkeypatch.setattr(PerceptualLoss, "forward", lambda *args: count.append(1) or forward(*args))
    run(loss, steps=10)
    assert len(count) <= 12


def test_the_same_seed_gives_the_same_picture(loss):
    first, second = (run(loss, init="noise", steps=5)[1][-1].image for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(run(loss, init="noise", steps=5, seed=1)[1][-1].image, first)


def test_weights_do_not_change_the_descent(toy_backbone, loss):
    """The scale of the loss is no setting: a thousandfold objective is descended alike."""

    def times(factor):
        weights = {"relu2_1": factor}, {"relu1_1": factor, "relu2_1": factor}
        return PerceptualLoss(toy_backbone, *weights, GramLoss(), units="raw")

    once, thousandfold = (run(times(factor), steps=10)[1][-1].image for factor in (1.0, 1000.0))
    torch.testing.assert_close(once, thousandfold, atol=1e-3, rtol=0)


@pytest.mark.parametrize("options", [{"steps": 0}, {"lr": 0.0}])
def test_impossible_settings_are_refused(options):
    with pytest.raises(ConfigError, match="positive"):
        OptimizeConfig(**options)


def test_no_step_leaps_out_of_the_picture(loss):
    _, states = run(loss, steps=40)
    lengths = [(b.image - a.image).abs().mean().item() for a, b in pairwise(states)]
    assert max(lengths) < 0.0401
    assert max(state.report.total for state in states) <= 1.01 * states[0].report.total
