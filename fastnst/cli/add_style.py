"""``fastnst add-style``."""

import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from fastnst.assets import find_style
from fastnst.budget import parse_time
from fastnst.cli._words import (
    Parser,
    add_computing,
    add_reporting,
    add_writing,
    at_least,
    check_out,
    progress_bar,
    report,
)
from fastnst.errors import ConfigError

if TYPE_CHECKING:
    from fastnst.losses import LossReport
    from fastnst.training.adding import Addition, AddJob

BAR = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser(
        "add-style",
        "MODEL --style PICTURE",
        "Teach a trained network one more style, in a tenth of a training's time: a new row of codes is trained, and "
        "all that the network knew stays as it was.",
    )
    add = parser.add_argument
    add("model", help="trained styles in one network, or a single one: a bundled style by name, or a file")
    add("--style", required=True, metavar="PICTURE", help="the picture to imitate")
    add("--photos", metavar="PHOTOS", help="as for fastnst train; by default those of fastnst[samples]")
    add("-o", "--out", metavar="FILE", help="the .safetensors to write; <model>_<style>.safetensors by default")
    add_writing(parser)
    group = parser.add_argument_group("training").add_argument
    group("--steps", type=at_least(1), metavar="N", help="steps to train (default: 200 without --time_budget)")
    group("--time_budget", metavar="TIME", help="such as 20s or 1m; with --steps: whichever ends first")
    rates = "learning rate at its highest (default: 0.02)"
    group("--lr", type=float, metavar="RATE", help=rates)
    sizes = "shorter side of the style (default: as the network's first style)"
    group("--style_size", type=at_least(1), metavar="PIXELS", help=sizes)
    group("--size", type=at_least(32), metavar="PIXELS", help="side of the crops (default: as in the training)")
    group("--batch_size", type=at_least(1), metavar="N", help="crops of a step (default: as in the training)")
    group("--weights", metavar="FILE", help="the backbone's weights, in place of the usual places")
    group("--workers", type=at_least(0), metavar="N", help="processes that decode photographs")
    add_computing(parser)
    add_reporting(parser)
    return parser


def run(argv: list[str]) -> int:
    """Add a style; a first Ctrl-C writes what there is."""
    options = parser().read(argv)
    out = _out(options)
    check_out(out, options=options)
    if options.time_budget:
        parse_time(options.time_budget)

    from fastnst.atomic import check_writable
    from fastnst.checkpoint import save_checkpoint
    from fastnst.cli._signals import stop_gently
    from fastnst.devices import reuse_memory
    from fastnst.training.adding import run as add

    check_writable(out.parent)
    reuse_memory()
    with (
        _photos(options) as photos,
        stop_gently("judging and writing what there is") as stop,
        progress_bar(options, total=1.0, desc="add-style", bar_format=BAR) as bar,
    ):

        def advance(share: float, loss: "LossReport") -> bool:
            if not bar.disable:
                bar.set_postfix_str(f"loss {float(loss.total):.3g}", refresh=False)
            bar.update(share - bar.n)
            return bool(stop.signal)

        addition = add(_job(options, photos), advance)
    save_checkpoint(out, addition.network, addition.metadata)
    _report(options, out, addition)
    return 128 + stop.signal if addition.interrupted else 0


def _out(options: Namespace) -> Path:
    from fastnst.checkpoint import style_name

    model = find_style(options.model)
    out = Path(options.out or f"{style_name(model)}_{Path(options.style).stem}.safetensors")
    if out.suffix != ".safetensors":
        raise ConfigError(f"--out {out}: must be the name of a .safetensors file")
    return out


@contextmanager
def _photos(options: Namespace) -> Iterator[str]:
    """Give the photographs asked for, or a folder of samples for as long as they are needed."""
    if options.photos:
        yield options.photos
        return
    from fastnst.assets.samples import copy_photos

    with TemporaryDirectory() as folder:
        copy_photos(Path(folder) / "samples")
        yield str(Path(folder) / "samples")


def _job(options: Namespace, photos: str) -> "AddJob":
    from fastnst.training.adding import RATE, AddJob

    return AddJob(
        model=options.model,
        style=options.style,
        photos=photos,
        steps=options.steps,
        seconds=parse_time(options.time_budget) if options.time_budget else None,
        style_size=options.style_size,
        size=options.size,
        batch_size=options.batch_size,
        lr=RATE if options.lr is None else options.lr,
        weights=options.weights,
        device=options.device,
        precision=options.precision,
        seed=options.seed,
        workers=options.workers,
    )


def _report(options: Namespace, out: Path, addition: "Addition") -> None:
    names = [style["name"] for style in addition.metadata.styles]
    line = f"{out}: {names[-1]} beside {', '.join(names[:-1]) or 'none'}; {addition.steps} steps, "
    line += f"{addition.seconds:.0f} s; paint with: fastnst stylize --model {out} --style {names[-1]} PHOTO"
    facts = {
        "file": str(out),
        "styles": names,
        "steps": addition.steps,
        "seconds": round(addition.seconds, 1),
        "judged": dict(addition.judged),
        "stopped": addition.interrupted,
    }
    report(options, line, facts)
    if addition.interrupted:
        print("fastnst: interrupted; what there is was written", file=sys.stderr)
