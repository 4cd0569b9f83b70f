"""Run a training: LightningCLI with a run folder, a budget, and an honest resume. Imported late, as it is heavy."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytorch_lightning import Callback, Trainer
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.utilities.exceptions import SIGTERMException

from fastnst.atomic import check_writable
from fastnst.budget import Budget, parse_time
from fastnst.checkpoint import STYLE_FILE
from fastnst.data.module import ImageDataModule
from fastnst.devices import best_precision, pick_device, reuse_memory
from fastnst.errors import ConfigError
from fastnst.training.disk import Disk, PatientLogger
from fastnst.training.fitting import FitBatch, OutOfMemoryError, explain, is_out_of_memory
from fastnst.training.folder import RESUME_FILE, clear_leftovers, find_resume_file, remove_run
from fastnst.training.job import PRECISIONS, OnProgress, Trained, TrainJob
from fastnst.training.keeping import AtomicCheckpointIO, KeepCheckpoints
from fastnst.training.module import FeedForwardModule
from fastnst.training.parser import TrainParser
from fastnst.training.previews import Previews
from fastnst.training.processes import Together, Watch
from fastnst.training.progress import Told, TrainingProgress
from fastnst.training.quiet import quietly
from fastnst.training.recipe import CLIP
from fastnst.training.stopping import StopGently
from fastnst.training.timing import AT_SHARES, REHEARSED

log = logging.getLogger(__name__)

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

VALIDATE_EVERY = 250
"""Steps between two validations, where there is no time budget."""


def run(
    job: TrainJob,
    on_progress: OnProgress | None = None,
    *,
    show_bar: bool = False,
    say: Callable[[str], None] = log.info,
) -> Trained:
    """Train, and leave a run's folder. A first Ctrl-C or SIGTERM ends it in order, in the main thread.

    Args:
        job: The settings.
        on_progress: Called after every step; a true result ends the run in order.
        show_bar: Whether there is a bar on stderr.
        say: Takes a line about what the run begins from.

    Raises:
        ConfigError: A setting that is not there or cannot be, or a folder that holds a run already.
        ImageError: A style is not a picture.
        FloatingPointError: The loss is not a finite number; the last good files are kept.
    """
    with quietly():
        reuse_memory()
        return Run(job, on_progress, show_bar, say).trained()


class Run(LightningCLI):
    """Wire module, data and trainer, keep everything in one folder, resume without forgetting what was asked for.

    Args:
        job: As of :func:`run`.
        on_progress: Likewise.
        show_bar: Likewise.
        say: Likewise.
    """

    def __init__(
        self, job: TrainJob, on_progress: OnProgress | None, show_bar: bool, say: Callable[[str], None]
    ) -> None:
        self.job, self.stop, self.budget, self.disk = job, StopGently(), Budget(), Disk()
        self.told, self._skipped = Told(on_progress), list[str]()
        self._show_bar, self._say_line = show_bar, say
        super().__init__(
            FeedForwardModule,
            ImageDataModule,
            args=["fit", *job.all_words()],
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
        parser.set_defaults(DEFAULTS)

    def before_instantiate_classes(self) -> None:
        """Refuse what would be ignored, before anything is opened, and choose the device's best precision."""
        config = self.config["fit"]
        trainer = config["trainer"]
        device = pick_device("cpu" if trainer["accelerator"] == "cpu" else self.job.device)
        if trainer["precision"] is None:
            trainer["precision"] = PRECISIONS[best_precision(device)]
        if config["ckpt_path"]:
            raise ConfigError("ckpt_path is not taken here: go on from a file with --resume PATH")
        if trainer["max_time"]:
            raise ConfigError("--trainer.max_time is not taken here: give --time_budget, which the schedule follows")
        self.budget = _budget(trainer["max_steps"], config["time_budget"])

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
        bar = TrainingProgress(refresh_rate=1 if self._show_bar else 0)
        self.keep = KeepCheckpoints(root, every if every != AT_SHARES else None, self.disk)
        fitting = [FitBatch()] if self.job.auto_batch else []
        return [Together(), bar, Previews(), self.keep, self.told, self.stop, *fitting]

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
            if self.job.overwrite:
                remove_run(root)

    def fit(self, model: FeedForwardModule, **kwargs: Any) -> None:
        """Fit, and see to it that several processes end together."""
        with Watch(self.trainer, self._remedy):
            self._fit(model, **kwargs)
            self._skipped = self.datamodule.skipped()  # of all processes, while they are connected

    def _fit(self, model: FeedForwardModule, **kwargs: Any) -> None:
        """Fit; Lightning ends the program on a signal before the first step."""
        try:
            self.trainer.fit(model, **kwargs)
            if not model.judged and not self._up_to_date():  # it ended before its last validation
                self.trainer.validate(model, kwargs["datamodule"], verbose=False)
        except SIGTERMException:  # where Lightning exits with 0
            raise SystemExit(143) from None
        except SystemExit as exit_:  # likewise, with 1 on a Ctrl-C
            if exit_.code == 1:
                raise KeyboardInterrupt from None
            raise
        except Exception as error:
            if is_out_of_memory(error):
                device = self.trainer.strategy.root_device  # Lightning has taken the module back to the processor
                raise OutOfMemoryError(explain(model, self.datamodule, device, self.datamodule.batch_size)) from error
            raise

    def trained(self) -> Trained:
        """Say what there is now."""
        root = Path(self.trainer.default_root_dir)
        steps, seconds = self.trainer.global_step, self.model.clock.seconds()
        stopped = self.stop.received or (-1 if self.told.stopped else 0)
        judged, first = dict(self.model.judged), self.trainer.is_global_zero
        return Trained(root, root / STYLE_FILE, steps, seconds, judged, self._skipped, stopped, first)

    def _resume_from(self, root: Path) -> str | None:
        """Find what to continue from, and say so."""
        source, note = find_resume_file(root, self.job.resume, self.job.overwrite)
        if note and self.trainer.is_global_zero:
            log.warning(note)
        if source:
            self._say(f"resuming from {source}")
        elif self.job.resume:
            self._say(f"nothing to resume in {root}: starting fresh")
        return str(source) if source else None

    def _up_to_date(self) -> bool:
        """Tell whether what is published is of this step; all processes go by what the first finds."""
        return bool(self.trainer.strategy.broadcast(self.keep.up_to_date(self.trainer)))

    def _remedy(self) -> str:
        saved = (Path(self.trainer.default_root_dir) / RESUME_FILE).is_file()
        return "go on with the same command and --resume" if saved else "nothing was saved yet"

    def _say(self, text: str) -> None:
        if self.trainer.is_global_zero:
            self._say_line(text)


def _budget(steps: int, time: str | float | None) -> Budget:
    """Make a budget of both settings.

    Raises:
        ConfigError: Neither bounds the run, or one is no positive number.
    """
    if steps < 1 and not (steps == -1 and time is not None):
        raise ConfigError(f"--steps {steps}: at least 1 step is needed; -1 needs a --time_budget")
    return Budget(steps if steps > 0 else float("inf"), parse_time(str(time)) if time is not None else float("inf"))
