"""Measure fastnst against the usual public recipe, in one run.

    python scripts/bench.py train|stylize|optimize|memory|loader|folder [--json FILE] [--device cuda]
        [--precision float32]

The baseline is what most programs do: float32, contiguous layout, eager; Johnson's network against VGG-16 through
relu4_3 run over both the photographs and the paintings, batch 4, 256 px. Every contender has a process of its own, they
take turns, and each figure is the median of its turns, because machines are shared and noisy. Weights are random: speed
does not depend on them.

``train/fast, corners`` is a step of the first half of a run, which sees a quarter of each crop; a whole run makes the
mean of both rows' images/s.

``folder`` rows are photographs of 640x480 from JPEG files to files, by a loop and by ``fastnst stylize``.

``times`` is the ratio to the baseline within the run; ``share`` is the arithmetic done per second as a share of what a
large convolution reaches on this machine in the same precision. ``largest`` and ``mean`` say how far what is painted
is from what torch paints in float32, in levels of 255. ``memory`` is the peak of one training step, and of
painting 1920x1080, over what a process holds that has only imported torch. ``target`` rows are whole optimizations of
512 px until the objective that L-BFGS (history 100, from the photograph, float32) has after 200 evaluations; those
without ``times`` end before, at the objective in the row's name.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import numpy as np
import torch
from bench_process import PEAKS, Contender, Process, machine, medians, peak
from bench_recipes import BATCH
from bench_target import Pair, alone, ours, plain
from PIL import Image

from fastnst.devices import Precision, fast_bfloat16, pick_device

SIZES = {"256": (256, 256), "512": (512, 512), "1024": (1024, 1024), "1080p": (1080, 1920)}

NAMES: dict[torch.dtype, Precision] = {torch.float32: "float32", torch.bfloat16: "bfloat16"}


@dataclass
class Row:
    name: str
    value: float
    unit: str
    times: float | None = None
    share: float | None = None
    largest: int | None = None
    mean: float | None = None


def training(device: torch.device) -> list[Contender]:
    precision = best_precision(device)
    return [
        Contender("train/baseline", "plain_step", ()),
        Contender("train/quality", "our_step", ("pytorch_examples", NAMES[precision], 0.0), precision),
        Contender("train/fast", "our_step", ("fast", NAMES[precision], 0.0), precision),
        Contender("train/fast, corners", "our_step", ("fast", NAMES[precision], 1.0), precision),
    ]


def painting(size: str, device: torch.device, networks: Sequence[str] = ("johnson", "lite")) -> list[Contender]:
    found = [Contender(f"stylize/baseline/{size}", "plain_painting", SIZES[size])]
    for network in networks:
        for engine, precision in engines(device):
            name = f"stylize/{network}/{size}/{engine} {precision}"
            dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
            found.append(Contender(name, "our_painting", (network, engine, precision, *SIZES[size]), dtype))
    return found


def engines(device: torch.device) -> list[tuple[str, str]]:
    """List what paints here, and in which numbers."""
    found = [("torch", "float32")] + ([("torch", "bfloat16")] if fast_bfloat16(device) else [])
    if device.type != "cpu":
        return found
    found += [("onnx", precision) for precision in ("float32", "int8") if find_spec("onnxruntime")]
    if find_spec("openvino"):
        found += [("openvino", "float32")] + ([("openvino", "bfloat16")] if fast_bfloat16(device) else [])
        found += [("openvino", "int8")] if find_spec("onnxruntime") else []
    return found


def evaluating() -> list[Contender]:
    ours = [Contender(f"optimize/{name}/512", "our_evaluation", (name, 512)) for name in ("vgg19", "compact")]
    return [Contender("optimize/baseline/512", "plain_evaluation", (512,)), *ours]


ASKED: dict[str, torch.dtype] = {}
"""The precision that the command line asks for, if it does."""


def best_precision(device: torch.device) -> torch.dtype:
    return ASKED.get("precision") or (torch.bfloat16 if fast_bfloat16(device) else torch.float32)


def bench_train(device: torch.device, turns: int) -> list[Row]:
    return compare(training(device), turns, device, lambda seconds: (BATCH / seconds, "images/s"))


def bench_stylize(
    device: torch.device, turns: int, sizes: Sequence[str] = tuple(SIZES), networks: Sequence[str] = ("johnson", "lite")
) -> list[Row]:
    groups = [painting(size, device, networks) for size in sizes]
    return [row for group in groups for row in compare(group, turns, device, milliseconds, True)]


def bench_optimize(device: torch.device, turns: int) -> list[Row]:
    """Measure one evaluation of the loss and its gradient."""
    return compare(evaluating(), turns, device, milliseconds)


def bench_target(pair: Pair, device: torch.device) -> list[Row]:
    """Measure the seconds to what L-BFGS reaches, free and clipped: by the default settings, and from a network."""
    baselines = {name: alone(plain, pair, device, name == "clipped") for name in ("free", "clipped")}
    contenders = {"default": replace(pair, model=None)} | ({"from a network": pair} if pair.model else {})
    goals = [goal for goal, _ in baselines.values()]
    met = {name: alone(ours, own, device, goals) for name, own in contenders.items()}
    found = []
    for i, (baseline, (goal, seconds)) in enumerate(baselines.items()):
        found.append(Row(f"target/{goal:.4g}/L-BFGS, {baseline}", round(seconds, 1), "s", 1.0))
        for name, results in met.items():
            reached, took = results[i]
            times = round(seconds / took, 1) if reached <= goal else None
            found.append(Row(f"target/{reached:.4g}/{name}", round(took, 1), "s", times))
    return found


def bench_memory(device: torch.device, turns: int) -> list[Row]:
    found = []
    for group in (training(device), painting("1080p", device)):
        peaks = [peak_memory(contender, device) / 2**20 for contender in group]
        ratios = [round(peaks[0] / peak, 2) for peak in peaks]
        found += [Row(c.name, round(p), "MiB", r) for c, p, r in zip(group, peaks, ratios, strict=True)]
    return found


def bench_loader(device: torch.device, turns: int, count: int = 400) -> list[Row]:
    """Measure the crops per second of one worker from JPEG files of 480x360, with nothing else to do."""
    from fastnst.data.module import ImageDataModule  # not above: every process of a contender imports this file

    rng, found = np.random.default_rng(0), []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(40):
            small = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
            small.resize((480, 360), Image.Resampling.BICUBIC).save(Path(folder) / f"{i}.jpg", quality=90)
        for size in (128, 256):
            data = ImageDataModule(folder, size=size, batch_size=4, workers=1)
            data.setup()
            batches = iter(data.train_dataloader())
            for _ in range(8):
                next(batches)
            start = time.perf_counter()
            for _ in range(count // 4):
                next(batches)
            found.append(Row(f"loader/{size}", round(count / (time.perf_counter() - start)), "images/s"))
    return found


def bench_folder(
    device: torch.device, turns: int, count: int = 50, networks: Sequence[str] = ("lite", "johnson")
) -> list[Row]:
    """Measure the pictures per second from files to files, against a loop over the same three stages."""
    found = []
    for network, fmt in product(networks, ("jpg", "png")):
        contenders = [
            Contender(f"folder/{network}/{fmt}/{name}", recipe, (network, fmt, count), best_precision(device))
            for name, recipe in (("loop", "serial_folder"), ("fastnst", "our_folder"))
        ]
        found += compare(contenders, turns, device, lambda seconds: (count / seconds, "images/s"))
    return found


def milliseconds(seconds: float) -> tuple[float, str]:
    return 1000 * seconds, "ms"


def compare(
    contenders: list[Contender],
    turns: int,
    device: torch.device,
    figure: Callable[[float], tuple[float, str]],
    apart: bool = False,
) -> list[Row]:
    """Let contenders take turns, the first of them being the baseline; a first turn is not counted.

    Args:
        apart: Say how far what they paint is from what the same network paints by torch in float32.
    """
    processes = [Process(contender, device) for contender in contenders]
    for process in processes:
        process.ask("seconds")
    seconds = medians(processes, turns)
    found = []
    for process, own in zip(processes, seconds, strict=True):
        value, unit = figure(own)
        operations = process.ask("operations")  # none are seen where torch does not compute
        share = operations / own / peak(process.contender.precision, device) if operations else None
        found.append(
            Row(process.contender.name, round(value, 2), unit, round(seconds[0] / own, 2), share and round(share, 2))
        )
    if apart:
        differ(processes[1:], found[1:])
    for process in processes:
        process.close()
    return found


def differ(processes: Sequence[Process], rows: Sequence[Row]) -> None:
    """Note the difference of what each painted, in levels of 255, from the last one of torch in float32."""
    for process, row in zip(processes, rows, strict=True):
        painted = process.ask("painted")
        if process.contender.name.endswith("torch float32"):
            exact = painted
        difference = np.abs(painted - exact)
        row.largest, row.mean = int(difference.max()), round(float(difference.mean()), 2)


def peak_memory(contender: Contender, device: torch.device) -> int:
    process = Process(contender, device)
    for _ in range(3):
        process.ask("seconds")
    found = process.ask("memory")
    process.close()
    return found


BENCHES = {
    "train": bench_train,
    "stylize": bench_stylize,
    "optimize": bench_optimize,
    "memory": bench_memory,
    "loader": bench_loader,
    "folder": bench_folder,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=BENCHES)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--device")
    parser.add_argument("--precision", choices=NAMES.values(), help="of a training step, as on other processors")
    parser.add_argument("--count", type=int, default=50, help="photographs of a folder")
    parser.add_argument("--networks", nargs="+", choices=("lite", "johnson"), default=["lite", "johnson"],
        help="of folder and stylize")  # fmt: skip
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES),
        help="of stylize; all its processes hold their memory at the same time")  # fmt: skip
    parser.add_argument("--json", type=argparse.FileType("w"))
    parser.add_argument("--content", help="a photograph; with --style and --weights, optimize measures a whole run too")
    parser.add_argument("--style", help="a painting")
    parser.add_argument("--weights", help="file with VGG-19, its first layers at least")
    parser.add_argument("--model", help="a network trained on that painting, to begin with")
    options = parser.parse_args()
    device = pick_device(options.device)
    if options.precision:
        ASKED["precision"] = next(dtype for dtype, name in NAMES.items() if name == options.precision)
    more = {"networks": options.networks} if options.what in ("folder", "stylize") else {}
    more |= {"folder": {"count": options.count}, "stylize": {"sizes": options.sizes}}.get(options.what, {})
    found = BENCHES[options.what](device, options.turns, **more)
    if options.what == "optimize" and options.weights:
        found += bench_target(Pair(options.content, options.style, options.weights, options.model), device)
    print(f"{'row':40}{'value':>10} {'unit':9}{'times':>8}{'share':>8}{'largest':>8}{'mean':>8}")
    for r in found:
        print(f"{r.name:40}{r.value:10.2f} {r.unit:9}{r.times or '':>8}{r.share or '':>8}", end="")
        print(f"{'' if r.largest is None else r.largest:>8}{'' if r.mean is None else r.mean:>8}")
    where = machine(device) | {"peak_gflops": {str(d).removeprefix("torch."): round(v / 1e9) for d, v in PEAKS.items()}}
    print(where)
    if options.json:
        json.dump({"machine": where, "rows": [asdict(r) for r in found]}, options.json, indent=2)


if __name__ == "__main__":
    main()
