import pytest
import torch

from fastnst.optimize.descent import LONGEST_STEP, Adam, Lbfgs


def bowl(values=40):
    """A quadratic with curvatures from 1,000 to 100,000, and its minimum."""
    torch.manual_seed(0)
    turn = torch.linalg.qr(torch.rand(values, values, dtype=torch.float64)).Q
    matrix = turn * torch.logspace(3, 5, values, dtype=torch.float64) @ turn.T
    return matrix, 1e-3 * torch.rand(values, dtype=torch.float64)


def descend(descent, matrix, goal, steps, lr=1.0):
    position = torch.zeros_like(goal)
    for _ in range(steps):
        position = position + descent.step(position, matrix @ (position - goal), lr)
    return position


def test_lbfgs_solves_a_bowl_in_few_steps():
    matrix, goal = bowl()
    found = descend(Lbfgs(), matrix, goal, 80)
    torch.testing.assert_close(found, goal, atol=1e-6, rtol=0)


def test_lbfgs_takes_the_steps_of_torch():
    matrix, goal = bowl()
    first = 0.01 / (matrix @ goal).abs().mean() * (matrix @ goal).abs().sum()
    theirs = torch.zeros_like(goal, requires_grad=True)
    torchs = torch.optim.LBFGS([theirs], lr=1, max_iter=1, history_size=10, tolerance_grad=0, tolerance_change=0)

    def closure():
        theirs.grad = matrix @ (theirs.detach() - goal)
        return 0.5 * (theirs.detach() - goal) @ theirs.grad

    for step in range(12):
        torchs.param_groups[0]["lr"] = float(first) if step == 0 else 1.0
        torchs.step(closure)
    torch.testing.assert_close(descend(Lbfgs(), matrix, goal, 12), theirs.detach(), rtol=1e-5, atol=1e-9)


def test_adam_takes_the_steps_of_torch():
    matrix, goal = bowl()
    theirs = torch.zeros_like(goal, requires_grad=True)
    torchs = torch.optim.Adam([theirs], lr=1e-4, betas=(0.9, 0.99), eps=0)
    for _ in range(20):
        theirs.grad = matrix @ (theirs.detach() - goal)
        torchs.step()
    torch.testing.assert_close(descend(Adam(), matrix, goal, 20, 1e-4), theirs.detach(), rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("make", [Lbfgs, Adam])
def test_memory_survives_a_save(make):
    matrix, goal = bowl()
    first, second = make(), make()
    position = descend(first, matrix, goal, 5, 0.01)
    second.load(first.state())
    gradient = matrix @ (position - goal)
    assert torch.equal(first.step(position, gradient, 0.01), second.step(position, gradient, 0.01))


def test_little_is_remembered_of_large_pictures(monkeypatch):
    matrix, goal = bowl()
    descent = Lbfgs()
    descend(descent, matrix, goal, 12)
    assert len(descent.steps) == 10
    newest = descent.steps[-1]
    monkeypatch.setattr("fastnst.optimize.descent.HISTORY_VALUES", 3 * 80)
    descent.resize(lambda vector: vector.repeat(2), 0.5)
    assert len(descent.steps) == len(descent.changes) == 3
    assert torch.equal(descent.steps[-1], newest.repeat(2))


def test_no_step_is_longer_than_the_longest():
    descent, position = Lbfgs(), torch.zeros(4)
    descent.step(position, torch.ones(4), 1.0)
    leap = descent.step(position - 0.01, torch.ones(4) - 1e-4, 1.0)
    assert leap.abs().mean().item() == pytest.approx(LONGEST_STEP, rel=1e-5)


@pytest.mark.parametrize("make", [Lbfgs, Adam])
def test_nothing_to_descend_is_no_step(make):
    assert make().step(torch.rand(5), torch.zeros(5), 1.0).eq(0).all()
