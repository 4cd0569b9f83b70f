"""How soon is an unseen style good? From the shared start, and from random weights.

    python scripts/adapt.py --paintings paintings_val.parquet styles/ --photos photos_train.parquet \
        --val photos_val.parquet --content amber.jpg chicago.jpg --out adapt/
    python scripts/adapt.py --out adapt/ --report

For every held-out painting ``fastnst train --time_budget`` is run from the shared start for {nothing, 20 s, 60 s,
3 min} and from random weights for {1, 3, 10 min}, each anew, because the learning rate falls over the whole run. The
clock counts steps and waiting for photographs, neither preparation nor judging. All are judged by one objective, the
default one, in float32 on the same held-out photographs, with the same content scales.

Eighteen minutes a style: so a line for each run goes to OUT/results.jsonl, and the same command goes on where it
stands; these lines and run.json alone are enough for that. All styles get the short runs before any gets a long one,
and styles of all sources come in turn, so that a part is a fair sample. Beside it: the networks, what they make of the
content photographs at 512 px (pictures/STYLE/START_TIME/PHOTO.png), report.md with medians, quartiles and wins, a
figure and a sheet.

Let nothing else run on the machine meanwhile.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from adapt_pictures import network_file, paint, read_contents
from adapt_report import read_rows, write_report
from adapt_runs import Bench, Run, read_styles
from bench_process import machine
from bench_recipes import SIZE

from fastnst.checkpoint import save_checkpoint
from fastnst.devices import reuse_memory
from fastnst.errors import ConfigError
from fastnst.images import write_image
from fastnst.training.pictures import StylePicture

BUDGETS = ["shared:instant", "shared:20s", "shared:60s", "shared:3m", "random:1m", "random:3m", "random:10m"]


def run(options: argparse.Namespace) -> None:
    """Make the runs that are not made yet, a line for each."""
    reuse_memory()
    bench = Bench(options)
    begin(options.out, bench.facts(any(one.start == "shared" for one in options.budgets)))
    styles = chosen(options, bench.model["style_size"])
    for style in styles:
        write_image(style.image, options.out / "styles" / f"{style.name}.png")
    contents = read_contents(options.content, options.out)
    results = options.out / "results.jsonl"
    mend(results)
    done = read_rows(results)
    for style, name in done:
        paint(options.out, style, name, contents)
    missing = [(one, style) for one, style in ordered(options.budgets, styles) if (style.name, one.name) not in done]
    if any(one.amount for one, _ in missing):
        bench.warm_up(styles[0])
    for one, style in missing:
        network, row = bench.train(one, style)
        file = network_file(options.out, style.name, one.name)
        save_checkpoint(file, network, bench.metadata(network, style, row))
        with results.open("a") as lines:
            lines.write(json.dumps(row) + "\n")
        paint(options.out, style.name, one.name, contents)
        print(f"{one.name:16} {style.name:24} {row['steps']:5} steps  {row['loss']:.3f}", flush=True)


def ordered(runs: list[Run], styles: list[StylePicture]) -> Iterator[tuple[Run, StylePicture]]:
    """Yield all runs of all styles, short ones first; those of one length in turn, style by style."""
    for amount in sorted({one.amount for one in runs}):
        for style in styles:
            yield from ((one, style) for one in runs if one.amount == amount)


def chosen(options: argparse.Namespace, size: int) -> list[StylePicture]:
    """Return the styles asked for."""
    styles = read_styles(options.paintings, size)
    if options.only:
        known = {style.name: style for style in styles}
        if unknown := set(options.only) - set(known):
            raise ConfigError(f"no style {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        styles = [known[name] for name in options.only]
    return styles[: options.styles]


def begin(out: Path, facts: dict[str, Any]) -> None:
    """Note machine and settings; refuse to go on with results of others. What nothing depended on so far may be set.

    Raises:
        ConfigError: They differ.
    """
    out.mkdir(parents=True, exist_ok=True)
    file, where = out / "run.json", machine(torch.device("cpu"))
    now = json.loads(json.dumps({"machine": where, "facts": facts}))
    if not file.is_file():
        file.write_text(json.dumps(now, indent=2) + "\n")
    before = json.loads(file.read_text())
    for kind, own in now.items():
        for key, value in own.items():
            old = before[kind].get(key)
            if old is None:
                before[kind][key] = value
            elif key != "date" and value not in (None, old):
                raise ConfigError(f"{out}: {key} was {old} and is {value} now; choose another --out")
    file.write_text(json.dumps(before, indent=2) + "\n")


def mend(results: Path) -> None:
    """Drop a last line that was cut short."""
    if results.is_file() and not (text := results.read_text()).endswith("\n"):
        results.write_text(text[: text.rfind("\n") + 1])


def read(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--out", type=Path, required=True)
    add("--report", action="store_true", help="only write the report of what is there")
    add("--budgets", nargs="+", type=Run.read, default=[Run.read(text) for text in BUDGETS], metavar="START:TIME",
        help=f"which runs to make, or to report on (default: {' '.join(BUDGETS)})")  # fmt: skip
    add("--paintings", nargs="+", metavar="SOURCE", help="held-out styles: folders, pictures, parquet files")
    add("--photos", help="to train on")
    add("--val", help="held-out photographs; some of --photos are set apart by default")
    add("--content", nargs="*", default=[], metavar="SOURCE", help="photographs to paint: folders or pictures")
    add("--styles", type=int, metavar="N", help="the first N styles alone")
    add("--only", nargs="+", metavar="NAME", help="these styles alone")
    add("--count", type=int, default=24, help="held-out photographs")
    add("--preset", default="fast", help="the config of fastnst train to follow")
    add("--init", default="shared", help="the shared start, or another file of that kind")
    add("--weights", help="of the loss's backbone, in place of the usual places")
    add("--size", type=int, default=SIZE, help="side of crops and held-out photographs")
    options = parser.parse_args(argv)
    if not options.report and not (options.paintings and options.photos):
        parser.error("missing --paintings and --photos; or give --report")
    return options


def main(argv: list[str] | None = None) -> None:
    options = read(argv)
    if not options.report:
        run(options)
    print(write_report(options.out, options.budgets))


if __name__ == "__main__":
    main()
