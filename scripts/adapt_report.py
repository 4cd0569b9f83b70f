"""The report of ``adapt.py``: medians, quartiles, wins, a figure, from as many styles as there are."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from adapt_pictures import Rows, shown, write_sheet
from adapt_runs import Run
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

PAIRS = [
    (Run("shared", 0), Run("random", 60)),
    (Run("shared", 60), Run("random", 60)),
    (Run("shared", 60), Run("random", 600)),
    (Run("shared", 180), Run("random", 600)),
]
"""Which is expected at or below which."""

COLORS = {"shared": "#c00", "random": "#06c"}
NAMES = {"shared": "from the shared start", "random": "from random weights"}


def read_rows(file: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Return results by style and name of the run; a last line that was cut short is left out."""
    lines = file.read_text().splitlines(keepends=True) if file.is_file() else []
    rows = [json.loads(line) for line in lines if line.endswith("\n")]
    return {(row["style"], run_of(row).name): row for row in rows}


def run_of(row: dict[str, Any]) -> Run:
    return Run(row["start"], row["amount"], row["unit"])


def write_report(out: Path, asked: Sequence[Run]) -> str:
    """Write ``report.md``, ``adapt.svg`` and ``sheet.jpg`` from the results of the runs asked for; return the text."""
    rows = read_rows(out / "results.jsonl")
    there = {name for _, name in rows}
    runs = sorted({run for run in asked if run.name in there}, key=lambda run: (run.start != "shared", run.amount))
    if not runs:
        return "no results yet"
    styles = list(dict.fromkeys(style for style, _ in rows))
    whole = [style for style in styles if all((style, run.name) in rows for run in runs)]
    text = "\n\n".join([*_head(out, styles, whole, runs), _table(rows, whole, runs), _wins(rows, styles, runs)])
    text += "\n\n" + _by_style(rows, styles, runs) + "\n"
    (out / "report.md").write_text(text)
    if whole:
        draw(rows, whole, runs).savefig(out / "adapt.svg", metadata={"Date": None})
    write_sheet(out, styles, shown(runs), rows)
    return text


def _head(out: Path, styles: list[str], whole: list[str], runs: list[Run]) -> list[str]:
    about = json.loads((out / "run.json").read_text())
    machine, facts = about["machine"], about["facts"]
    photographs, loss = facts["photographs"], facts["loss"]
    first = (
        f"`adapt.py`, {machine['device']}, {machine['threads']} threads, torch {machine['torch']}, {machine['date']}; "
        f"network {facts['network']['name']}, objective under {loss['backbone']} (style weight "
        f"{loss['style_weight']:g}) on {photographs['held_out']} held-out photographs at {photographs['size']} px, in "
        f"float32; trained in {facts['recipe']['precision']}."
    )
    if len(whole) == len(styles):
        return [first, f"From {len(whole)} styles, all runs of each."]
    count = f"the medians are from the {len(whole)} that have all {len(runs)} runs" if whole else "none has all runs"
    return [first, f"**Not complete:** {len(styles)} styles are begun; {count}."]


def _table(rows: Rows, styles: list[str], runs: list[Run]) -> str:
    lines = ["| start | time | steps | first quartile | median | third quartile |", "|---|---|---|---|---|---|"]
    for run in runs if styles else []:
        low, middle, high = quartiles(rows, styles, run)
        steps = np.median([rows[style, run.name]["steps"] for style in styles])
        lines.append(f"| {run.start} | {run.time} | {steps:.0f} | {low:.2f} | **{middle:.2f}** | {high:.2f} |")
    return "\n".join(lines)


def _wins(rows: Rows, styles: list[str], runs: list[Run]) -> str:
    lines = ["| at or below | | ratio, median |", "|---|---|---|"]
    for ours, theirs in PAIRS:
        won, ratios = wins(rows, styles, ours, theirs)
        if ratios:
            pair = f"{ours.start} {ours.time}, of {theirs.start} {theirs.time}"
            lines.append(f"| {pair} | {won} of {len(ratios)} | {np.median(ratios):.2f} |")
    return "\n".join(lines)


def wins(rows: Rows, styles: Iterable[str], ours: Run, theirs: Run) -> tuple[int, list[float]]:
    """Return in how many styles one run is at or below another, and the ratio of their objectives in each."""
    pairs = [(rows.get((style, ours.name)), rows.get((style, theirs.name))) for style in styles]
    ratios = [one["loss"] / other["loss"] for one, other in pairs if one and other]
    return sum(ratio <= 1 for ratio in ratios), ratios


def quartiles(rows: Rows, styles: Iterable[str], run: Run) -> tuple[float, float, float]:
    low, middle, high = np.percentile([rows[style, run.name]["loss"] for style in styles], [25, 50, 75])
    return float(low), float(middle), float(high)


def _by_style(rows: Rows, styles: list[str], runs: list[Run]) -> str:
    head = "| style | " + " | ".join(f"{run.start} {run.time}" for run in runs) + " |"
    lines = [head, "|---" * (1 + len(runs)) + "|"]
    for style in styles:
        found = (rows.get((style, run.name)) for run in runs)
        lines.append(f"| {style} | " + " | ".join(f"{row['loss']:.2f}" if row else "" for row in found) + " |")
    return "\n".join(lines)


def draw(rows: Rows, styles: Sequence[str], runs: Sequence[Run]) -> Figure:
    """Draw median and quartiles over time for both starts; what is painted at once stands left of all times."""
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "adapt", "font.size": 9})
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    least = min((run.amount for run in runs if run.amount), default=1.0)
    places = {run: run.amount or least / 4 for run in runs}
    for start, color in COLORS.items():
        own = sorted((run for run in runs if run.start == start), key=lambda run: run.amount)
        if not own:
            continue
        low, middle, high = zip(*(quartiles(rows, styles, run) for run in own), strict=True)
        x = [places[run] for run in own]
        axes.fill_between(x, low, high, color=color, alpha=0.15, lw=0)
        axes.plot(x, middle, "o-", color=color, ms=4, label=NAMES[start], gid=start)
    axes.set(xscale="log", xlabel="time of training", ylabel="objective on held-out photographs")
    ticks = {places[run]: run.time for run in runs}
    axes.set_xticks(list(ticks), list(ticks.values()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="y", color="#eee")
    axes.set_title(f"median and quartiles of {len(styles)} style{'s' * (len(styles) != 1)}", fontsize=9)
    axes.legend(frameon=False)
    return figure
