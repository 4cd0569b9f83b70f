"""How fast is ``stylize --engine ray`` beside the plain folder mode, and what does a photograph of 12 megapixels take?

    taskset -c 1 python scripts/fleet.py folder --photos photos/ --count 200 --turns 3
    python scripts/fleet.py stages --photo photo.jpg

``folder`` paints the same photographs with ``lite`` by both, each turn in a process of its own, in turn. The start
(of Ray, workers, models) is told apart: the speed is that from a fifth of the pictures to the last. The seconds of
processors of all processes that take part are compared as well: on a machine with other work they say more than the
clock. ``stages`` times decoding, painting and encoding of one photograph of 4000 x 3000 pixels, in one thread.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from fastnst.devices import reuse_memory
from fastnst.fleet import stylize as fleet
from fastnst.images import check_output
from fastnst.inference import folder as plain
from fastnst.inference.job import StylizeJob
from fastnst.inference.manifest import NAME
from fastnst.inference.plan import plan_folder
from fastnst.inference.stages import decode, encode, paint

WARM = 0.2
"""Share of the pictures after which the clock starts."""


def seconds_of(processes: list[int]) -> float:
    """Return the processor seconds of processes and all below them, those that have ended included."""
    children: dict[str, list[str]] = {}
    spent: dict[str, float] = {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split() if entry.name.isdigit() else []
        except OSError:
            continue
        if fields:
            children.setdefault(fields[1], []).append(entry.name)
            spent[entry.name] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    total, ahead = 0.0, [str(process) for process in processes]
    while ahead:
        one = ahead.pop()
        total += spent.get(one, 0.0)
        ahead += children.get(one, [])
    return total


def turn(engine: str, photos: Path, model: str, cluster: int | None) -> dict[str, Any]:
    """Paint a folder by one engine, in this process; return what it took."""
    processes = [os.getpid(), *([cluster] if cluster and engine == "ray" else [])]
    with tempfile.TemporaryDirectory() as out:
        top, marks = Path(out) / "out", list[tuple[int, float, float]]()
        tasks = plan_folder([str(photos)], str(top)).tasks
        job = StylizeJob(tasks, model, manifest=top / NAME)

        def mark(result: Any) -> None:
            if not marks or result.done == len(tasks) or (len(marks) == 1 and result.done >= WARM * len(tasks)):
                marks.append((result.done, time.perf_counter(), seconds_of(processes)))

        begun = time.perf_counter()
        result = fleet.run(job, mark, folder=top) if engine == "ray" else plain.run(job, mark)
        taken = time.perf_counter() - begun
        assert len(result.painted) == len(tasks), result.failed[:3]
    (first, began, cpu), (last, ended, cpu_then) = marks[1], marks[-1]
    return {
        "engine": engine,
        "per_second": (last - first) / (ended - began),
        "cpu_per_picture": (cpu_then - cpu) / (last - first),
        "start": began - begun - first * (ended - began) / (last - first),
        "seconds": taken,
    }


def compare(photos: Path, count: int, turns: int, model: str, cluster: int | None) -> None:
    """Print both engines' speed, turn by turn and as medians."""
    with tempfile.TemporaryDirectory() as folder:
        files = sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))[:count]
        for number, file in enumerate(files):
            shutil.copy(file, Path(folder) / f"{number:04}{file.suffix}")
        print(f"{len(files)} photographs, {model}, {torch.get_num_threads()} threads", flush=True)
        told: list[dict[str, Any]] = []
        for number in range(2 * turns):
            engine = ("folder", "ray")[(number + number // 2) % 2]  # each goes first as often as the other
            words = [sys.executable, __file__, "turn", "--engine", engine, "--photos", folder, "--model", model]
            words += ["--cluster", str(cluster)] if cluster else []
            told.append(json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1]))
            print({key: round(value, 3) if key != "engine" else value for key, value in told[-1].items()}, flush=True)
    for name in ("per_second", "cpu_per_picture", "start", "seconds"):
        by = {e: statistics.median(one[name] for one in told if one["engine"] == e) for e in ("folder", "ray")}
        print(f"{name}: folder {by['folder']:.3f}, ray {by['ray']:.3f}, ray / folder {by['ray'] / by['folder']:.3f}")


def stages(photo: Path, model: str, repeats: int) -> None:
    """Print the seconds of each stage of a photograph of 12 megapixels: of the processor, and of the clock."""
    torch.set_num_threads(1)
    reuse_memory()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "large.jpg", Path(folder) / "out.jpg"
        values = np.asarray(Image.open(photo).convert("RGB").resize((4000, 3000), Image.Resampling.BICUBIC), np.float32)
        grain = np.random.default_rng(0).normal(0, 4, values.shape)
        Image.fromarray((values + grain).clip(0, 255).astype(np.uint8)).save(source, quality=90)
        job = StylizeJob(model=model, device="cpu")
        painter = job.load()
        taken: dict[str, list[tuple[float, float]]] = {"decode": [], "paint": [], "encode": []}
        for _ in range(repeats + 1):
            pictures: Any = None
            for name, work in (
                ("decode", lambda given: decode(source, check_output(target), job)),
                ("paint", lambda given: paint(painter, given)),
                ("encode", lambda given: encode(given, target, {}, job)),
            ):
                before = time.process_time(), time.perf_counter()
                pictures = work(pictures)
                taken[name].append((time.process_time() - before[0], time.perf_counter() - before[1]))
        print(f"{source.stat().st_size / 1e6:.1f} MB in, {target.stat().st_size / 1e6:.1f} MB out, {model}")
        for name, values in taken.items():
            cpu, wall = (statistics.median(each[i] for each in values[1:]) for i in (0, 1))
            print(f"{name}: {cpu:.3f} s of a core, {wall:.3f} s by the clock")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("folder", "turn", "stages"))
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--photo", type=Path)
    parser.add_argument("--model", default="udnie", help="a bundled style, which are all of lite, or a file")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--engine", choices=("folder", "ray"))
    parser.add_argument(
        "--cluster", type=int, help="process that started the cluster of RAY_ADDRESS, whose time counts"
    )
    options = parser.parse_args()
    if options.what == "folder":
        compare(options.photos, options.count, options.turns, options.model, options.cluster)
    elif options.what == "turn":
        print(json.dumps(turn(options.engine, options.photos, options.model, options.cluster)))
    else:
        stages(options.photo, options.model, options.turns)


if __name__ == "__main__":
    main()
