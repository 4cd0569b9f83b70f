"""The page: the chart, tables and settings as HTML that needs nothing else, as PNG, and as JSON."""

import base64
import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastnst.atomic import replacing
from fastnst.compare.case import Case
from fastnst.compare.chart import draw
from fastnst.compare.job import Comparison
from fastnst.compare.summary import Figures, Spread, Summary

FILES = ("report.html", "report.png", "report.json")

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.5rem;line-height:1.3}img{max-width:100%}table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.25rem .75rem;border-bottom:1px solid #ddd;text-align:right}td:first-child,th:first-child{text-align:left}
pre{background:#f5f5f5;padding:.75rem;overflow:auto;font-size:13px}.note{color:#666}"""

NOTE = """Every result is judged in float32 on the clipped picture of 8 bits, under the objective that the network was
trained for. {scales} Iterations are evaluations of loss and gradient by projected L-BFGS: clipped after every step,
as Johnson et al. do, but begun at the photograph, which is faster than from noise, where their program begins. Dots
mark where it equals the network; bands and brackets are quartiles. An optimizer that did not reach the network within
{steps} evaluations counts as {steps}. fastnst optimize spends its first evaluations on smaller pictures, which are
not judged, and one or two more, which are not counted, where the size or the precision changes. The unseen distance
compares sorted projections of features of compact, relu1_1 to relu4_1: a statistic that nobody optimized, in layers
of which some were trained for."""

SCALES = {
    True: "Squared content differences are divided by the scales of its training, for every photograph alike.",
    False: "The checkpoint does not hold the content scales of its training: each photograph is scaled by itself, so "
    "this is not quite the objective of the training.",
}


def write_report(folder: Path, comparison: Comparison) -> None:
    """Write ``report.html``, ``report.png`` and ``report.json``."""
    picture = draw(comparison.cases, comparison.summaries)
    data = json.dumps(to_dict(comparison), indent=1)
    contents = (render(comparison, picture).encode(), picture, data.encode())
    for name, content in zip(FILES, contents, strict=True):
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)


def to_dict(comparison: Comparison) -> dict[str, Any]:
    """Return plain data: the first network's main figures, the settings, all networks and all cases."""
    first = comparison.summaries[0]
    top = {
        "headline": first.headline(),
        "equivalent_lbfgs_iterations": asdict(first.overall.equivalent_lbfgs_iterations),
        "speedup": asdict(first.overall.speedup),
        "break_even_images": asdict(first.overall.break_even_images),
        "interrupted": comparison.interrupted,
    }
    networks = [summary.to_dict() for summary in comparison.summaries]
    return top | comparison.facts | {"networks": networks, "cases": [_plain(case) for case in comparison.cases]}


def _plain(case: Case) -> dict[str, Any]:
    curves = {
        name: [{"evaluations": p.evaluations, "seconds": p.seconds, "loss": p.verdict.total} for p in curve]
        for name, curve in case.curves.items()
    }
    networks = {name: asdict(found.verdict) | {"seconds": found.seconds} for name, found in case.networks.items()}
    return {
        "photo": case.name,
        "size": case.size,
        "photograph": asdict(case.photo),
        "networks": networks,
        "curves": curves,
    }


def render(comparison: Comparison, picture: bytes) -> str:
    """Return the page."""
    encoded = base64.b64encode(picture).decode()
    sentences = "".join(f"<h1>{html.escape(summary.headline())}</h1>" for summary in comparison.summaries)
    tables = "".join(_speed(summary) + _losses(summary) for summary in comparison.summaries)
    note = NOTE.format(steps=comparison.steps, scales=SCALES[comparison.content_scales is not None])
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>fastnst compare</title><style>{STYLE}</style>"
        f"{sentences}<img alt='curves, bars and pictures' src='data:image/png;base64,{encoded}'>{tables}"
        f"<p class=note>{note}</p><pre>{html.escape(json.dumps(comparison.facts, indent=1))}</pre></html>"
    )


def _speed(summary: Summary) -> str:
    head = (
        "size", "photographs", "pictures", "L-BFGS iterations", "from noise", "times faster", "breaks even after",
        "network, ms", "not reached on",
    )  # fmt: skip
    lines = [_speed_cells(str(size), figures) for size, figures in summary.sizes.items()]
    return _table(summary.name, head, [*lines, _speed_cells("all", summary.overall)])


def _speed_cells(size: str, row: Figures) -> list[str]:
    return [
        size, str(row.photographs), str(row.cases), _band(row.equivalent_lbfgs_iterations),
        _band(row.equivalent_iterations_from_noise), _band(row.speedup), _band(row.break_even_images),
        _band(row.network_seconds, factor=1000), str(row.never_reached),
    ]  # fmt: skip


def _losses(summary: Summary) -> str:
    unseen = summary.overall.unseen_style_distance
    lines = [[name, _band(loss, 3), _band(unseen[name], 3)] for name, loss in summary.overall.loss.items()]
    return _table(summary.name, ("at the end", "objective", "unseen style distance"), lines)


def _table(name: str, head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = _row("th", head) + "".join(_row("td", line) for line in lines)
    return f"<h2>{html.escape(name)}</h2><table>{rows}</table>"


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _band(values: Spread, digits: int = 2, factor: float = 1.0) -> str:
    """Write a median and its quartiles."""
    known = [value for value in (values.median, values.q1, values.q3) if value is not None]
    if not known:
        return "-"
    middle, low, high = (f"{float(f'{factor * value:.{digits}g}'):,g}" for value in known)
    return f"{middle} ({low}-{high})"
