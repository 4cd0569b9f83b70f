"""The pictures that one ``fastnst optimize`` paints: one, or each photograph with each style and each weight."""

import sys
from argparse import Namespace
from dataclasses import dataclass, fields
from pathlib import Path

from PIL import Image

from fastnst.atomic import check_writable
from fastnst.cli._loss import loss_settings
from fastnst.cli._words import check_out, report
from fastnst.errors import ConfigError
from fastnst.images import EXTENSIONS, check_output, open_image, write_image
from fastnst.images.sheet import contact_sheet
from fastnst.optimize import OptimizeConfig, PaintingJob, default_loss
from fastnst.optimize.inputs import Source, stem
from fastnst.optimize.outputs import is_finished, network_file

FOLDER = "optimized"
"""Where a grid goes by default."""


@dataclass(frozen=True)
class Grid:
    """What is to be painted.

    Args:
        jobs: One picture each.
        folder: Of all pictures, where there are several.
        columns: Pictures in a row of the contact sheet.
    """

    jobs: tuple[PaintingJob, ...]
    folder: Path | None = None
    columns: int = 1

    @property
    def sheet(self) -> Path:
        """The contact sheet of several pictures."""
        return (self.folder or Path()) / "sheet.png"


def plan(options: Namespace) -> Grid:
    """List the pictures: each photograph with each style, or the mix of all styles, and with each style weight.

    Raises:
        ConfigError: Options that contradict each other, or two pictures of one name.
    """
    contents, weights = _contents(options), options.loss_style_weight or [None]
    if options.mask and len(options.style) > 1 and options.mix is None:
        raise ConfigError("--mask: each style of a mix has one; give --mix as well")
    mixes = [tuple(options.style)] if options.mix is not None else [(style,) for style in options.style]
    kinds = [(content, styles, weight) for content in contents for styles in mixes for weight in weights]
    names = [f"{_name(*kind, len(weights) > 1)}.png" for kind in kinds]
    if len(kinds) == 1:
        return Grid((_job(options, *kinds[0], _single(options.out, names[0])),))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f"two pictures would both become {twice}; paint them in two calls")
    out = options.out or FOLDER
    if out == "-" or (Path(out).suffix.lower() in EXTENSIONS and not Path(out).is_dir()):
        raise ConfigError(f"--out {out}: {len(kinds)} pictures want a folder, not a file; --mix mixes styles")
    jobs = (_job(options, *kind, str(Path(out) / name)) for kind, name in zip(kinds, names, strict=True))
    return Grid(tuple(jobs), Path(out), len(weights) if len(weights) > 1 else len(mixes))


def _contents(options: Namespace) -> list[Source]:
    if "-" not in options.content:
        return list(options.content)
    if len(options.content) > 1:
        raise ConfigError("--content -: standard input holds one picture, give it alone")
    return [sys.stdin.buffer.read()]


def _name(content: Source, styles: tuple[str, ...], weight: float | None, weighted: bool) -> str:
    return "_".join([stem(content), *map(stem, styles), *([f"{weight:g}"] if weighted else [])])


def _single(out: str | None, name: str) -> str | None:
    """Return the file of one picture: as named, or in the folder named; nothing for standard output."""
    if out == "-":
        return None
    if out is None:
        return name
    return str(Path(out) / name) if Path(out).is_dir() or not Path(out).suffix or out.endswith("/") else out


def _job(
    options: Namespace, content: Source, styles: tuple[str, ...], weight: float | None, out: str | None
) -> PaintingJob:
    config = OptimizeConfig(**{item.name: getattr(options, item.name) for item in fields(OptimizeConfig)})
    settings = loss_settings(options) | ({} if weight is None else {"style_weight": weight})
    own = {"content", "styles", "out", "loss", "config", "mix", "masks"}
    return PaintingJob(
        content,
        styles,
        out,
        default_loss(config.parameterization, **settings),
        config,
        mix=tuple(options.mix) if options.mix else None,
        masks=tuple(options.mask) if options.mask else None,
        **{item.name: getattr(options, item.name) for item in fields(PaintingJob) if item.name not in own},
    )


def check(grid: Grid, options: Namespace) -> None:
    """Refuse, before any work, what cannot be written or would lose a file.

    Raises:
        ConfigError: A file exists that may not be replaced, or has a format that is not written.
    """
    if options.resume not in (None, "auto") and grid.folder is not None:
        raise ConfigError(f"--resume {options.resume}: goes on with one picture, but this makes {len(grid.jobs)}")
    outs = [Path(job.out) for job in grid.jobs if job.out is not None]
    if options.preview and not outs:
        raise ConfigError("--preview: writes beside --out, which is standard output")
    for job, out in zip(grid.jobs, outs, strict=False):
        try:
            check_output(out)
        except ValueError as error:
            raise ConfigError(f"--out {error}") from None
        sources = [Path(s) for s in (job.content, *job.styles, *(job.masks or ())) if isinstance(s, str)]
        if any(out.exists() and source.exists() and source.samefile(out) for source in sources):
            raise ConfigError(f"{out}: would replace its own source; choose another --out")
        check_writable(out.parent)
    if not options.resume:
        networks = [network_file(out) for out in outs] if options.parameterization == "hrnet" else []
        sheet = [] if grid.folder is None else [grid.sheet]
        check_out(*outs, *networks, *sheet, options=options)


def pending(grid: Grid, options: Namespace) -> list[PaintingJob]:
    """Return the jobs that are not done: with ``--resume`` and ``--skip_existing``, those whose pictures are not there.

    With ``--overwrite`` as well, ``--resume`` keeps only pictures that were made with these settings.
    """
    left = []
    for job in grid.jobs:
        skip = options.skip_existing and not options.resume and job.out is not None and Path(job.out).exists()
        done = options.resume == "auto" and job.out is not None and is_finished(job, same=options.overwrite)
        if skip or done:
            report(options, f"{job.out}: is there, kept", {"out": job.out, "kept": True})
        else:
            left.append(job)
    return left


def write_sheet(grid: Grid) -> None:
    """Write a contact sheet of all pictures; one that is not there leaves a gap."""
    tiles = []
    for job in grid.jobs:
        out = Path(job.out or "")
        there = out.is_file()
        tiles.append((out.stem if there else f"{out.stem}: missing", open_image(out) if there else _gap()))
    write_image(contact_sheet(tiles, grid.columns), grid.sheet)


def _gap() -> Image.Image:
    return Image.new("RGB", (64, 64), "lightgray")
