"""The files of a sweep: a sheet, a chart of convergence, two tables, and TensorBoard's HParams."""

import csv
import io
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fastnst.atomic import replacing
from fastnst.images import write_image
from fastnst.images.sheet import contact_sheet
from fastnst.inspection.chart import draw
from fastnst.inspection.plan import label, varying
from fastnst.inspection.sweep import Cell, Sweep, lowest
from fastnst.losses import by_kind

FILES = ("sweep.png", "convergence.png", "sweep.csv", "curves.csv", "hparams")

WITHIN = (10, 5, 1)
"""Percent above the lowest loss that count as goals if none are given."""

Row = dict[str, Any]


def write_sweep(folder: Path, sweep: Sweep, goals: Sequence[float] = ()) -> list[Path]:
    """Write all files of a sweep, in place of earlier ones; return their paths.

    Args:
        folder: Where to.
        sweep: With at least one cell.
        goals: Losses; the table tells after how many evaluations each cell reached them. By default 10 %, 5 % and 1 %
            above the lowest loss of any cell of the same objective.
    """
    cells = sweep.cells
    paths = [folder / name for name in FILES]
    sheet, chart, table, curves, hparams = paths
    axes = varying([cell.setting for cell in cells])
    tiles = [(f"{cell.loss:.3g}: {label(cell.setting, axes)}", cell.picture) for cell in cells]
    write_image(contact_sheet(tiles, _columns(cells)), sheet)
    with replacing(chart) as temporary:
        temporary.write_bytes(draw(cells))
    write_csv(table, cell_rows(cells, goals))
    write_csv(curves, curve_rows(cells))
    write_hparams(hparams, cells)
    return paths


def cell_rows(cells: Sequence[Cell], goals: Sequence[float] = ()) -> list[Row]:
    """Return settings, end values and the evaluations to the goals, one row per cell."""
    terms = dict.fromkeys(path for cell in cells for path in cell.terms)
    return [
        {"cell": number}
        | cell.setting.values()
        | {"evaluations": cell.curve[-1].evaluations if cell.curve else None, "loss": cell.loss}
        | {path: cell.terms.get(path) for path in terms}
        | {"style_unweighted": _unweighted(cell), "photograph_loss": cell.photograph, "seconds": round(cell.seconds, 2)}
        | _reached(cell, cells, goals)
        for number, cell in enumerate(cells)
    ]


def curve_rows(cells: Sequence[Cell]) -> list[Row]:
    """Return the loss at every evaluation of every cell, one row each."""
    return [
        {"cell": number, "evaluations": moment.evaluations, "seconds": round(moment.seconds, 4), "loss": moment.loss}
        | moment.kinds
        for number, cell in enumerate(cells)
        for moment in cell.curve
    ]


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write rows that may lack some of the columns."""
    columns = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with replacing(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")


def write_hparams(folder: Path, cells: Iterable[Cell]) -> None:
    """Write a sweep for TensorBoard's HParams page; a step size of 0 stands for the optimizer's own."""
    from torch.utils.tensorboard import SummaryWriter

    if folder.is_dir():
        shutil.rmtree(folder)  # event files of an earlier sweep would be read as part of this one
    with SummaryWriter(str(folder)) as writer:
        for number, cell in enumerate(cells):
            settings = cell.setting.values() | {"lr": cell.setting.lr or 0.0}
            found = {f"hparam/{path}": value for path, value in cell.terms.items()}
            found |= {"hparam/loss": cell.loss, "hparam/seconds": cell.seconds}
            writer.add_hparams(settings, found, run_name=f"{number:03}")
            writer.add_image(f"{number:03}", np.asarray(cell.picture), 0, dataformats="HWC")


def _reached(cell: Cell, cells: Sequence[Cell], goals: Sequence[float]) -> dict[str, int | None]:
    if goals:
        return {f"evaluations_to_{goal:g}": cell.reached(goal) for goal in goals}
    best = lowest(cells, cell)
    return {f"evaluations_to_within_{share}%": cell.reached(best * (1 + share / 100)) for share in WITHIN}


def _unweighted(cell: Cell) -> float | None:
    """Return the style terms without their weight, which cells of different weights can be compared by."""
    weight = cell.setting.loss.style_weight
    return by_kind(cell.terms).get("style", 0.0) / weight if weight else None


def _columns(cells: Sequence[Cell]) -> int:
    """Put the values of the last axis that has several into a row."""
    rows = [cell.setting.values() for cell in cells]
    counts = [len({row[name] for row in rows}) for name in reversed(rows[0])]
    return next((count for count in counts if count > 1), 1)
