"""``fastnst stylize``."""

import sys
from argparse import ArgumentTypeError, Namespace
from dataclasses import asdict
from math import inf, nan
from pathlib import Path
from typing import TYPE_CHECKING

from fastnst.cli import EXIT_FAILED, EXIT_PARTLY
from fastnst.cli._words import (
    Parser,
    add_computing,
    add_reporting,
    add_writing,
    at_least,
    check_out,
    progress_bar,
    report,
    say,
)
from fastnst.errors import ConfigError

if TYPE_CHECKING:
    from fastnst.inference.folder import StylizeJob, StylizeResult


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser("stylize", "PICTURE... --model MODEL | --style STYLE", "Paint pictures with a trained network.")
    add = parser.add_argument
    add(
        "input",
        nargs="+",
        help="pictures, folders of pictures, patterns such as 'photos/*.jpg', or - for standard input",
    )
    add("-m", "--model", help="a bundled style by name (see fastnst models), or a trained file")
    add(
        "-s",
        "--style",
        help="one of the model's styles by name, or a picture to paint like; without --model, any picture, or what "
        "--model takes",
    )
    add(
        "--mix",
        nargs="+",
        action="extend",
        type=weighted,
        metavar="STYLE:WEIGHT",
        help="several styles at once, such as wave:0.3 starry:0.7",
    )
    add("--strength", type=share, default=1.0, help="from 0, the photograph as it is, to 1, all of the style")
    add(
        "-o",
        "--out",
        help="a .png, .jpg or .webp for one picture, a folder for several, or - for standard output; named after the "
        "style by default",
    )
    add_writing(parser, skip_existing=True)
    add_computing(parser)
    add("--stroke", type=stroke, default=1.0, help="size of the strokes, from 0.5 to 2; 1 is what the model paints")
    add("--size", type=longer_side, metavar="PIXELS", help="longer side of the result; 'original' by default")
    add("--memory", type=amount, metavar="AMOUNT", help="to work with, as 2GB; a share of what is free by default")
    add(
        "--statistics",
        choices=("exact", "thumbnail"),
        default="exact",
        help="of pictures larger than the memory: their own, or faster, those of a reduced copy",
    )
    add("--engine", choices=("torch", "openvino"), default="torch", help="what computes on a CPU")
    add_reporting(parser)
    return parser


def run(argv: list[str]) -> int:
    """Paint every input; broken ones are reported at the end, and the others are painted."""
    options = parser().read(argv)
    if options.style is not None and options.mix:
        raise ConfigError("give either --style or --mix; a mix may be of a single style")

    import torch

    from fastnst.inference.choice import find_model, name_result
    from fastnst.inference.folder import StylizeJob, plan

    torch.manual_seed(options.seed)
    style = _summed(options.mix) if options.mix else options.style
    model, chosen = find_model(options.model, style)
    how = (
        *(options.device, options.precision, options.engine, options.skip_existing, style, options.strength),
        *(options.memory, options.statistics, options.stroke, options.size),
    )
    if "-" in (*options.input, options.out):
        return _pipe(StylizeJob((), options.model, *how), options)
    tasks = plan(options.input, options.out, name_result(model, None if chosen is None else style, options.strength))
    check_out(*(target for _, target in tasks), options=options)
    job = StylizeJob(tasks, options.model, *how)
    return _batch(job, options) if len(tasks) > 1 else _single(job, options)


def weighted(word: str) -> tuple[str, float]:
    """Read ``wave:0.3``."""
    name, _, weight = word.rpartition(":")
    try:
        value = float(weight)
    except ValueError:
        value = nan
    if not name or not 0 <= value < inf:
        raise ArgumentTypeError(f"{word!r} is not STYLE:WEIGHT, as wave:0.3; pictures to paint stand before --mix")
    return name, value


def share(word: str) -> float:
    """Read a number from 0 to 1."""
    try:
        value = float(word)
    except ValueError:
        raise ArgumentTypeError(f"{word!r} is not a number") from None
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"{word} is not between 0 and 1")
    return value


def stroke(word: str) -> float:
    """Read a size of strokes."""
    try:
        value = float(word)
    except ValueError:
        raise ArgumentTypeError(f"{word!r} is not a number") from None
    if not 0.5 <= value <= 2:
        raise ArgumentTypeError(f"{word} is not between 0.5 and 2")
    return value


def longer_side(word: str) -> int | None:
    """Read a size in pixels, or ``original``."""
    return None if word == "original" else at_least(1)(word)


def amount(word: str) -> int:
    """Read an amount of memory."""
    from fastnst.memory import parse_memory

    try:
        return parse_memory(word)
    except ConfigError as error:
        raise ArgumentTypeError(str(error)) from None


def _summed(mix: list[tuple[str, float]]) -> dict[str, float]:
    """Add up the weights of a style that is named twice."""
    total: dict[str, float] = {}
    for name, weight in mix:
        total[name] = total.get(name, 0.0) + weight
    return total


def _single(job: "StylizeJob", options: Namespace) -> int:
    from fastnst.images import ImageError
    from fastnst.inference.folder import run

    result = run(job)
    if result.failed:
        raise ImageError(result.failed[0][1])
    done = result.painted[0] if result.painted else None
    line = f"{done.target}: {done.width}x{done.height} in {done.seconds:.2f} s" if done else "nothing to paint"
    report(options, line, _facts(result))
    return 0


def _batch(job: "StylizeJob", options: Namespace) -> int:
    from fastnst.cli._signals import stop_gently
    from fastnst.inference.folder import StylizeResult, run

    count = len(job.tasks)
    with (
        stop_gently("finishing this picture") as stop,
        progress_bar(options, total=count, desc="stylize", unit="picture") as bar,
    ):

        def on_progress(result: StylizeResult) -> bool:
            bar.update(len(result.painted) + len(result.skipped) + len(result.failed) - bar.n)
            return bool(stop.signal)

        result = run(job, on_progress)
    for _, error in result.failed:
        print(f"fastnst: error: {error}", file=sys.stderr)
    report(options, _line(result, count, job), _facts(result))
    if stop.signal and len(result.painted) + len(result.skipped) + len(result.failed) < count:
        say(options, "interrupted; the same command with --skip_existing goes on")
        return 128 + stop.signal
    return 0 if not result.failed else EXIT_PARTLY if len(result.failed) < count else EXIT_FAILED


def _line(result: "StylizeResult", count: int, job: "StylizeJob") -> str:
    folder = Path(job.tasks[0][1]).parent if result.painted else ""
    others = [(len(result.skipped), "skipped"), (len(result.failed), "failed")]
    rest = "".join(f"; {number} {what}" for number, what in others if number)
    return f"painted {len(result.painted)} of {count} pictures{f' into {folder}' if folder else ''}{rest}"


def _facts(result: "StylizeResult") -> dict[str, object]:
    failed = [{"source": source, "error": error} for source, error in result.failed]
    return {"painted": [asdict(done) for done in result.painted], "skipped": result.skipped, "failed": failed}


def _pipe(job: "StylizeJob", options: Namespace) -> int:
    """Paint one picture between a file, or standard input, and a file, or standard output."""
    from fastnst.images import encode_image, open_image, write_image
    from fastnst.inference.folder import note

    if len(options.input) > 1 or (options.out is None and options.input == ["-"]):
        raise ConfigError("- stands for one picture; give one input, and --out - or the name of a file")
    source, out = options.input[0], options.out
    if out != "-":
        check_out(Path(out), options=options)
    picture = open_image(sys.stdin.buffer, "standard input") if source == "-" else open_image(source)
    painted = job.paint(job.load(), picture)
    made = note(job, Path(source), Path(out))
    if out == "-":
        sys.stdout.buffer.write(encode_image(painted, "PNG", made))
    else:
        write_image(painted, out, made)
    report(
        options,
        f"{out}: {painted.width}x{painted.height}",
        {"target": out, "width": painted.width, "height": painted.height},
    )
    return 0
