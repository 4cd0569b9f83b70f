"""``fastnst stylize`` between standard input, or a file, and standard output, or a file."""

import io
import sys
from argparse import Namespace
from pathlib import Path

from fastnst.cli._words import check_out, report, say
from fastnst.errors import ConfigError
from fastnst.images import check_output, encode_pictures
from fastnst.inference.job import StylizeJob, note
from fastnst.inference.plan import format_of, single_file
from fastnst.inference.stages import decode, encode, fetch, paint
from fastnst.remote import Place, check_place, place


def paint_between(job: StylizeJob, options: Namespace) -> int:
    """Paint one picture.

    Raises:
        ConfigError: Several pictures, or no name for the result of standard input.
    """
    if len(options.input) > 1 or (options.out is None and options.input == ["-"]):
        raise ConfigError("- stands for one picture; give one input, and --out - or the name of a file")
    if options.manifest:
        raise ConfigError("--manifest is for files; leave it out where - is a stream")
    source, out = options.input[0], options.out
    target = None if out == "-" else _file(out, options)
    if target is not None and options.skip_existing and target.exists():
        say(options, f"{out}: exists")
        return 0
    fmt = format_of(options.format or "png") if target is None else check_output(target)
    given, name = (sys.stdin.buffer, "standard input") if source == "-" else (fetch(place(source)), source)
    painted = paint(job.load(), decode(given, fmt, job, name))
    made = note(job, source, out)
    if target is None:
        data = io.BytesIO()
        encode_pictures(data, painted, fmt, made, keep_metadata=job.keep_metadata)
        sys.stdout.buffer.write(data.getbuffer())
    else:
        encode(painted, target, made, job)
    height, width = painted[0].size
    report(options, f"{out}: {width}x{height}", {"target": out, "width": width, "height": height})
    return 0


def _file(out: str, options: Namespace) -> Place:
    target = single_file(Path("-"), out, "", options.format)
    if target is None:
        raise ConfigError(f"--out {out}: standard input has no name to have in a folder; name a file")
    check_out(target, options=options)
    check_place(target.parent)
    return target
