"""Keep a training among finite numbers: back to the last good weights, at half the rate."""

import logging
from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_only
from torch import Tensor

from fastnst.training.timing import log_interval, made_step

if TYPE_CHECKING:
    from fastnst.training.module import FeedForwardModule

log = logging.getLogger(__name__)

TIMES = 3
"""How often a run goes back before it ends."""


class Guard(Callback):
    """Look now and then whether all weights are finite numbers; if not, put the last good ones back.

    A loss or a gradient that is none shows in the weights one step later, and weights are the same in all processes: so
    all of them decide alike without a word. In half precision Lightning's scaler leaves such a step out; that is no
    case for this.

    Args:
        module: Has a network; its learning rate is to be multiplied by :attr:`factor`.

    Attributes:
        factor: What is left of the learning rate: a half for each return.
        times: Returns so far.
    """

    def __init__(self, module: "FeedForwardModule") -> None:
        self.module = module
        self.factor, self.times = 1.0, 0
        self._step = -1
        self._good: tuple[int, dict[str, Any], dict[str, Any]] | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.look(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Tensor, batch_idx: int
    ) -> None:
        if made_step(trainer, batch_idx) and trainer.global_step % log_interval(trainer) == 0:
            self.look(trainer)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """See to it that what is judged and published is finite."""
        if trainer.training or trainer.validating:
            self.look(trainer)

    def look(self, trainer: Trainer) -> None:
        """Note the weights of this step and Adam's moments, or go back to those noted last.

        Raises:
            FloatingPointError: The weights are not finite, for the fourth time or without any to go back to.
        """
        if trainer.global_step == self._step or trainer.state.fn != "fit":
            return
        network, optimizer = self.module.network, trainer.optimizers[0]
        if finite([network.state_dict(), optimizer.state_dict()]):
            self._step = trainer.global_step
            self._good = (self._step, deepcopy(network.state_dict()), deepcopy(optimizer.state_dict()))
            return
        reached = trainer.global_step
        if self._good is None or self.times == TIMES:
            after = f" after {self.times} returns to good weights" if self.times else ""
            raise FloatingPointError(
                f"the loss is not a finite number at step {reached}{after}; the last good files are kept: resume with "
                f"a lower --lr or --precision float32"
            )
        self.times, self.factor = self.times + 1, self.factor / 2
        self._step, weights, moments = self._good
        network.load_state_dict(weights)
        optimizer.load_state_dict(deepcopy(moments))
        optimizer.zero_grad()
        rank_zero_only(log.warning)(
            "the loss is not a finite number at step %d: back to the weights of step %d, going on at %g of the "
            "learning rate (%d of %d times)", reached, self._step, self.factor, self.times, TIMES,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Return what a resumed run needs, as plain data."""
        return {"lr": self.module.recipe.lr, "factor": self.factor, "times": self.times}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from the :meth:`state` of the run before, unless that was with another learning rate."""
        if state["lr"] == self.module.recipe.lr:
            self.factor, self.times = float(state["factor"]), int(state["times"])


def finite(state: Any) -> bool:
    """Tell whether all tensors in nested mappings and lists hold finite numbers; waits for the device but once."""
    found = [torch.isfinite(tensor).all() for tensor in _tensors(state) if tensor.is_floating_point()]
    devices = {each.device for each in found}
    return all(bool(torch.stack([each for each in found if each.device == device]).all()) for device in devices)


def _tensors(state: Any) -> Iterator[Tensor]:
    if isinstance(state, Tensor):
        yield state
    elif isinstance(state, Mapping):
        yield from _tensors(list(state.values()))
    elif isinstance(state, list | tuple):
        for each in state:
            yield from _tensors(each)
