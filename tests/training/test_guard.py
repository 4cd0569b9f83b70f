from types import SimpleNamespace

import pytest
import torch
from torch import nn

from fastnst.training.guard import TIMES, Guard, finite


class Run:
    """A network of two layers with Adam, and what a guard asks of a trainer."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=0.1)
        self.trainer = SimpleNamespace(
            global_step=0, optimizers=[self.optimizer], log_every_n_steps=2, accumulate_grad_batches=1,
            is_global_zero=True, training=True, validating=False, state=SimpleNamespace(fn="fit"),
        )  # fmt: skip
        self.guard = Guard(SimpleNamespace(network=self.network, recipe=SimpleNamespace(lr=0.1)))
        self.guard.on_train_start(self.trainer, None)

    def step(self, scale: float = 1.0) -> None:
        generator = torch.Generator().manual_seed(self.trainer.global_step)
        self.optimizer.zero_grad()
        (scale * self.network(torch.rand(5, 3, generator=generator)).square().mean()).backward()
        self.optimizer.step()
        self.trainer.global_step += 1
        self.guard.on_train_batch_end(self.trainer, None, None, None, self.trainer.global_step - 1)

    def weights(self) -> list[torch.Tensor]:
        moments = [each for state in self.optimizer.state_dict()["state"].values() for each in state.values()]
        return [each.clone() for each in [*self.network.state_dict().values(), *moments]]


def equal(first, second) -> bool:
    return all(torch.equal(*pair) for pair in zip(first, second, strict=True))


def test_weights_and_moments_go_back_to_the_last_good_ones_at_half_the_rate(caplog):
    run = Run()
    for _ in range(4):
        run.step()
    good = run.weights()
    run.step(float("nan"))
    assert not finite(run.network.state_dict())
    run.step()
    assert equal(run.weights(), good)
    assert run.guard.factor == 0.5
    (line,) = caplog.messages
    assert "not a finite number at step 6: back to the weights of step 4, going on at 0.5 of the learning rate" in line
    run.step()
    assert finite(run.network.state_dict())
    assert not equal(run.weights(), good)


def test_a_fourth_time_ends_the_run_with_the_reason():
    run = Run()
    for _ in range(TIMES):
        run.step(float("inf"))
        run.step()
    assert run.guard.factor == 0.5**TIMES
    run.step(float("inf"))
    with pytest.raises(FloatingPointError, match=r"at step 8 after 3 returns .* resume with a lower --lr"):
        run.step()


def test_a_resumed_run_keeps_the_lower_rate_unless_another_is_asked_for():
    run = Run()
    run.step(float("nan"))
    run.step()
    again, other = Run(), Run()
    again.guard.restore(run.guard.state())
    other.guard.module.recipe.lr = 0.01
    other.guard.restore(run.guard.state())
    assert (again.guard.factor, again.guard.times) == (0.5, 1)
    assert (other.guard.factor, other.guard.times) == (1.0, 0)


def test_an_infinite_moment_is_seen():
    assert finite({"step": torch.tensor(3), "of": [torch.zeros(2), {"it": 1.0}]})
    assert not finite({"of": [torch.zeros(2), {"it": torch.tensor([1.0, float("inf")])}]})
