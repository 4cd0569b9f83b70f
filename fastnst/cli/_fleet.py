"""``--engine ray``: the same words, done by all machines of a cluster."""

import json
import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fastnst.atomic import check_writable, replacing
from fastnst.cli import EXIT_FAILED, EXIT_PARTLY
from fastnst.cli._painting import paint_batch
from fastnst.cli._signals import stop_gently
from fastnst.cli._words import may_exist, refuse_existing, report, say
from fastnst.errors import ConfigError, printable
from fastnst.fleet.cluster import import_ray
from fastnst.fleet.stylize import run
from fastnst.fleet.table import MANIFEST, SUFFIX, parts
from fastnst.inference.job import StylizeJob
from fastnst.inference.manifest import NAME
from fastnst.inference.plan import plan_folder
from fastnst.remote import place

if TYPE_CHECKING:
    from fastnst.fleet.train import Finished
    from fastnst.training.job import TrainJob

SUMMARY = "runs.json"
"""Of all runs, in the folder that holds them."""


def paint_on_cluster(job: StylizeJob, options: Namespace, name: str) -> int:
    """Paint pictures into a folder, or into tables.

    Raises:
        ConfigError: No Ray, standard input or output, or results that exist.
    """
    if "-" in (*options.input, options.out):
        raise ConfigError("--engine ray paints from folder to folder; give no -")
    _check_device(job.device)
    import_ray()
    planned = plan_folder(options.input, options.out or name, options.format)
    folder = planned.folder
    assert folder is not None
    tables = folder.suffix == SUFFIX
    if not may_exist(options):
        refuse_existing([folder / part for part in sorted(parts(folder))] if tables else planned.existing(), options)
    path = place(options.manifest) if options.manifest else folder / (MANIFEST if tables else NAME)
    job = replace(job, tasks=planned.tasks, manifest=path, engine="auto")
    return paint_batch(job, options, partial(run, folder=folder, anew=options.overwrite))


def _check_device(device: str | None) -> None:
    if device and ":" in device:
        raise ConfigError(f"--device {device}: Ray gives each worker a GPU of its own; give {device.partition(':')[0]}")


def train_on_cluster(job: "TrainJob", options: Namespace) -> int:
    """Train a network for each style; say at the end what became of each, and write it down.

    Raises:
        ConfigError: No Ray, no styles, or a run that would be lost.
    """
    from fastnst.fleet import train
    from fastnst.training.folder import holds_run

    _check_device(job.device)
    import_ray()
    jobs = train.split(job)
    folders = [Path(each.settings[train.OUT]) for each in jobs.values()]
    held = [folder for folder in folders if holds_run(folder)]
    if held and not (job.resume or job.overwrite):
        raise ConfigError(
            f"{held[0]} holds a run already; go on with --resume, begin anew with --overwrite, or choose another --out"
        )
    if job.resume not in (None, "auto"):
        raise ConfigError(f"--resume {job.resume}: there is a run for each style; give --resume alone")
    check_writable(folders[0].parent)
    with stop_gently("saving all runs") as stop:
        finished = train.run(jobs, lambda one: say(options, _line(one)), lambda: bool(stop.signal))
    facts = [asdict(one) for one in sorted(finished, key=lambda one: one.name)]
    with replacing(folders[0].parent / SUMMARY) as temporary:
        temporary.write_text(json.dumps(facts, indent=1) + "\n")
    failed = [one for one in finished if one.error]
    for one in failed:
        print(printable(f"fastnst: error: {one.name}: {one.error}"), file=sys.stderr)
    report(options, _summary(finished, folders[0].parent), {"runs": facts})
    if stop.signal and any(one.stopped for one in finished):
        return 128 + stop.signal
    return 0 if not failed else EXIT_PARTLY if len(failed) < len(finished) else EXIT_FAILED


def _line(one: "Finished") -> str:
    """Say what became of a run."""
    if one.error:
        return f"{one.name}: failed after {one.steps} steps"
    loss = f", loss {one.judged['loss']:.3g}" if "loss" in one.judged else ""
    state = ", stopped" if one.stopped else "" if one.judged else ", nothing left to do"
    deaths = f"; went on after {one.deaths} deaths of its process" if one.deaths else ""
    return f"{one.name}: {one.steps} steps in {one.seconds:.0f} s{loss}{state}{deaths}"


def _summary(finished: Sequence["Finished"], folder: Path) -> str:
    good = [one for one in finished if not one.error and not one.stopped]
    stopped, failed = sum(one.stopped for one in finished), sum(one.error is not None for one in finished)
    rest = f"; {stopped} stopped, go on with the same command and --resume" if stopped else ""
    rest += f"; {failed} failed" if failed else ""
    return f"trained {len(good)} of {len(finished)} styles in {folder}{os.sep}; see {SUMMARY}{rest}"
