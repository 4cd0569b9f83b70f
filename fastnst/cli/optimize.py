"""``fastnst optimize``."""

import sys
from argparse import Namespace
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnst.cli import EXIT_FAILED, EXIT_PARTLY
from fastnst.cli._loss import add_loss
from fastnst.cli._words import Parser, add_computing, add_reporting, add_writing, at_least, progress_bar, report, say
from fastnst.errors import first_line

if TYPE_CHECKING:
    from fastnst.backbones import FeatureExtractor
    from fastnst.cli._grid import Grid
    from fastnst.cli._signals import Stop
    from fastnst.optimize import OnProgress, Painting, PaintingJob, Progress, RunState

OUT = (
    "the .png, .jpg, .webp, .tif or .gif to write, - for standard output; a folder for a grid; <photo>_<style>.png by "
    "default"
)
INIT = (
    "content, noise, style, gray, best (of content, noise and style), any picture, or a trained network (a file, or a "
    "name from fastnst models) whose painting of the photograph is refined (default: content)"
)


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser("optimize", "--content PHOTO --style PICTURE", "Paint a picture by optimizing it (Gatys et al.).")
    add = parser.add_argument
    add("--content", required=True, nargs="+", metavar="PHOTO", help="the photograph, - for standard input; or several")
    add("--style", required=True, nargs="+", metavar="PICTURE", help="what to imitate; several make a grid, or a mix")
    add("-o", "--out", help=OUT)
    add_writing(parser, skip_existing=True)
    add("--resume", nargs="?", const="auto", metavar="FILE", help="go on where the same command was interrupted")
    add("--preview", type=at_least(1), metavar="STEPS", help="write the picture every so many steps, beside --out")
    add("--log", metavar="FOLDER", help="write a TensorBoard log of every term and the picture")
    _add_picture(parser)
    _add_optimizer(parser)
    add_loss(parser, several_weights=True)
    add_computing(parser)
    add_reporting(parser)
    return parser


def _add_picture(parser: Parser) -> None:
    add = parser.add_argument_group("picture").add_argument
    add("--size", type=pixels, default=512, metavar="N", help="longer side of the result, pixels, or original")
    add("--enlarge", action="store_true", help="enlarge photographs that are smaller than --size")
    add("--canvas", choices=("content", "style"), default="content", help="whose proportions the result has")
    add("--style_size", type=pixels, default=384, metavar="N", help="shorter side of the style, or original: strokes")
    add("--mix", type=float, nargs="*", metavar="SHARE", help="mix the styles in one picture; equally by default")
    add("--mask", nargs="+", metavar="PICTURE", help="one for each style of a mix: white paints, black keeps")
    add("--color", choices=("style", "content"), default="style", help="whose colors the result has")
    methods = ("luminance", "covariance", "histogram")
    add("--color_by", choices=methods, default="luminance", help="how --color content keeps the photograph's")
    add("--init", default="content", metavar="START", help=INIT)


def _add_optimizer(parser: Parser) -> None:
    add = parser.add_argument_group("optimizer").add_argument
    steps = "evaluations of the loss, at all sizes together (default: 500; 150 to refine; unbounded with --time_budget)"
    add("--steps", type=int, metavar="N", help=steps)
    add("--time_budget", metavar="TIME", help="such as 60s or 5m; with --steps, whichever ends first")
    add("--stages", type=int, metavar="N", help="sizes, each twice the one before (default: as many as make sense)")
    rates = "step size (default: 1 for lbfgs, 0.02 for adam, 0.005 for hrnet)"
    add("--optimizer", choices=("lbfgs", "adam"), help="adam needs less memory (default: lbfgs; adam for hrnet)")
    add("--lr", type=float, metavar="RATE", help=rates)
    what = "optimize the pixels, or the weights of a small network that repaints this photograph: photorealistic"
    add("--parameterization", choices=("pixels", "hrnet"), default="pixels", help=what)
    tile = "side of the tiles of the loss, pixels (default: in one piece up to a megapixel, and with sliced)"
    add("--tile", type=int, metavar="N", help=tile)


def pixels(word: str) -> int | None:
    """Read a number of pixels; ``original`` and ``null`` stand for a picture's own size."""
    return None if word.lower() in ("original", "null", "none") else at_least(1)(word)


def run(argv: list[str]) -> int:
    """Optimize every picture asked for; the broken ones among several are reported and skipped."""
    options = parser().read(argv)

    from fastnst.cli._grid import check, pending, plan, write_sheet
    from fastnst.cli._signals import stop_gently

    grid = plan(options)
    check(grid, options)
    jobs = pending(grid, options)
    with stop_gently("finishing this step and writing the best picture so far") as stop:
        failures = _paint_all(jobs, grid, options, stop)
    if grid.folder is not None:
        write_sheet(grid)
        say(options, f"{grid.sheet}: all of them")
    if stop.signal:
        remedy = "" if options.out == "-" else "; the same command with --resume goes on"
        print(f"interrupted{remedy}", file=sys.stderr)
        return 128 + int(stop.signal)
    if failures:
        print(f"fastnst: {failures} of {len(grid.jobs)} pictures could not be painted", file=sys.stderr)
    return 0 if not failures else EXIT_PARTLY if failures < len(grid.jobs) else EXIT_FAILED


def _paint_all(jobs: "list[PaintingJob]", grid: "Grid", options: Namespace, stop: "Stop") -> int:
    """Paint all jobs until a signal stops them; return how many failed."""
    from fastnst.optimize.job import load_backbone

    backbone = load_backbone(jobs[0]) if jobs else None
    failures = 0
    for job in jobs:
        try:
            painting = _paint(job, options, stop, backbone)
        except (ValueError, OSError, FloatingPointError, MemoryError, RuntimeError) as error:
            if grid.folder is None:
                raise
            failures += 1
            print(f"fastnst: error: {first_line(error)}", file=sys.stderr)
            continue
        _tell(job, painting, grid, options)
        if stop.signal:
            break
    return failures


def _paint(job: "PaintingJob", options: Namespace, stop: "Stop", backbone: "FeatureExtractor | None") -> "Painting":
    from fastnst.optimize.callbacks import each
    from fastnst.optimize.job import run as paint

    state = _state(job, options)
    with ExitStack() as stack:
        budget = job.config.budget(job.refines)
        total = budget.steps if budget.steps < float("inf") else None
        bar = stack.enter_context(progress_bar(options, total=total, desc="optimize", unit="step", mininterval=0.5))

        def show(progress: "Progress") -> None:
            height, width = progress.size
            bar.set_postfix_str(f"{width}x{height}, loss {float(progress.report.total):.4g}", refresh=False)
            bar.update(progress.step - bar.n)

        watchers = each(show, *_watchers(job, options, stack), lambda progress: bool(stop.signal))
        return paint(job, watchers, state, backbone)


def _watchers(job: "PaintingJob", options: Namespace, stack: ExitStack) -> "list[OnProgress]":
    from fastnst.optimize.callbacks import Previews, TensorBoardLog

    out = Path(job.out or "picture.png")
    found: list[OnProgress] = []
    if options.preview:
        found.append(Previews(out.with_name(f"{out.stem}_steps"), options.preview))
    if options.log:
        log = TensorBoardLog(Path(options.log) / out.stem)
        stack.callback(log.close)
        found.append(log)
    return found


def _state(job: "PaintingJob", options: Namespace) -> "RunState | None":
    """Return where an interrupted picture goes on, if ``--resume`` asks for it; one without a state begins anew."""
    from fastnst.optimize import load_state
    from fastnst.optimize.outputs import settings, state_file

    if not options.resume or (options.resume == "auto" and not (job.out and state_file(job.out).exists())):
        return None
    file = state_file(job.out or "-") if options.resume == "auto" else Path(options.resume)
    return load_state(file, settings(job))


def _tell(job: "PaintingJob", painting: "Painting", grid: "Grid", options: Namespace) -> None:
    """Write to standard output if asked to, and say what was written."""
    if job.out is None:
        _pipe(job, painting)
    facts: dict[str, Any] = {"out": job.out or "-", **painting.facts(), "interrupted": painting.interrupted}
    terms = ", ".join(f"{path} {term:.4g}" for path, term in facts["terms"].items())
    place = f"[{grid.jobs.index(job) + 1}/{len(grid.jobs)}] " if grid.folder is not None else ""
    line = f"{place}{facts['out']}: loss {facts['loss']:.4g} ({terms}) after {painting.steps} steps"
    report(options, f"{line}, {painting.seconds:.0f} s", facts)


def _pipe(job: "PaintingJob", painting: "Painting") -> None:
    from fastnst.images import encode_image
    from fastnst.optimize.outputs import note

    sys.stdout.buffer.write(encode_image(painting.image, note=note(job, painting)))
    sys.stdout.flush()
