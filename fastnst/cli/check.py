"""``fastnst check``."""

import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnst.cli import EXIT_PARTLY
from fastnst.cli._words import (
    Parser,
    add_computing,
    add_reporting,
    add_writing,
    at_least,
    between,
    check_out,
    progress_bar,
    say,
)
from fastnst.errors import ConfigError, errors_only, printable

if TYPE_CHECKING:
    from fastnst.data.sources import Photos
    from fastnst.data.survey import Finding, Kind, Survey
    from fastnst.training.pace import Pace

EXAMPLES = 3
"""Photographs named for each kind of finding."""

DESCRIPTION = (
    "Look at photographs before a training: which are broken, tiny, gray, or there twice, and whether they are served "
    "fast enough. Exit code 0: all can be used; 3: some cannot, and are skipped by a training; 1: none can."
)


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser("check", "--photos PHOTOS", DESCRIPTION)
    add = parser.add_argument
    what = "a folder of photographs, parquet files, or the name of a set on the hub, as fastnst train takes them"
    add("--photos", required=True, metavar="PHOTOS", help=what)
    add(
        "--size",
        type=at_least(32),
        default=256,
        metavar="PIXELS",
        help="of the crops; a shorter side below half is tiny",
    )
    add("--batch_size", type=at_least(1), default=4, metavar="N", help="crops of a step")
    add("--workers", type=at_least(0), metavar="N", help="processes that decode, as --data.workers")
    add("--most", type=at_least(2), metavar="N", help="look at so many only, chosen at random; of a stream the first")
    seconds = "to measure the loader, and either half of a training; 0 measures nothing"
    add("--seconds", type=between(0, 600), default=5.0, metavar="S", help=seconds)
    add(
        "--list", type=Path, metavar="FILE", help="gets a line for every finding: its kind, a tab, the name, a tab, why"
    )
    add_writing(parser)
    add_computing(parser)
    add_reporting(parser)
    return parser


def run(argv: list[str]) -> int:
    """Look, measure, and say what was found."""
    options = parser().read(argv)
    check_out(*filter(None, [options.list]), options=options)

    from fastnst.cli._signals import stop_gently
    from fastnst.data.sources import open_photos

    photos, examples = open_photos(options.photos), Examples()
    with stop_gently("stopping; what was found so far is told") as stop, errors_only("fastnst.images"):
        found = _survey(photos, options, examples, lambda: stop.signal)
        pace = _pace(photos, options) if found.usable > 1 and options.seconds and not stop.signal else None
    if options.json:
        _print_json(found, examples, pace)
    for line in _lines(found, examples, pace, options):
        say(options, line)
    if stop.signal:
        return 128 + stop.signal
    if found.usable < 2:
        raise ValueError(f"{options.photos}: {found.usable} of {found.looked} photographs can be used; 2 are needed")
    return EXIT_PARTLY if found.usable < found.looked else 0


class Examples(dict[str, list[str]]):
    """The first findings of each kind, in words."""

    def add(self, finding: "Finding") -> None:
        """Take note of one."""
        named = self.setdefault(finding.kind, [])
        if len(named) < EXAMPLES:
            named.append(finding.photo if finding.kind == "gray" else f"{finding.photo} ({finding.why})")


def _survey(photos: "Photos", options: Namespace, examples: Examples, stopped: Callable[[], int]) -> "Survey":
    """Look at the photographs; list what is found as it is found, also where they cannot be read to their end."""
    from fastnst.atomic import WriteError, naming, replacing
    from fastnst.data.survey import survey

    total = len(photos) if hasattr(photos, "__len__") else None
    total = min(filter(None, (total, options.most)), default=None)
    with ExitStack() as stack:
        file = stack.enter_context(stack.enter_context(replacing(options.list)).open("w")) if options.list else None
        bar = stack.enter_context(progress_bar(options, total=total, desc="check", unit="photo"))

        def on_finding(finding: "Finding") -> None:
            examples.add(finding)
            if file:
                with naming(options.list):
                    file.write("\t".join(map(printable, finding)) + "\n")

        def on_progress(found: "Survey") -> bool:
            bar.update(found.looked - bar.n)
            return bool(stopped())

        try:
            return survey(photos, options.size // 2, options.most, options.seed, on_finding, on_progress)
        except WriteError:
            raise
        except OSError as error:  # of the photographs, not of the list
            unreadable = error
    raise unreadable


def _pace(photos: "Photos", options: Namespace) -> "Pace | None":
    from fastnst.training.pace import measure

    try:
        return measure(
            photos,
            options.size,
            options.batch_size,
            options.workers,
            options.seconds,
            options.device,
            options.precision,
        )
    except (ConfigError, OSError) as error:  # what was found is told all the same
        print(printable(f"fastnst: the pace was not measured: {error}"), file=sys.stderr)
        return None


def _lines(found: "Survey", examples: Examples, pace: "Pace | None", options: Namespace) -> list[str]:
    share = 100 * found.usable / max(1, found.looked)
    so_far = "" if found.finished else " looked at so far"
    lines = [f"{found.looked} photographs{so_far}: {found.usable} usable ({share:.3g} %)"]
    meaning: dict[Kind, str] = {
        "broken": "broken, to be skipped",
        "tiny": f"tiny, to be skipped: under {options.size // 2} pixels",
        "gray": "gray, to be used",
        "duplicate": "copies of another, to be used",
    }
    for kind, words in meaning.items():
        if count := found.counts[kind]:
            lines.append(f"{count} {words}, such as {', '.join(examples[kind])}")
    if options.list:
        lines.append(f"all of them are in {options.list}")
    return lines + ([_pace_line(pace)] if pace else [])


def _pace_line(pace: "Pace") -> str:
    if pace.enough:
        verdict = "enough"
    else:
        verdict = "the training will wait for it; give more --data.workers, or smaller photographs"
    workers = f"{pace.workers} worker" + "s" * (pace.workers != 1)
    takes = f"a training on {pace.device} takes {pace.first:.3g} in its first half and {pace.later:.3g} in its second"
    return f"the loader serves {pace.loader:.3g} photographs a second with {workers}; {takes}: {verdict}"


def _print_json(found: "Survey", examples: Examples, pace: "Pace | None") -> None:
    import json
    from dataclasses import asdict

    facts: dict[str, Any] = {"looked": found.looked, "usable": found.usable}
    facts |= {str(kind): count for kind, count in found.counts.items()}
    facts |= {"finished": found.finished, "examples": dict(examples)}
    print(json.dumps(facts | {"pace": asdict(pace) | {"enough": pace.enough} if pace else None}), flush=True)
