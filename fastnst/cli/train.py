"""``fastnst train``: LightningCLI's ``fit`` under shorter names, with a run folder and an honest resume."""

import warnings
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import TensorBoardLogger

from fastnst.assets import configs
from fastnst.atomic import check_writable
from fastnst.cli import demo
from fastnst.cli._parser import fail, with_configs
from fastnst.data.module import ImageDataModule
from fastnst.devices import fast_bfloat16, pick_device, reuse_memory
from fastnst.errors import ConfigError
from fastnst.training import (
    RESUME_FILE,
    STYLE_FILE,
    AtomicCheckpointIO,
    FeedForwardModule,
    KeepCheckpoints,
    Previews,
    StopGently,
    TrainingProgress,
)

SHORT = {
    "--style": "--model.style",
    "--photos": "--data.photos",
    "--steps": "--trainer.max_steps",
    "--style_weight": "--model.loss.style_weight",
    "--out": "--trainer.default_root_dir",
    "--help_all": "--help",
}
DEFAULTS = {
    "trainer.max_steps": 2000,
    "trainer.devices": 1,
    "trainer.gradient_clip_val": 1.0,
    "trainer.log_every_n_steps": 10,
    "trainer.val_check_interval": 250,
    "trainer.check_val_every_n_epoch": None,  # there are no epochs: photographs come without end
    "trainer.num_sanity_val_steps": 0,
    "trainer.use_distributed_sampler": False,
    "trainer.enable_checkpointing": False,
    "trainer.enable_model_summary": False,
    "trainer.default_root_dir": "runs/style",
}
"""How a run differs from Lightning's own defaults."""


HELP = """usage: fastnst train --style PICTURE --photos PHOTOS [options]

Train a network to paint any photograph in the style of one picture. Without any argument: a painting drawn by fastnst
and the photographs that come with scikit-image, in a few minutes.

  --style PICTURE         the picture to imitate
  --photos PHOTOS         a folder of photographs, parquet files, or the name of a set on the hub
  --out FOLDER            where to keep the run (runs/style)
  --steps N               optimizer steps (2000)
  --style_weight W        more is more painting and less photograph (30)
  --resume auto|PATH      go on where the run folder, or a .ckpt, stands
  --config NAME|PATH      a YAML file, or one that comes along: {configs}

  --model.network NAME    the network to train; --model.network_options '{{width: 16}}'
  --model.loss.backbone NAME, --model.loss.style '{{relu1_1: 1, ...}}', --model.loss.content '{{...}}',
  --model.loss.tv W       what is compared, and how much each part counts
  --data.size PIXELS      side of the crops (256); --data.batch_size N, --data.val PHOTOS
  --trainer.precision P, --trainer.devices N, and every other option of Lightning's Trainer

--print_config shows all settings with their values, --help_all explains each.
"""


def run(argv: list[str]) -> int:
    """Train; returns 0 when done, 130 or 143 when interrupted with everything saved."""
    if "-h" in argv or "--help" in argv:
        print(HELP.format(configs=", ".join(configs("train"))))
        return 0
    _quiet()
    reuse_memory()
    cli = TrainCLI(["fit", *with_configs([_long(word) for word in argv or demo.arguments()], "train")])
    if cli.stop.received:
        return 128 + cli.stop.received
    if not argv:
        print(f"before and after: {demo.write_sheet(demo.FOLDER / STYLE_FILE)}")
    return 0


def _long(word: str) -> str:
    name, equals, value = word.partition("=")
    return SHORT.get(name, name) + equals + value


class TrainParser(LightningArgumentParser):
    """Report a usage error as one line, in the words of our command line, and exit with 2."""

    def error(self, message: str, ex: Exception | None = None) -> Any:
        message = message.replace('Subcommand "fit"', "fastnst train").replace("Subcommand 'fit'", "fastnst train")
        for short, long in SHORT.items():
            message = message.replace(long.removeprefix("--"), short.removeprefix("--"))
        fail(message.replace("Parser key ", "").replace("fit.", ""), "fastnst train")


class TrainCLI(LightningCLI):
    """Wire module, data and trainer, keep everything in one run folder, resume without forgetting the command line."""

    def __init__(self, argv: list[str]) -> None:
        self.stop = StopGently()
        super().__init__(
            FeedForwardModule,
            ImageDataModule,
            args=argv,
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
            "--resume", type=str | None, help="auto: go on where the run folder stands, if it does; or a .ckpt"
        )
        precision = "bf16-mixed" if fast_bfloat16(pick_device()) else "32-true"
        parser.set_defaults(DEFAULTS | {"trainer.precision": precision})

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Give the trainer a run folder and our callbacks."""
        options = self.config_init["fit"]["trainer"]
        root, steps = Path(options["default_root_dir"]), options["max_steps"]
        if steps < 1:
            raise ConfigError(f"--steps {steps}: at least 1 step is needed")
        every = options["val_check_interval"]
        if not isinstance(every, int) or every < 1:
            raise ConfigError(f"--trainer.val_check_interval {every}: a number of steps is wanted")
        every = min(every, steps)
        logger = options["logger"]
        if logger in (None, True):
            logger = TensorBoardLogger(root, name="", version="", default_hp_metric=False)
        return super().instantiate_trainer(
            logger=logger,
            val_check_interval=every,
            plugins=[*(options["plugins"] or []), AtomicCheckpointIO()],
            callbacks=[*(options["callbacks"] or []), *self._callbacks(root, every)],
            **kwargs,
        )

    def _callbacks(self, root: Path, every: int) -> list[Callback]:
        return [TrainingProgress(), Previews(), KeepCheckpoints(root, every), self.stop]

    def before_fit(self) -> None:
        """Check everything that can fail before anything is written."""
        root = Path(self.trainer.default_root_dir)
        check_writable(root)
        self.datamodule.setup("fit")
        self.config_init["fit"]["ckpt_path"] = self._resume_from(root)

    def fit(self, model: Any, **kwargs: Any) -> None:
        """Fit, then say what there is and how to go on."""
        try:
            self.trainer.fit(model, **kwargs)
        except SystemExit as exit_:  # Lightning exits with 1 on a Ctrl-C before the first step
            if exit_.code == 1:
                raise KeyboardInterrupt from None
            raise
        if self.trainer.is_global_zero:
            self._report(Path(self.trainer.default_root_dir))

    def _resume_from(self, root: Path) -> str | None:
        """Find what to continue from, and say so.

        Raises:
            ConfigError: A file was named that is not there, or a finished run would be lost.
        """
        asked, last = self.config_init["fit"]["resume"], root / RESUME_FILE
        source = last if asked == "auto" else Path(asked) if asked else None
        if source and asked != "auto" and not source.is_file():
            raise ConfigError(f"--resume {asked}: no such file")
        if source and source.is_file() and source.absolute() == last.absolute():
            self._say(f"resuming from {source}")
            return str(source)
        if last.is_file() or (root / STYLE_FILE).is_file():
            raise ConfigError(f"{root} holds a run already; go on with --resume auto, or choose another --out")
        if asked == "auto":
            self._say(f"nothing to resume in {root}: starting fresh")
            return None
        return str(source) if source else None

    def _say(self, text: str) -> None:
        if self.trainer.is_global_zero:
            print(text)

    def _report(self, root: Path) -> None:
        skipped = self.datamodule.skipped()
        if skipped:
            some = ", ".join(skipped[:5]) + (", ..." if len(skipped) > 5 else "")
            print(f"skipped {len(skipped)} photographs that could not be used: {some}")
        step = self.trainer.global_step
        if self.stop.received:
            print(f"stopped at step {step}; go on with the same command and --resume auto")
        else:
            print(f"trained {step} steps; paint with: fastnst stylize --model {root / STYLE_FILE} PHOTO --out PICTURE")


def _quiet() -> None:
    """Silence what Lightning says about choices made here on purpose."""
    import logging

    for pattern in ("LightningCLI's args parameter", r"Found \d+ module\(s\) in eval mode", ".*many workers"):
        warnings.filterwarnings("ignore", pattern)
    for category in (DeprecationWarning, FutureWarning):
        warnings.filterwarnings("ignore", category=category)
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if torch.cuda.is_available():
        torch.set_float32_matmul_precision("high")
