"""``fastnst train``: short options, read without Lightning and handed on to it in its own words."""

import argparse
from typing import TYPE_CHECKING, Any

from fastnst.assets import find_config
from fastnst.cli import demo
from fastnst.cli._config import take_configs
from fastnst.cli._loss import add_loss, loss_settings
from fastnst.cli._words import Parser, add_computing, add_reporting, at_least, optional, report, say, underscored
from fastnst.errors import ConfigError
from fastnst.registry import guess

if TYPE_CHECKING:
    from fastnst.training.job import Trained, TrainJob

DESCRIPTION = (
    "Train a network to paint any photograph in the style of one picture, or of several. Without any options: "
    "a first style in three minutes, from a painting drawn by fastnst and the photographs of scikit-image."
)
NEUTRAL = {"quiet", "json", "device", "precision", "seed"}
"""Options that do not say what to train."""


class Typed(argparse.Namespace):
    """The options that were typed, so that nothing else overrides a config; any other is ``None``."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # argparse's own
            raise AttributeError(name)


def run(argv: list[str]) -> int:
    """Train; returns 0 when done, 130 or 143 when interrupted with everything saved."""
    options, words = read(argv)
    demonstrated = not words and set(vars(options)) <= NEUTRAL
    if demonstrated:
        say_all(options, demo.INTRODUCTION)
        from fastnst.training.folder import holds_run

        words = [f"--config={find_config('demo', 'train')}", *demo.lay_out()]
        options.resume = "auto" if holds_run(demo.FOLDER) else None
    job = make_job(options, words)
    if options.engine == "ray" and options.print_config is None and not options.help_all:
        from fastnst.cli._fleet import train_on_cluster

        return train_on_cluster(job, options)
    from fastnst.training.running import run as train

    trained = train(job, show_bar=not (options.quiet or options.json), say=lambda line: say(options, line))
    if trained.first:
        _report(options, trained)
    if demonstrated and not trained.stopped:
        say_all(options, demo.conclusion(demo.write_sheet()))
    return 128 + trained.stopped if trained.stopped else 0


def say_all(options: Typed, text: str) -> None:
    """Print several lines; ``say`` would take their ends for those in the name of a file."""
    for line in text.splitlines():
        say(options, line)


def read(argv: list[str]) -> tuple[Typed, list[str]]:
    """Return the short options that were typed, and the words that Lightning reads itself.

    Raises:
        ConfigError: No such config, one of another command, or options that cannot go together.
    """
    own = parser()
    files, words = take_configs(underscored(argv), own.command)
    options, rest = own.parse_known_args(words, Typed())
    passed = [*(f"--config={file}" for file in files), *_dotted(rest, own)]
    if options.ckpt_path:
        raise ConfigError("--ckpt_path is not taken here: go on from a file with --resume PATH")
    shows = options.print_config is not None or options.help_all
    given = vars(options)
    missing = [f"--{name.split('.')[1]}" for name in ("model.style", "data.photos") if name not in given]
    if missing and not files and not shows and (passed or set(given) - NEUTRAL):
        own.error(f"missing {', '.join(missing)}")
    return options, passed


def _dotted(words: list[str], own: Parser) -> list[str]:
    """Check that what is left are options of Lightning, as ``--trainer.devices 2``; suggest a name for a typo."""
    for before, word in zip(["", *words], words, strict=False):
        name = word.partition("=")[0]
        if word.startswith("--") and "." not in name:
            own.error(f"unknown option {name}{guess(name, own.known())}")
        if not word.startswith("--") and (not before.startswith("--") or "=" in before):
            own.error(f"unexpected word {word!r}")
    return words


def make_job(options: Typed, words: list[str]) -> "TrainJob":
    """Take over what was typed, in short words or in Lightning's."""
    from fastnst.training import job

    flags = ["--help"] if options.help_all else []
    if options.print_config is not None:
        flags.append("--print_config" + (f"={options.print_config}" if options.print_config else ""))
    given = {name: value for name, value in vars(options).items() if "." in name}
    own = {name: getattr(options, name) for name in ("time_budget", "precision", "seed", "resume", "device")}
    bare: dict[str, Any] = {name: bool(getattr(options, name)) for name in ("overwrite", "auto_batch")}
    return job.make_job(given, [*words, *flags], loss=loss_settings(options), **bare, **own)


def _report(options: Typed, trained: "Trained") -> None:
    """Say what there is and how to go on."""
    if trained.skipped:
        some = ", ".join(trained.skipped[:5]) + (", ..." if len(trained.skipped) > 5 else "")
        say(options, f"skipped {len(trained.skipped)} photographs that could not be used: {some}")
    seconds = trained.seconds
    time = f"{seconds / 60:.1f} min" if seconds > 99 else f"{seconds:.0f} s"
    did = f"{trained.file}: {trained.steps} steps in {time}"
    if trained.stopped:
        line = f"{did}, stopped at step {trained.steps}; go on with the same command and --resume"
    elif not trained.judged:
        line = f"{did}, nothing left to do; go on with --resume and more --steps or a longer --time_budget"
    else:
        line = f"{did}; paint with: fastnst stylize --model {trained.file} PHOTO --out PICTURE"
    facts = {"file": str(trained.file), "steps": trained.steps, "seconds": round(seconds, 1)}
    facts |= {"judged": trained.judged, "skipped": len(trained.skipped), "stopped": bool(trained.stopped)}
    report(options, line, facts)


def parser() -> Parser:
    """Return the short options; each that has a dotted name stands for that setting of Lightning's."""
    own = Parser("train", "--style PICTURE --photos PHOTOS", DESCRIPTION)
    _add_what(own)
    _add_how(own)
    add_loss(own)
    add_computing(own)
    add_reporting(own)
    more = own.add_argument_group("all settings", "--model.*, --data.* and --trainer.* are handed on to Lightning.")
    more.add_argument("--print_config", nargs="?", const="", metavar="FLAGS", help="print all settings")
    more.add_argument("--help_all", action="store_true", help="explain all settings")
    own.add_argument("--ckpt_path", help=argparse.SUPPRESS)
    return own


def _add_what(own: Parser) -> None:
    what = own.add_mutually_exclusive_group()
    what.add_argument("--style", "--model.style", dest="model.style", metavar="PICTURE", help="the picture to imitate")
    what.add_argument(
        "--styles", dest="model.style", nargs="+", metavar="PICTURE",
        help="several, for one network that paints them all: stylize --style NAME, --mix, --strength; with --engine "
        "ray, pictures or folders of them, for a network each",
    )  # fmt: skip
    own.add_argument(
        "--engine", choices=("ray",),
        help="ray: one network for each of --styles, side by side in a Ray cluster, each a run in --out/NAME",
    )  # fmt: skip
    own.add_argument(
        "--photos", "--data.photos", dest="data.photos", metavar="PHOTOS",
        help="a folder of photographs, parquet files, or the name of a set on the hub",
    )  # fmt: skip
    own.add_argument(
        "--val", "--data.val", dest="data.val", metavar="PHOTOS",
        help="photographs to validate on; some of --photos are set apart by default",
    )  # fmt: skip
    own.add_argument(
        "-o", "--out", "--trainer.default_root_dir", dest="trainer.default_root_dir", metavar="FOLDER",
        default="runs/style", help="where to keep the run, or the runs of --engine ray (default: runs/style, or runs)",
    )  # fmt: skip
    own.add_argument(
        "--resume", nargs="?", const="auto", metavar="PATH",
        help="go on where the run in --out stands, or from a .ckpt; steps and time that were spent count",
    )  # fmt: skip
    own.add_argument("-y", "--overwrite", action="store_true", help="begin anew, in place of the run that --out holds")


def _add_how(own: Parser) -> None:
    group = own.add_argument_group("training")

    def add(name: str, long: str, kind: Any, metavar: str, default: object, text: str) -> None:
        group.add_argument(f"--{name}", f"--{long}", dest=long, type=kind, metavar=metavar, default=default, help=text)

    add("steps", "trainer.max_steps", at_least(1), "N", None, "steps to train (default: 2000 without --time_budget)")
    group.add_argument(
        "--time_budget", metavar="TIME",
        help="time to train, such as 90s, 5m or 1h, validation included; with --steps: whichever ends first",
    )  # fmt: skip
    add(
        "network",
        "model.network",
        str,
        "NAME",
        "lite",
        "network to train: lite, the larger medium, or the still larger johnson",
    )
    starts = "shared (a bundled start), random, or a trained style by name or file"
    add("init", "model.init", str, "START", "shared", f"what to begin from: {starts}")
    rates = "learning rate at its highest (default: 2e-3 from random weights, 3e-3 from a start)"
    add("lr", "model.lr", float, "RATE", None, rates)
    steady = "weight by which a painting must not change with small shifts and zooms, brightness and noise"
    add("steady", "model.steady", float, "W", 0.0, steady)
    add("style_size", "model.style_size", optional(at_least(1)), "PIXELS", 384, "shorter side of the style; or null")
    add("size", "data.size", int, "PIXELS", 256, "side of the crops")
    add("batch_size", "data.batch_size", int, "N", 4, "crops of a step, in each process")
    group.add_argument(
        "--auto_batch", action="store_true",
        help="halve the crops taken at once until memory holds them, and accumulate gradients: the step stays as it is",
    )  # fmt: skip
