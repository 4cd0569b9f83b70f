"""``fastnst stylize`` of a video or of a camera."""

import json
import sys
from argparse import ArgumentTypeError, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from fastnst.cli import EXIT_INTERRUPTED
from fastnst.cli._words import Parser, at_least, check_out, progress_bar, report, say
from fastnst.errors import ConfigError
from fastnst.video.kinds import BLEND

if TYPE_CHECKING:
    import numpy as np

    from fastnst.video import VideoResult

TAKEN = {
    *("input", "model", "style", "mix", "strength", "out", "overwrite", "skip_existing", "device", "precision", "seed"),
    *("quiet", "json", "steady", "crf", "show", "keep_metadata", "config"),
}
"""Options of ``stylize`` that a video has too."""


def add_video(parser: Parser) -> None:
    """Add the options that only a video has."""
    group = parser.add_argument_group("video")
    group.add_argument(
        "--steady",
        nargs="?",
        type=below_one,
        const=BLEND,
        default=BLEND,
        metavar="SHARE",
        help="share of the frame before that is kept where only motion changes the picture; 0 for none",
    )
    group.add_argument("--crf", type=at_least(0), help="quality, lower is better (default: 18, and 24 for WebM)")
    group.add_argument("--show", action="store_true", help="show what is painted in a window; q closes it")


def below_one(word: str) -> float:
    """Read a share from 0 to below 1."""
    try:
        value = float(word)
    except ValueError:
        raise ArgumentTypeError(f"{word!r} is not a number") from None
    if not 0 <= value < 1:
        raise ArgumentTypeError(f"{word} must be at least 0 and below 1")
    return value


def is_asked(options: Namespace) -> bool:
    """Say whether what is to be painted is a video or a camera.

    Raises:
        ConfigError: It is, and there is more.
    """
    from fastnst.video.kinds import camera_index, is_video

    videos = [word for word in options.input if is_video(word) or camera_index(word) is not None]
    if videos and len(options.input) > 1:
        raise ConfigError(f"{videos[0]}: a video is painted alone; give one input")
    if not videos:
        asked = {"show": options.show, "crf": options.crf is not None, "steady": options.steady != BLEND}
        for name in (name for name, given in asked.items() if given):
            raise ConfigError(f"--{name} is for a video or a camera")
    return bool(videos)


def run(options: Namespace, parser: Parser) -> int:
    """Paint the one video, or what the camera sees."""
    given = {name: value for name, value in vars(options).items() if value not in (parser.get_default(name), ())}
    others = (name for name in given if name not in TAKEN)
    if isinstance(options.model, tuple) or isinstance(options.style, tuple):
        raise ConfigError("a video is painted in one style; give one --model or --style")
    if other := next(others, None):
        raise ConfigError(f"--{other} is for pictures; leave it out for a video")
    if options.out == "-":
        raise ConfigError("a video is written to a file; give --out NAME.mp4")

    import torch

    from fastnst.video.kinds import camera_index

    torch.manual_seed(options.seed)
    camera = camera_index(options.input[0])
    return _file(options) if camera is None else _camera(options, camera)


def _file(options: Namespace) -> int:
    from fastnst.cli._signals import stop_gently
    from fastnst.video import VideoJob, run
    from fastnst.video.window import Window

    source = Path(options.input[0])
    out = Path(options.out) if options.out else Path(_default_out(options, source))
    check_out(out, options=options)
    if options.skip_existing and out.exists():
        say(options, f"{out}: exists")
        return 0
    job = VideoJob(
        source,
        out,
        options.model,
        options.device,
        options.precision,
        options.style,
        options.strength,
        options.steady,
        crf=options.crf,
        restart=options.overwrite,
        keep_metadata=options.keep_metadata,
    )
    window = Window(out.name) if options.show else None
    with stop_gently("stopping behind this frame") as stop, progress_bar(options, desc="stylize", unit="frame") as bar:

        def on_frame(so_far: "VideoResult", painted: "np.ndarray") -> bool:
            bar.total = max(so_far.total, so_far.frames) or None
            if not bar.n:
                bar.initial = bar.n = so_far.frames - 1  # of an earlier run, which say nothing of the time that is left
            bar.update(so_far.frames - bar.n)
            return bool(stop.signal) or bool(window and window.show(painted))

        result = run(job, on_frame)
    return _tell(options, result, stop.signal)


def _tell(options: Namespace, result: "VideoResult", signal: int) -> int:
    for line in result.notes:
        print(f"fastnst: {line}", file=sys.stderr)
    rate = f", {result.painted / result.seconds:.3g} a second" if result.painted and result.seconds else ""
    line = f"{result.target}: {result.frames} frames of {result.width}x{result.height}{rate}"
    if result.done:
        report(options, line, asdict(result))
        return 0
    of = f" of {result.total}" if result.total else ""
    report(options, f"interrupted; {result.frames}{of} frames are kept, the same command goes on", asdict(result))
    return 128 + signal if signal else EXIT_INTERRUPTED


def _default_out(options: Namespace, source: Path) -> str:
    """Name the result after the video and the style, in its own container if we write that."""
    from fastnst.inference.choice import find_model, name_result
    from fastnst.video.kinds import CONTAINERS

    model, style = find_model(options.model, options.style)
    name = name_result(model, None if style is None else options.style, options.strength)
    suffix = source.suffix.lower()
    return f"{source.stem}_{name}{suffix if suffix in CONTAINERS else '.mkv'}"


def _camera(options: Namespace, index: int) -> int:
    from fastnst.cli._signals import stop_gently
    from fastnst.inference import load
    from fastnst.video import FramePainter
    from fastnst.video.camera import paint_live, watch
    from fastnst.video.window import Window

    out = Path(options.out) if options.out else None
    if not (out or options.show):
        raise ConfigError("a camera needs --show, --out NAME.mp4, or both")
    if out:
        check_out(out, options=options)
        if options.skip_existing and out.exists():
            say(options, f"{out}: exists")
            return 0
    stylizer = load(options.model, options.device, options.precision, "torch", options.style, options.strength)
    window = Window("fastnst") if options.show else None
    with stop_gently("stopping") as stop, progress_bar(options, desc="stylize", unit="frame") as bar:

        def on_frame(painted: "np.ndarray") -> bool:
            bar.update()
            return bool(stop.signal) or bool(window and window.show(painted))

        painter = FramePainter(stylizer, options.steady)
        count = paint_live(watch(index), painter, out, options.crf, on_frame)
    report(options, f"{out or 'camera'}: {count} frames", {"target": str(out) if out else None, "frames": count})
    return 0


def tell_flicker(options: Namespace) -> int:
    """Print how much a painted video flickers beside its original."""
    from fastnst.video import measure_flicker

    options.quiet = False
    with progress_bar(options, desc="flicker", unit="frame") as bar:
        found = measure_flicker(Path(options.file), Path(options.flicker), lambda number: bar.update())
    if options.json:
        print(json.dumps({**asdict(found), "excess": found.excess}))
        return 0
    print(f"{'flicker of the original':<28}{found.original:.2f} of 255")
    print(f"{'flicker of the painting':<28}{found.painted:.2f} of 255")
    print(f"{'excess':<28}{found.excess:.2f} of 255, over {found.pairs} pairs of frames")
    return 0
