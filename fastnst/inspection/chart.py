"""Convergence of every cell of a sweep on one chart."""

import io
import math
from collections.abc import Sequence

from fastnst.inspection.plan import label, varying
from fastnst.inspection.sweep import Cell

LINES = ("-", "--", ":", "-.")
MOST_ROWS = 24
"""Lines of the legend in one column."""

ABSOLUTE = "loss"
RELATIVE = "loss / loss of the unchanged photograph, each under its own objective"


def draw(cells: Sequence[Cell]) -> bytes:
    """Draw the loss of each cell over its evaluations; return a PNG.

    Losses of different objectives (another backbone, layers, style weight or size) are not comparable; where there are
    several, each is divided by what the unchanged photograph has under it: 1 is no painting at all.
    """
    from matplotlib.figure import Figure

    axes_varied = varying([cell.setting for cell in cells])
    relative = is_relative(cells)
    columns = math.ceil(len(cells) / MOST_ROWS)
    figure = Figure(figsize=(8 + 2.5 * columns, 5.5), layout="constrained")
    axes = figure.subplots()
    for number, cell in enumerate(cells):
        x, y = line(cell, relative)
        style = LINES[number // 10 % len(LINES)]
        axes.plot(x, y, style, color=f"C{number % 10}", linewidth=1.4, label=label(cell.setting, axes_varied))
    axes.set(yscale="log", xlabel="evaluations of loss and gradient")
    axes.set_ylabel(RELATIVE if relative else ABSOLUTE, fontsize=9)
    axes.grid(which="both", alpha=0.25)
    figure.legend(loc="outside right upper", fontsize=8, ncols=columns)
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    return data.getvalue()


def is_relative(cells: Sequence[Cell]) -> bool:
    """Tell whether there are several objectives."""
    objectives = [cell.setting.objective() for cell in cells]
    return any(objective != objectives[0] for objective in objectives)


def line(cell: Cell, relative: bool) -> tuple[list[int], list[float]]:
    """Return evaluations and losses, divided by the photograph's if ``relative`` and if that is not 0."""
    unit = cell.photograph or 1.0 if relative else 1.0
    return [moment.evaluations for moment in cell.curve], [moment.loss / unit for moment in cell.curve]
