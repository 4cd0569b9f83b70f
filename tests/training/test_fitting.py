from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from fastnst.training.fitting import FitBatch, OutOfMemoryError, is_out_of_memory
from fastnst.training.timing import AT_SHARES


class Module:
    """A module whose step holds so many crops, and no more."""

    def __init__(self, most: int) -> None:
        self.most, self.tried, self.facts = most, [], None
        self.network, self.device, self.held_out = nn.Linear(3, 1), torch.device("cpu"), torch.rand(2, 3, 256, 256)
        self.loss_config = SimpleNamespace(backbone="compact")
        self.trainer = SimpleNamespace(
            precision_plugin=SimpleNamespace(train_step_context=nullcontext), is_global_zero=True,
            accumulate_grad_batches=1, val_check_interval=250,
            strategy=SimpleNamespace(reduce=lambda tensor, reduce_op: tensor),
        )  # fmt: skip

    def on_fit_start(self) -> None:
        pass

    def refresh_facts(self, facts) -> None:
        self.facts = facts

    def trial_step(self, photos):
        self.tried.append(photos.shape)
        if len(photos) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.network.weight.sum()


def fit(most: int, batch_size: int = 12):
    module, data = Module(most), SimpleNamespace(batch_size=batch_size, size=256)
    data.facts = lambda: {"batch_size": data.batch_size}
    module.trainer.datamodule = data
    FitBatch().on_fit_start(module.trainer, module)
    return module, data


def test_the_batch_is_cut_until_a_step_fits_and_gradients_are_accumulated(caplog):
    module, data = fit(most=4)
    assert [shape[0] for shape in module.tried] == [12, 6, 3]
    assert {shape[1:] for shape in module.tried} == {(3, 256, 256)}
    assert (data.batch_size, module.trainer.accumulate_grad_batches, module.trainer.val_check_interval) == (3, 4, 1000)
    assert module.facts == {"batch_size": 3}
    assert caplog.messages == ["12 crops do not fit: taken in 4 parts of 3"]
    assert module.network.weight.grad is None


def test_a_batch_that_fits_stays_as_it_is(caplog):
    module, data = fit(most=12)
    assert (data.batch_size, module.trainer.accumulate_grad_batches, caplog.messages) == (12, 1, [])


def test_a_single_crop_that_does_not_fit_ends_with_advice(monkeypatch):
    monkeypatch.setattr("fastnst.training.fitting.network_name", lambda network: "johnson")
    with pytest.raises(OutOfMemoryError) as error:
        fit(most=0, batch_size=2)
    words = str(error.value)
    assert "does not hold a step: 1 crop of 256x256 pixels, a network of 4e-06 million weights" in words
    assert "--auto_batch" not in words
    assert "--size 128" in words
    assert "--network lite" in words


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:128] DefaultCPUAllocator: can't allocate memory"),
            True,
        ),
        (RuntimeError("MPS backend out of memory (MPS allocated: 18 GB)"), True),
        (MemoryError(), True),
        (RuntimeError("size mismatch"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_errors_of_memory_are_known(error, told):
    assert is_out_of_memory(error) is told


def test_validation_at_shares_is_left_alone():
    module, data = Module(most=6), SimpleNamespace(batch_size=12, size=256, facts=dict)
    module.trainer.val_check_interval = AT_SHARES
    module.trainer.datamodule = data
    FitBatch().on_fit_start(module.trainer, module)
    assert module.trainer.val_check_interval == AT_SHARES
