"""``--engine ray``: the same words, done by all machines of a cluster."""

from argparse import Namespace
from dataclasses import replace
from functools import partial

from fastnst.cli._painting import paint_batch
from fastnst.cli._words import may_exist, refuse_existing
from fastnst.errors import ConfigError
from fastnst.fleet.crew import import_ray
from fastnst.fleet.stylize import run
from fastnst.fleet.table import MANIFEST, SUFFIX, parts
from fastnst.inference.job import StylizeJob
from fastnst.inference.manifest import NAME
from fastnst.inference.plan import plan_folder
from fastnst.remote import place


def paint_on_cluster(job: StylizeJob, options: Namespace, name: str) -> int:
    """Paint pictures into a folder, or into tables.

    Raises:
        ConfigError: No Ray, standard input or output, or results that exist.
    """
    if "-" in (*options.input, options.out):
        raise ConfigError("--engine ray paints from folder to folder; give no -")
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
