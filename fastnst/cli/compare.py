"""``fastnst compare``."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fastnst.cli import _loss, _words

if TYPE_CHECKING:
    from fastnst.compare import CompareJob, Comparison


def parser() -> _words.Parser:
    """Build the parser; imports nothing heavy."""
    parser = _words.Parser(
        "compare",
        "-m MODEL [MODEL ...] --photos PHOTOS -o FOLDER",
        "Judge trained networks and optimizers under the objective that the first network was trained for: one page of "
        "curves, figures and pictures.",
    )
    add = parser.add_argument
    add("-m", "--model", required=True, action="extend", nargs="+", help="trained styles, by name or file")
    add("--photos", required=True, help="a folder of photographs, parquet files, or the name of a set on the hub")
    add("-o", "--out", required=True, metavar="FOLDER", help="gets report.html, report.png and report.json")
    add("--count", type=_words.at_least(1), default=5, metavar="N", help="photographs at most")
    add(
        "--sizes",
        type=_words.at_least(32),
        nargs="+",
        default=[256, 512, 1024],
        metavar="PIXELS",
        help="sides of the centered squares",
    )
    add("--steps", type=_words.at_least(1), default=100, metavar="N", help="evaluations that each optimizer gets")
    add("--style", metavar="PICTURE", help="the picture imitated, where the checkpoint does not hold it")
    _words.add_writing(parser)
    _loss.add_loss(parser, *(_loss.LOSS.keys() - {"weights"}))
    _words.add_computing(parser)
    _words.add_reporting(parser)
    return parser


def run(argv: list[str]) -> int:
    """Compare, write the page, and print its headline."""
    options = parser().read(argv)
    out = Path(options.out)

    from fastnst.atomic import check_writable
    from fastnst.cli._signals import stop_gently
    from fastnst.compare import run as compare
    from fastnst.compare import write_report
    from fastnst.compare.page import FILES

    _words.check_out(*(out / name for name in FILES), options=options)
    check_writable(out)
    job = _job(options)
    with (
        stop_gently("finishing this photograph and writing the page of those so far") as stop,
        _words.progress_bar(options, total=job.count * len(set(job.sizes)), desc="compare", unit="picture") as bar,
    ):

        def advance(_: object, done: int, total: int) -> bool:
            bar.total = total
            bar.update()
            return bool(stop.signal)

        comparison = compare(job, advance)
    write_report(out, comparison)
    _report(options, out, comparison)
    if comparison.interrupted:
        done = f"{len(comparison.cases)} of {comparison.planned}"
        print(f"fastnst: interrupted after {done} pictures, smallest first", file=sys.stderr)
    return 128 + stop.signal if comparison.interrupted else 0


def _job(options: argparse.Namespace) -> "CompareJob":
    from fastnst.compare import CompareJob

    return CompareJob(
        models=tuple(options.model),
        photos=options.photos,
        count=options.count,
        sizes=tuple(options.sizes),
        steps=options.steps,
        style=options.style,
        weights=options.loss_weights,
        device=options.device,
        precision=options.precision,
        seed=options.seed,
    )


def _report(options: argparse.Namespace, out: Path, comparison: "Comparison") -> None:
    from fastnst.compare.page import FILES

    facts = {
        "files": [str(out / name) for name in FILES],
        "interrupted": comparison.interrupted,
        "networks": [summary.to_dict() for summary in comparison.summaries],
    }
    _words.report(options, f"{out / FILES[0]}: {comparison.headline}", facts)
