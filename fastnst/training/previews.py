"""Pictures in the log of a training."""

import torch
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.loggers import Logger, TensorBoardLogger
from torch import Tensor
from torchvision.utils import make_grid

from fastnst.images import to_pil
from fastnst.training.module import FeedForwardModule


class Previews(Callback):
    """Log the style pictures once, and at every validation held-out photographs above their paintings, a row per style.

    Args:
        count: Photographs in the grid.
    """

    def __init__(self, count: int = 6) -> None:
        self.count = count

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FeedForwardModule)
        for style in pl_module.styles:
            tag = "style" if pl_module.network.styles is None else f"style/{style.name}"
            self._log(trainer, tag, style.image[0])

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FeedForwardModule)
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        photos = pl_module.held_out[: self.count].to(pl_module.device)
        with torch.inference_mode():
            rows = [photos, *(_paint(pl_module, photos, code) for code in _codes(pl_module))]
        self._log(trainer, "painted", make_grid(torch.cat(rows).clamp(0, 1), nrow=len(photos), padding=2))

    def _log(self, trainer: Trainer, tag: str, image: Tensor) -> None:
        for logger in trainer.loggers if trainer.is_global_zero else ():
            log_image(logger, tag, image.clamp(0, 1), trainer.global_step)


def _codes(module: FeedForwardModule) -> list[Tensor | None]:
    """Return the code of each style; nothing for a network of one, which has no need of it."""
    styles = module.network.styles
    return [None] if styles is None else list(styles.codes)


def _paint(module: FeedForwardModule, photos: Tensor, code: Tensor | None) -> Tensor:
    return torch.cat([module(photo[None], code) for photo in photos]).float()


def log_image(logger: Logger, tag: str, image: Tensor, step: int) -> None:
    """Give ``(3, H, W)``, RGB in [0, 1], to a logger that takes pictures: TensorBoard, or one with ``log_image``."""
    if hasattr(logger, "log_image"):
        logger.log_image(key=tag, images=[to_pil(image[None].cpu())], step=step)
    elif isinstance(logger, TensorBoardLogger):
        logger.experiment.add_image(tag, image, step)
