"""What a training shows while it runs."""

import sys
from typing import Any, TextIO

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.callbacks import TQDMProgressBar
from pytorch_lightning.callbacks.progress.tqdm_progress import Tqdm

from fastnst.losses import by_kind
from fastnst.training.job import OnProgress, Progress
from fastnst.training.module import FeedForwardModule
from fastnst.training.timing import log_interval, made_step

BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"


class Lines:
    """A stream for a bar where there is no terminal: each of its states is a line of its own."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        if state := text.strip():
            self.stream.write(f"{state}\n")

    def flush(self) -> None:
        self.stream.flush()


class Told(Callback):
    """Tell a function how far a run is, after every step, and end the run in order when it asks for that.

    Args:
        on_progress: The function, if there is one.

    Attributes:
        stopped: Whether it asked.
    """

    def __init__(self, on_progress: OnProgress | None) -> None:
        self.on_progress, self.stopped = on_progress, False

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stop behind this step, as on a signal."""
        assert isinstance(pl_module, FeedForwardModule)
        if self.on_progress is None or not trainer.is_global_zero or not made_step(trainer, batch_idx):
            return
        share = pl_module.clock.share(trainer.global_step)
        progress = Progress(trainer.global_step, share, pl_module.clock.seconds(), trainer.callback_metrics)
        if self.on_progress(progress) and share < 1:
            self.stopped = trainer.should_stop = True


class TrainingProgress(TQDMProgressBar):
    """Lightning's bar over the share of the run: a bar on a terminal, a line now and then elsewhere.

    The time to go follows from the share, whether the run is measured in steps or in seconds. Says nothing with a
    ``refresh_rate`` of 0.
    """

    def init_train_tqdm(self) -> Tqdm:
        terminal = sys.stderr.isatty()
        return Tqdm(
            desc="training",
            total=1.0,
            initial=self._module.share,
            bar_format=BAR,
            file=sys.stderr if terminal else Lines(sys.stderr),
            disable=self.is_disabled,
            dynamic_ncols=terminal,
            mininterval=0.2 if terminal else 15,
            maxinterval=10 if terminal else 60,
            ascii=None if terminal else True,
        )

    def init_validation_tqdm(self) -> Tqdm:
        return Tqdm(disable=True)

    def init_sanity_tqdm(self) -> Tqdm:
        return Tqdm(disable=True)

    def on_train_epoch_start(self, *args: Any) -> None:
        """Leave the bar as it is: there are no epochs."""

    def on_train_epoch_end(self, *args: Any) -> None:
        """Likewise."""

    def on_validation_end(self, *args: Any) -> None:
        """Likewise: validation is part of the run."""

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step % log_interval(trainer) == 0:  # reading a number waits for the device
            self.train_progress_bar.set_postfix(self.get_metrics(trainer, pl_module), refresh=False)
        self.train_progress_bar.update(self._module.share - self.train_progress_bar.n)

    def on_train_end(self, *args: Any) -> None:
        self.train_progress_bar.update(self._module.share - self.train_progress_bar.n)
        self.train_progress_bar.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if self._train_progress_bar is not None:
            self._train_progress_bar.close()

    def get_metrics(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, Any]:
        """Return the step, the loss and its kinds of terms, and the speed."""
        metrics = {key: float(value) for key, value in trainer.callback_metrics.items()}
        terms = by_kind({key[6:]: value for key, value in metrics.items() if key.startswith("train/")})
        shown = {kind: terms[kind] for kind in ("loss", "content", "style") if kind in terms}
        speed = {"img/s": metrics["images_per_second"]} if "images_per_second" in metrics else {}
        numbers = {key: f"{value:.3g}" for key, value in (shown | speed).items()}
        return {"step": trainer.global_step, **numbers}

    @property
    def _module(self) -> FeedForwardModule:
        assert isinstance(self.trainer.lightning_module, FeedForwardModule)
        return self.trainer.lightning_module
