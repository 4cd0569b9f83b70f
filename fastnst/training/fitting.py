"""When memory does not hold a step: what to change, and how large a batch fits."""

import logging
from typing import TYPE_CHECKING, Any

import torch
from pytorch_lightning import Callback, LightningModule, Trainer

from fastnst.checkpoint import network_name
from fastnst.training.timing import AT_SHARES

if TYPE_CHECKING:
    from fastnst.data.module import ImageDataModule
    from fastnst.training.module import FeedForwardModule

log = logging.getLogger(__name__)

PHRASES = ("out of memory", "not enough memory", "can't allocate memory", "Cannot allocate memory", "ALLOC_FAILED")
"""By which errors of torch that have no type of their own tell of memory."""


class OutOfMemoryError(ValueError):
    """A step needs more memory than there is; the message says what to change."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory ran out, of the device or of the machine."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error) for phrase in PHRASES)


def explain(module: "FeedForwardModule", data: "ImageDataModule", device: torch.device, batch: int) -> str:
    """Say what so many crops hold, and what to do with less memory of a device."""
    millions = sum(weights.numel() for weights in module.network.parameters()) / 1e6
    size = data.size
    advice = [f"--batch_size {batch // 2}, or --auto_batch, which finds what fits"] if batch > 1 else []
    advice += [f"--size {size // 2 // 16 * 16} (a quarter of the memory)"] if size >= 128 else []
    advice += ["--network lite"] if network_name(module.network) != "lite" else []
    return (
        f"{_free(device)} does not hold a step: {batch} crop{'s' * (batch > 1)} of {size}x{size} pixels, a network of "
        f"{millions:.2g} million weights and the backbone {module.loss_config.backbone}; try "
        f"{' or '.join(advice) or 'another device'}"
    )


def _free(device: torch.device) -> str:
    if device.type != "cuda":
        return "the memory of this machine" if device.type == "cpu" else f"the memory of {device.type}"
    free, total = torch.cuda.mem_get_info(device)
    return f"the memory of {device} ({free / 2**30:.1f} of {total / 2**30:.1f} GB free)"


class FitBatch(Callback):
    """Before the first step, halve the batch until a step at full crop size fits, and accumulate gradients instead.

    So a step sees the same photographs as without, in parts. All processes take the smallest batch that one needs.
    """

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        module: Any = pl_module
        data: ImageDataModule = trainer.datamodule  # type: ignore[attr-defined]  # Lightning sets it dynamically
        module.on_fit_start()  # what paintings are compared with takes memory too
        whole = parts = data.batch_size
        while not self._fits(module, parts):
            if parts == 1:
                raise OutOfMemoryError(explain(module, data, module.device, parts))
            parts = _halved(whole, parts)
        parts = int(trainer.strategy.reduce(torch.tensor(float(parts), device=module.device), reduce_op="min"))
        if parts < whole:
            data.batch_size = parts
            trainer.accumulate_grad_batches *= whole // parts
            if trainer.val_check_interval != AT_SHARES:
                trainer.val_check_interval *= whole // parts  # Lightning counts batches, not steps
            module.refresh_facts(data.facts())
            if trainer.is_global_zero:
                log.warning("%d crops do not fit: taken in %d parts of %d", whole, whole // parts, parts)

    def _fits(self, module: "FeedForwardModule", count: int) -> bool:
        try:
            self._try(module, count)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return False
        finally:
            module.network.zero_grad(set_to_none=True)
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
        return True

    def _try(self, module: "FeedForwardModule", count: int) -> None:
        """Do what a step does on copies of a photograph, without moving the weights."""
        moments = [torch.zeros_like(each) for each in module.network.parameters() for _ in range(2)]  # as Adam's
        photos = module.held_out[:1].expand(count, -1, -1, -1).to(module.device)
        photos = photos.contiguous(memory_format=torch.channels_last)
        with module.trainer.precision_plugin.train_step_context():
            module.trial_step(photos).backward()
        del moments


def _halved(whole: int, parts: int) -> int:
    """Return the largest divisor of a batch that is at most half of a part: 12, 6, 3, 1."""
    return next(size for size in range(parts // 2, 0, -1) if whole % size == 0)
