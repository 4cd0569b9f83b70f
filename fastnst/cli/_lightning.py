"""Training by LightningCLI: a run folder, a budget, and an honest resume. Imported late, as Lightning is heavy."""

import logging
import warnings
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.utilities.exceptions import SIGTERMException

from fastnst.atomic import check_writable
from fastnst.budget import Budget, parse_time
from fastnst.checkpoint import STYLE_FILE
from fastnst.cli._lightning_parser import TrainParser
from fastnst.cli._words import report, say
from fastnst.cli.train import PRECISIONS
from fastnst.data.module import ImageDataModule
from fastnst.devices import best_precision, pick_device, reuse_memory
from fastnst.errors import ConfigError
from fastnst.training.disk import Disk, PatientLogger, quiet_writers
from fastnst.training.fitting import FitBatch, OutOfMemoryError, explain, is_out_of_memory
from fastnst.training.folder import clear_leftovers, find_resume_file, remove_run
from fastnst.training.keeping import AtomicCheckpointIO, KeepCheckpoints
from fastnst.training.module import FeedForwardModule
from fastnst.training.previews import Previews
from fastnst.training.progress import TrainingProgress
from fastnst.training.recipe import CLIP
from fastnst.training.stopping import StopGently
from fastnst.training.timing import AT_SHARES, REHEARSED

DEFAULTS = {
    "trainer.max_steps": 2000,
    "trainer.max_epochs": -1,  # there are no epochs: photographs come without end
    "trainer.devices": 1,
    "trainer.gradient_clip_val": CLIP,
    "trainer.log_every_n_steps": 10,
    "trainer.check_val_every_n_epoch": None,
    "trainer.num_sanity_val_steps": 0,
    "trainer.use_distributed_sampler": False,
    "trainer.enable_model_summary": False,
    "trainer.default_root_dir": "runs/style",
    "model.loss.content": None,  # the backbone's own choice
    "model.loss.style": None,
}
"""How a run differs from Lightning's own defaults."""

log = logging.getLogger(__name__)

VALIDATE_EVERY = 250
"""Steps between two validations, where there is no time budget."""


def train(words: list[str], options: Namespace) -> int:
    """Train as Lightning's words and our options say; return the exit code."""
    _quiet()
    reuse_memory()
    cli = TrainCLI(words, options)
    return 128 + cli.stop.received if cli.stop.received else 0


class TrainCLI(LightningCLI):
    """Wire module, data and trainer, keep everything in one run folder, resume without forgetting the command line.

    Args:
        words: For Lightning's parser.
        options: What else was typed: ``resume``, ``overwrite``, ``device``, ``quiet``, ``json``.
    """

    def __init__(self, words: list[str], options: Namespace) -> None:
        self.options, self.stop, self.budget, self.disk = options, StopGently(), Budget(), Disk()
        super().__init__(
            FeedForwardModule,
            ImageDataModule,
            args=["fit", *words],
            seed_everything_default=0,
            save_config_kwargs={"overwrite": True},
            parser_class=TrainParser,
        )

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """Offer ``fit`` alone."""
        return {"fit": {"model", "train_dataloaders", "val_dataloaders", "datamodule"}}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        parser.add_argument(
            "--time_budget", type=str | float | None, default=None, help="time to train, such as 90s, 5m or 1h"
        )
        precision = PRECISIONS[best_precision(pick_device(self.options.device))]
        parser.set_defaults(DEFAULTS | {"trainer.precision": precision})

    def before_instantiate_classes(self) -> None:
        """Refuse what would be ignored, before anything is opened."""
        config = self.config["fit"]
        if config["ckpt_path"]:
            raise ConfigError("ckpt_path is not taken here: go on from a file with --resume PATH")
        if config["trainer"]["max_time"]:
            raise ConfigError("--trainer.max_time is not taken here: give --time_budget, which the schedule follows")
        self.budget = _budget(config["trainer"]["max_steps"], config["time_budget"])

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Give the trainer a run folder and our callbacks."""
        options = self.config_init["fit"]["trainer"]
        root, timed = Path(options["default_root_dir"]), self.budget.seconds < float("inf")
        every = options["val_check_interval"] or (AT_SHARES if timed else VALIDATE_EVERY)
        if not isinstance(every, int) or every < 1:
            raise ConfigError(f"--trainer.val_check_interval {every}: must be a number of steps")
        logger = options["logger"]
        if logger in (None, True):
            logger = PatientLogger(root, name="", version="", default_hp_metric=False)
        return super().instantiate_trainer(
            logger=logger,
            val_check_interval=every if every == AT_SHARES else every * options["accumulate_grad_batches"],
            num_sanity_val_steps=options["num_sanity_val_steps"] or (REHEARSED if timed else 0),
            plugins=[*(options["plugins"] or []), AtomicCheckpointIO(self.disk)],
            callbacks=[*(options["callbacks"] or []), *self._callbacks(root, every)],
            **kwargs,
        )

    def _callbacks(self, root: Path, every: int) -> list[Callback]:
        progress = TrainingProgress(refresh_rate=0 if self.options.quiet or self.options.json else 1)
        self.keep = KeepCheckpoints(root, every if every != AT_SHARES else None, self.disk)
        fitting = [FitBatch()] if self.options.auto_batch else []
        return [progress, Previews(), self.keep, self.stop, *fitting]

    def before_fit(self) -> None:
        """Check everything that can fail before anything is written."""
        root = Path(self.trainer.default_root_dir)
        check_writable(root)
        self.datamodule.setup("fit")
        self.model.prepare(self.datamodule.held_out, self.datamodule.facts(), self.budget)
        self.config_init["fit"]["ckpt_path"] = self._resume_from(root)
        if self.model.note and not self.config_init["fit"]["ckpt_path"]:
            self._say(f"beginning from {self.model.note}")
        if self.trainer.is_global_zero:
            clear_leftovers(root)
            if self.options.overwrite:
                remove_run(root)

    def fit(self, model: FeedForwardModule, **kwargs: Any) -> None:
        """Fit, then say what there is and how to go on."""
        try:
            self.trainer.fit(model, **kwargs)
            if not model.judged and not self.keep.up_to_date(self.trainer):  # it ended before its last validation
                self.trainer.validate(model, kwargs["datamodule"], verbose=False)
        except SIGTERMException:  # before the first step, where Lightning exits with 0
            raise SystemExit(143) from None
        except SystemExit as exit_:  # likewise, with 1 on a Ctrl-C
            if exit_.code == 1:
                raise KeyboardInterrupt from None
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise OutOfMemoryError(explain(model, self.datamodule)) from error
            raise
        skipped = self.datamodule.skipped()
        if self.trainer.is_global_zero:
            self._report(model, Path(self.trainer.default_root_dir) / STYLE_FILE, skipped)

    def _resume_from(self, root: Path) -> str | None:
        """Find what to continue from, and say so."""
        source, note = find_resume_file(root, self.options.resume, self.options.overwrite)
        if note and self.trainer.is_global_zero:
            log.warning(note)
        if source:
            self._say(f"resuming from {source}")
        elif self.options.resume:
            self._say(f"nothing to resume in {root}: starting fresh")
        return str(source) if source else None

    def _say(self, text: str) -> None:
        if self.trainer.is_global_zero:
            say(self.options, text)

    def _report(self, model: FeedForwardModule, file: Path, skipped: list[str]) -> None:
        steps, seconds = self.trainer.global_step, model.clock.seconds()
        if skipped:
            some = ", ".join(skipped[:5]) + (", ..." if len(skipped) > 5 else "")
            self._say(f"skipped {len(skipped)} photographs that could not be used: {some}")
        time = f"{seconds / 60:.1f} min" if seconds > 99 else f"{seconds:.0f} s"
        did = f"{file}: {steps} steps in {time}"
        if self.stop.received:
            line = f"{did}, stopped at step {steps}; go on with the same command and --resume"
        elif not model.judged:
            line = f"{did}, nothing left to do; go on with --resume and more --steps or a longer --time_budget"
        else:
            line = f"{did}; paint with: fastnst stylize --model {file} PHOTO --out PICTURE"
        facts = {"file": str(file), "steps": steps, "seconds": round(seconds, 1), "judged": model.judged}
        report(self.options, line, facts | {"skipped": len(skipped), "stopped": bool(self.stop.received)})


def _budget(steps: int, time: str | float | None) -> Budget:
    """Make a budget of both settings.

    Raises:
        ConfigError: Neither bounds the run, or one is no positive number.
    """
    if steps < 1 and not (steps == -1 and time is not None):
        raise ConfigError(f"--steps {steps}: at least 1 step is needed; -1 needs a --time_budget")
    return Budget(steps if steps > 0 else float("inf"), parse_time(str(time)) if time is not None else float("inf"))


def _quiet() -> None:
    """Silence what Lightning says about choices made here on purpose."""
    quiet_writers()
    for pattern in ("LightningCLI's args parameter", r"Found \d+ module\(s\) in eval mode", ".*many workers"):
        warnings.filterwarnings("ignore", pattern)
    for category in (DeprecationWarning, FutureWarning):
        warnings.filterwarnings("ignore", category=category)
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
