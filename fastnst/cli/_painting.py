"""Run a job of ``fastnst stylize`` and say what became of its pictures."""

import os
import sys
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from fastnst.atomic import abandon
from fastnst.cli import EXIT_FAILED, EXIT_PARTLY
from fastnst.cli._signals import stop_gently
from fastnst.cli._words import progress_bar, report, say
from fastnst.errors import printable
from fastnst.images import ImageError
from fastnst.inference.folder import run
from fastnst.inference.job import Failed, StylizeJob, StylizeResult
from fastnst.remote import Place, common_folder

SHORT = 10
"""Up to so many failures have a line each; more are grouped by their reason."""

EXAMPLES = 3
"""Pictures named for each reason."""

GO_ON = "the same command with --skip_existing goes on"


OnProgress = Callable[[StylizeResult], bool]


def make_job(options: Namespace, **settings: Any) -> StylizeJob:
    """Take over all options that are called like a setting of the job, but for those given otherwise."""
    names = {setting.name for setting in fields(StylizeJob)}
    return StylizeJob(**{name: value for name, value in vars(options).items() if name in names} | settings)


def paint_one(job: StylizeJob, options: Namespace) -> int:
    """Paint the only picture; what is wrong with it is the error of the command."""
    result = run(job)
    if result.failed:
        raise ImageError(result.failed[0].error)
    done = result.painted[0] if result.painted else None
    line = f"{done.target}: {done.width}x{done.height} in {done.seconds:.2f} s" if done else "nothing to paint"
    report(options, line, _facts(result))
    return 0


def paint_batch(
    job: StylizeJob, options: Namespace, paint: Callable[[StylizeJob, OnProgress], StylizeResult] | None = None
) -> int:
    """Paint all pictures; list those that failed, and say how to go on after an interruption."""
    count = len(job.tasks)
    try:
        with (
            stop_gently("finishing the pictures at hand") as stop,
            progress_bar(options, total=count, desc="stylize", unit="picture") as bar,
        ):

            def on_progress(result: StylizeResult) -> bool:
                bar.update(result.done - bar.n)
                return bool(stop.signal)

            result = (paint or run)(job, on_progress)
    except SystemExit as ended:  # a second signal; what the threads compute cannot be cut short
        abandon()
        os._exit(ended.code if isinstance(ended.code, int) else EXIT_FAILED)
    for line in failures(result.failed, job.manifest):
        print(printable(f"fastnst: error: {line}"), file=sys.stderr)
    report(options, _line(result, job), _facts(result))
    return _end(result, job, stop.signal, options)


def _end(result: StylizeResult, job: StylizeJob, signal: int, options: Namespace) -> int:
    """Return the exit code; say first why there are pictures left, if there are."""
    left = len(job.tasks) - result.done
    if result.obstacle:
        print(printable(f"fastnst: error: {result.obstacle}; {_pictures(left)} left; {GO_ON}"), file=sys.stderr)
        return EXIT_FAILED
    if signal and left:
        say(options, f"interrupted with {_pictures(left)} left; {GO_ON}")
        return 128 + signal
    return 0 if not result.failed else EXIT_PARTLY if len(result.failed) < len(job.tasks) else EXIT_FAILED


def failures(failed: list[Failed], manifest: Place | None) -> list[str]:
    """Say in a few lines what failed: every picture, or, of many, how many for each reason."""
    if len(failed) <= SHORT:
        return [failure.error for failure in failed]
    reasons: dict[str, list[str]] = defaultdict(list)
    for failure in failed:
        reasons[failure.reason].append(failure.source)
    ordered = sorted(reasons.items(), key=lambda item: -len(item[1]))
    lines = [f"{_pictures(len(names))}: {reason}: {_examples(names)}" for reason, names in ordered[:SHORT]]
    if rest := sum(len(names) for _, names in ordered[SHORT:]):
        lines.append(f"{_pictures(rest)}: other reasons")
    return lines + ([f"all {len(failed)} are in {manifest}"] if manifest else [])


def _pictures(count: int) -> str:
    return f"{count} picture" if count == 1 else f"{count} pictures"


def _examples(names: list[str]) -> str:
    more = f" and {len(names) - EXAMPLES} more" if len(names) > EXAMPLES else ""
    return ", ".join(names[:EXAMPLES]) + more


def _line(result: StylizeResult, job: StylizeJob) -> str:
    folder = f" into {common_folder([target for _, target in job.tasks])}" if result.painted else ""
    others = [(len(result.skipped), "skipped"), (len(result.failed), "failed")]
    rest = "".join(f"; {number} {what}" for number, what in others if number)
    return f"painted {len(result.painted)} of {len(job.tasks)} pictures{folder}{rest}"


def _facts(result: StylizeResult) -> dict[str, Any]:
    return {
        "painted": [asdict(done) for done in result.painted],
        "skipped": result.skipped,
        "failed": [asdict(failure) for failure in result.failed],
    }
