"""Paint a picture of 100 megapixels: memory, time against painting at once, differences, crops across tiles.

    taskset -c 1 python scripts/large.py --model starry_night --photos PHOTOS --out OUT

The large picture is painted by ``fastnst stylize`` in a process of its own, with a budget of memory. Time per megapixel
is compared at a size that fits into memory whole: processor time in processes of their own, in turns. Places where four
tiles meet are cut out to be looked at, and the step of values across the borders of tiles is
compared with those beside them.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from fastnst.images import find_files, open_image
from fastnst.inference import load
from fastnst.inference.passes import Plan
from fastnst.inference.tiled import tile_size
from fastnst.memory import parse_memory

Image.MAX_IMAGE_PIXELS = None

CODE = """
import json, sys, time
import numpy as np, torch
from fastnst.inference import load
from fastnst.devices import reuse_memory
from PIL import Image
reuse_memory()
source, out, memory, how = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
stylizer = load(**how)
values = np.asarray(Image.open(source))
start = time.process_time()
painted = stylizer.paint(values, memory=memory)
print(json.dumps({"seconds": time.process_time() - start}))
Image.fromarray(painted).save(out, compress_level=1)
"""


def make_picture(photos: list[Path], height: int, width: int, seed: int = 0) -> np.ndarray:
    """Tile photographs over a picture, each mirrored by chance and with noise of its own."""
    rng = np.random.default_rng(seed)
    result = np.empty((height, width, 3), np.uint8)
    row = 0
    while row < height:
        column, high = 0, min(700, height - row)
        while column < width:
            photo = np.asarray(open_image(photos[rng.integers(len(photos))]))
            photo = photo[:: rng.choice([1, -1]), :: rng.choice([1, -1])][:high, : width - column]
            grain = rng.normal(0, 6, photo.shape).astype(np.float32)
            part = (photo + grain).clip(0, 255).astype(np.uint8)
            part = np.pad(part, ((0, high - part.shape[0]), (0, 0), (0, 0)), mode="symmetric")
            result[row : row + high, column : column + part.shape[1]] = part
            column += part.shape[1]
        row += high
    return result


def paint_large(source: Path, out: Path, words: list[str]) -> dict[str, float]:
    """Run ``fastnst stylize`` and return its time and the most memory it had."""
    start = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "fastnst", "stylize", str(source), "-y", "--out", str(out), *words])
    _, status, used = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"fastnst stylize failed: {status}")
    seconds = used.ru_utime + used.ru_stime
    return {"wall_s": time.perf_counter() - start, "processor_s": seconds, "peak_mb": used.ru_maxrss / 1024}


def compare(source: Path, out: Path, how: dict[str, object], memory: int, rounds: int) -> dict[str, object]:
    """Paint one picture at once and in tiles, in turns."""
    times: dict[str, list[float]] = {"whole": [], "tiled": []}
    for _ in range(rounds):
        for name, budget in (("whole", 2**40), ("tiled", memory)):
            words = [str(source), str(out / f"{name}.png"), str(budget), json.dumps(how)]
            said = subprocess.run([sys.executable, "-c", CODE, *words], check=True, capture_output=True, text=True)
            times[name].append(json.loads(said.stdout)["seconds"])
    whole, tiled = (np.asarray(Image.open(out / f"{name}.png")).astype(int) for name in times)
    difference = np.abs(whole - tiled)
    megapixels = whole.shape[0] * whole.shape[1] / 1e6
    return {
        "megapixels": megapixels,
        **{f"{name}_s_per_megapixel": median(values) / megapixels for name, values in times.items()},
        "ratio": median(times["tiled"]) / median(times["whole"]),
        "times": times,
        "largest_difference": int(difference.max()),
        "mean_difference": float(difference.mean()),
    }


def tile_sides(how: Mapping[str, object], width: int, memory: str) -> tuple[int, int]:
    """Return height and width of the tiles of the last pass, which paints."""
    plan = Plan(load(**how).network)
    last = plan.passes[-1]
    return tile_size(width, last.halo, last.multiple, last.pixel_bytes, parse_memory(memory))


def look_at_borders(painted: Path, out: Path, high: int, wide: int, side: int = 600) -> dict[str, float]:
    """Cut out the places where four tiles meet, and compare the steps across borders with those beside them."""
    with Image.open(painted) as image:
        values = np.asarray(image)
    rows, columns = range(high, values.shape[0] - side, high), range(wide, values.shape[1] - side, wide)
    for number, (row, column) in enumerate(zip(rows[:: max(1, len(rows) // 4)], [*columns] * len(rows), strict=False)):
        top, left = max(0, row - side // 2), max(0, column - side // 2)
        Image.fromarray(values[top : top + side, left : left + side]).save(out / f"crop{number}.png")
    lines = [(values, row) for row in rows] + [(values.swapaxes(0, 1), column) for column in columns]
    return {"step_across_to_beside": float(np.median([step(*line) / around(*line) for line in lines]))}


def around(values: np.ndarray, row: int) -> float:
    """Return the mean step near a row, where the pixel grid has the same phase."""
    return float(np.mean([step(values, row + far) for far in (-12, -8, -4, 4, 8, 12)]))


def step(values: np.ndarray, row: int) -> float:
    """Return the mean difference between a row and the one before, in levels."""
    return float(np.abs(values[row].astype(int) - values[row - 1]).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--style", help="a picture to paint like")
    parser.add_argument("--photos", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--side", type=int, default=10000, help="of the large picture; 0 leaves it out")
    parser.add_argument("--small", type=int, default=2000, help="side of the picture for comparison; 0 leaves it out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", default="900MB")
    parser.add_argument("--small_memory", type=int, default=2**28, help="bytes, so few that tiles are needed")
    parser.add_argument("--precision", default="bfloat16")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    photos, report = find_files(options.photos) or [], {}
    named = {key: value for key in ("model", "style") if (value := getattr(options, key)) is not None}
    if options.small:
        source = options.out / "small.png"
        Image.fromarray(make_picture(photos, options.small, options.small)).save(source, compress_level=1)
        how = {**named, "precision": options.precision, "device": "cpu"}
        report["comparison"] = compare(source, options.out, how, options.small_memory, options.rounds)
        print(json.dumps(report, indent=1), flush=True)
    if options.side:
        source = options.out / "large.png"
        if not source.exists():
            Image.fromarray(make_picture(photos, options.side, options.side)).save(source, compress_level=1)
        words = [word for key, value in named.items() for word in (f"--{key}", value)]
        words += ["--memory", options.memory, "--precision", options.precision, "--device", "cpu"]
        report["large"] = paint_large(source, options.out / "painted.png", words)
        how = {**named, "precision": options.precision, "device": "cpu"}
        sides = tile_sides(how, options.side, options.memory)
        report["large"] |= look_at_borders(options.out / "painted.png", options.out, *sides)
    (options.out / "report.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
