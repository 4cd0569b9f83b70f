"""The page: curves, bars, pictures and a table, as HTML that needs nothing else, as PNG, and as JSON."""

import base64
import html
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from fastnst.atomic import replacing
from fastnst.compare.race import YARDSTICK, Case, crossing, refined
from fastnst.compare.summary import headline
from fastnst.images import to_pil

STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.5rem;line-height:1.3}img{max-width:100%}table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.25rem .75rem;border-bottom:1px solid #ddd;text-align:right}td:first-child,th:first-child{text-align:left}
pre{background:#f5f5f5;padding:.75rem;overflow:auto;font-size:13px}.note{color:#666}"""

NOTE = """Every result is judged in float32 on the clipped picture of 8 bits, under the objective that the network was
trained for. Iterations are evaluations of loss and gradient, by the L-BFGS that is projected: clipped after every step,
as Johnson et al. do, but begun at the photograph, whence it is there sooner than from noise. Dots mark where it equals
the network; bands are quartiles. fastnst optimize spends its first evaluations on smaller pictures, and one or two,
which are not counted, where the size or the precision changes. The unseen distance is one that nobody optimized."""


def write_report(
    folder: Path, cases: Sequence[Case], worths: Sequence[dict[str, Any]], steps: int, facts: dict[str, Any]
) -> None:
    """Write ``report.html``, ``report.png`` and ``report.json``.

    Args:
        folder: Where to.
        cases: All results.
        worths: From :func:`~fastnst.compare.summary.summarize`; the first is the headline.
        steps: Evaluations that every optimizer got.
        facts: The objective, the photographs, the machine and the command: whatever is needed to repeat it.
    """
    picture = draw(cases, worths, steps)
    top = {key: worths[0][key] for key in ("equivalent_lbfgs_iterations", "speedup", "break_even_images")}
    data = (
        {"headline": headline(worths[0], steps)}
        | top
        | facts
        | {"networks": list(worths), "cases": [_plain(c) for c in cases]}
    )
    page = render(worths, steps, facts, picture)
    for name, content in (
        ("report.png", picture),
        ("report.json", json.dumps(data, indent=1).encode()),
        ("report.html", page.encode()),
    ):
        with replacing(folder / name) as temporary:
            temporary.write_bytes(content)


def _plain(case: Case) -> dict[str, Any]:
    networks = {n: {"terms": v.terms, "unseen": v.unseen, "seconds": s} for n, (v, s) in case.networks.items()}
    curves = {
        name: [{"evaluations": p.evaluations, "seconds": p.seconds, "loss": p.verdict.total} for p in curve]
        for name, curve in case.curves.items()
    }
    photo = {"terms": case.photo.terms, "unseen": case.photo.unseen}
    return {"photo": case.name, "size": case.size, "photograph": photo, "networks": networks, "curves": curves}


def draw(cases: Sequence[Case], worths: Sequence[dict[str, Any]], steps: int) -> bytes:
    """Draw curves by size, bars of the terms, and a strip of pictures; return a PNG."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    sizes = sorted({case.size for case in cases})
    shown = next((case for case in reversed(cases) if case.pictures), None)
    figure = plt.figure(figsize=(5.2 * max(2, len(sizes)), 13 if shown else 9), layout="constrained")
    rows: Any = figure.subfigures(3 if shown else 2, 1, height_ratios=[1.25, 1, 1][: 3 if shown else 2])
    for axes, size in zip(rows[0].subplots(1, len(sizes), squeeze=False)[0], sizes, strict=True):
        _curves(axes, [case for case in cases if case.size == size], size)
    for axes, size in zip(rows[1].subplots(1, len(sizes), squeeze=False)[0], sizes, strict=True):
        _bars(axes, [case for case in cases if case.size == size], size)
    if shown:
        strip = pictures(shown, worths[0]["name"])
        for axes, (title, image) in zip(rows[2].subplots(1, len(strip), squeeze=False)[0], strip, strict=True):
            axes.imshow(to_pil(image))
            axes.set_title(title, fontsize=8)
            axes.axis("off")
    figure.suptitle(headline(worths[0], steps))
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    plt.close(figure)
    return data.getvalue()


def _curves(axes: Any, cases: Sequence[Case], size: int) -> None:
    """Draw the median of each optimizer with the band of its quartiles, and each network as a line across."""
    for name in cases[0].curves:
        marks = sorted(set.intersection(*({p.evaluations for p in case.curves[name]} for case in cases)))
        table = np.array([[p.verdict.total for p in case.curves[name] if p.evaluations in marks] for case in cases])
        low, middle, high = np.percentile(table, [25, 50, 75], axis=0)
        x = [max(mark, 0.7) for mark in marks]
        (line,) = axes.plot(x, middle, label=name, linewidth=1.5)
        axes.fill_between(x, low, high, alpha=0.12, color=line.get_color())
    for number, name in enumerate(cases[0].networks):
        goal = float(np.median([case.networks[name][0].total for case in cases]))
        axes.axhline(goal, color="black", linestyle=["--", "-.", (0, (1, 1))][number % 3], label=f"{name} (network)")
        reached = [
            found[0] for case in cases if (found := crossing(case.curves[YARDSTICK], case.networks[name][0].total))
        ]
        if reached:
            axes.plot(float(np.median(reached)), goal, "ko", markersize=5)
    axes.axhline(
        float(np.median([case.photo.total for case in cases])), color="gray", linestyle=":", label="photograph"
    )
    axes.set(
        xscale="log",
        yscale="log",
        title=f"{size} px, {len(cases)} photographs",
        xlabel="evaluations of loss and gradient",
        ylabel="objective",
    )
    pace = np.median(
        [case.curves[YARDSTICK][-1].seconds / max(1, case.curves[YARDSTICK][-1].evaluations) for case in cases]
    )
    if pace > 0:
        axes.secondary_xaxis("top", functions=(lambda n: n * pace, lambda s: s / pace)).set_xlabel(
            "seconds of L-BFGS", fontsize=8
        )
    axes.legend(fontsize=7)


def _bars(axes: Any, cases: Sequence[Case], size: int) -> None:
    """Stack content, style and total variation of the photograph, the networks, and the optimizers at their end."""
    verdicts = {"photograph": [case.photo for case in cases]}
    verdicts |= {name: [case.networks[name][0] for case in cases] for name in cases[0].networks}
    verdicts |= {name: [case.curves[name][-1].verdict for case in cases] for name in cases[0].curves}
    left = np.zeros(len(verdicts))
    for kind in ("content", "style", "tv"):
        widths = np.array([np.median([v.kinds()[kind] for v in found]) for found in verdicts.values()])
        axes.barh(list(verdicts), widths, left=left, label=kind)
        left += widths
    axes.invert_yaxis()
    networks = [float(left[1 + i]) for i in range(len(cases[0].networks))]
    axes.set(title=f"terms at {size} px, medians", xlim=(0, 1.6 * max([*networks, *left[1 + len(networks) :]])))
    axes.tick_params(labelsize=8)
    axes.legend(fontsize=7)


def pictures(case: Case, network: str) -> list[tuple[str, Tensor]]:
    """Choose what is shown: the photograph, the networks, and L-BFGS on its way to the first of them."""
    strip = [(name, case.pictures[name]) for name in ("photograph", *case.networks)]
    marks = [point.evaluations for point in case.curves[YARDSTICK]]
    found = crossing(case.curves[YARDSTICK], case.networks[network][0].total)
    equal = min(marks, key=lambda mark: abs(mark - found[0])) if found else marks[-1]
    wanted = [mark for mark in (10, 50) if not 0.7 < mark / max(1, equal) < 1.4]
    chosen = sorted({min(marks, key=lambda mark: abs(mark - goal)) for goal in (*wanted, equal, marks[-1])})
    for mark in chosen:
        title = f"L-BFGS, {mark} iterations" + ("\n(the network's loss)" if found and mark == equal else "")
        strip.append((title, case.pictures[f"{YARDSTICK}@{mark}"]))
    last = f"{refined(network)}@{case.curves[refined(network)][-1].evaluations}"
    strip.append((last.replace("@", " "), case.pictures[last]))
    return strip


def render(worths: Sequence[dict[str, Any]], steps: int, facts: dict[str, Any], picture: bytes) -> str:
    """Return the page."""
    encoded = base64.b64encode(picture).decode()
    sentences = "".join(f"<h1>{html.escape(headline(worth, steps))}</h1>" for worth in worths)
    tables = "".join(_table(worth) + _losses(worth) for worth in worths)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>fastnst compare</title><style>{STYLE}</style>"
        f"{sentences}<img alt='curves, bars and pictures' src='data:image/png;base64,{encoded}'>{tables}"
        f"<p class=note>{NOTE} One that did not get there within {steps} counts as {steps}.</p>"
        f"<pre>{html.escape(json.dumps(facts, indent=1))}</pre></html>"
    )


def _table(worth: dict[str, Any]) -> str:
    head = (
        "size",
        "photographs",
        "L-BFGS iterations",
        "times faster",
        "breaks even after",
        "network, ms",
        "not reached on",
    )
    lines = []
    for row in [*worth["sizes"], {"size": "all"} | worth]:
        cells = [
            row["size"], row["photographs"], _band(row["equivalent_lbfgs_iterations"]), _band(row["speedup"]),
            _band(row["break_even_images"]), _band({k: v and 1000 * v for k, v in row["network_seconds"].items()}),
            row["never_reached"],
        ]  # fmt: skip
        lines.append("".join(f"<td>{cell}</td>" for cell in cells))
    return _html_table(worth["name"], head, lines)


def _losses(worth: dict[str, Any]) -> str:
    unseen = worth["unseen_style_distance"]
    lines = [
        f"<td>{html.escape(name)}</td><td>{_band(loss, 3)}</td><td>{_band(unseen[name], 3)}</td>"
        for name, loss in worth["loss"].items()
    ]
    return _html_table(worth["name"], ("at the end", "objective", "unseen style distance"), lines)


def _html_table(name: str, head: Sequence[str], lines: Sequence[str]) -> str:
    heads = "".join(f"<th>{cell}</th>" for cell in head)
    return (
        f"<h2>{html.escape(name)}</h2><table><tr>{heads}</tr>"
        + "".join(f"<tr>{line}</tr>" for line in lines)
        + "</table>"
    )


def _band(values: dict[str, float | None], digits: int = 2) -> str:
    """Write a median and its quartiles."""
    if values["median"] is None:
        return "-"
    middle, low, high = (f"{float(f'{values[key] or 0.0:.{digits}g}'):,g}" for key in ("median", "q1", "q3"))
    return f"{middle} ({low}-{high})"
