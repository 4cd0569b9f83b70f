"""Measure fastnst against the usual public recipe, in one run.

    python scripts/bench.py train|stylize|optimize|memory|loader [--json FILE] [--device cuda]

Contenders take turns, and each figure is the median of its turns, because machines are shared and noisy. The baseline
is what most programs do: float32, contiguous layout, eager; Johnson's network against VGG-16 through relu4_3 run over
both the photographs and the paintings, batch 4, 256 px. Weights are random: speed does not depend on them.

``times`` is the ratio to the baseline within the run (for memory, of the baseline to the row); ``share`` is the
arithmetic done per second as a share of what a large convolution reaches on this machine in the same precision. Rows
``_ov`` are those of the engine openvino.
"""

import argparse
import json
import platform
import statistics
import time
from dataclasses import asdict, dataclass
from importlib.util import find_spec

import torch
from bench_memory import PEAKS_OF, loader_rate, peak_memory
from bench_recipes import (
    BATCH,
    Work,
    our_evaluation,
    our_painting,
    our_step,
    plain_evaluation,
    plain_painting,
    plain_step,
)
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from fastnst.devices import fast_bfloat16, pick_device, reuse_memory

SIZES = {"256": (256, 256), "512": (512, 512), "1024": (1024, 1024), "1080p": (1080, 1920)}


@dataclass
class Row:
    name: str
    value: float
    unit: str
    times: float | None = None
    share: float | None = None


@dataclass
class Contender:
    """One call of ``work`` is one turn; ``precision`` is what its arithmetic is done in."""

    name: str
    work: Work
    precision: torch.dtype = torch.float32


def bench_train(device: torch.device, turns: int) -> list[Row]:
    precision = torch.bfloat16 if fast_bfloat16(device) else torch.float32
    contenders = [
        Contender("train/baseline", plain_step(device)),
        Contender("train/quality", our_step("papers/pytorch_examples", device), precision),
        Contender("train/fast", our_step("fast", device), precision),
    ]
    return rows(contenders, turns, device, lambda seconds: (BATCH / seconds, "images/s"))


def bench_stylize(device: torch.device, turns: int) -> list[Row]:
    found = []
    for name, (height, width) in SIZES.items():
        image = torch.rand(1, 3, height, width, device=device)
        contenders = [Contender(f"stylize/baseline/{name}", plain_painting(image))]
        for net in ("johnson", "lite"):
            contenders.append(Contender(f"stylize/{net}/{name}", *our_painting(net, image)))
            if device.type == "cpu" and find_spec("openvino"):
                contenders.append(Contender(f"stylize/{net}_ov/{name}", *our_painting(net, image, "openvino")))
        found += rows(contenders, turns if height < 1024 else max(3, turns // 2), device, _milliseconds)
    return found


def bench_optimize(device: torch.device, turns: int) -> list[Row]:
    contenders = [Contender("optimize/baseline/512", plain_evaluation(512, device))]
    contenders += [
        Contender(f"optimize/{name}/512", our_evaluation(name, 512, device), torch.float32)
        for name in ("vgg19", "compact")
    ]
    return rows(contenders, turns, device, _milliseconds)


def bench_memory(device: torch.device, turns: int) -> list[Row]:
    """Measure the most memory a process of its own holds, beyond what it holds with torch imported."""
    found = {name: peak_memory(name, device) for name in PEAKS_OF}
    return [
        Row(name, round(mebibytes), "MiB", round(found[f"{name.split('/')[0]}/baseline"] / mebibytes, 2))
        for name, mebibytes in found.items()
    ]


def bench_loader(device: torch.device, turns: int) -> list[Row]:
    """Measure how many crops per second one worker decodes and cuts, with nothing else to do."""
    return [Row(f"loader/{size}", round(loader_rate(size)), "images/s") for size in (128, 256)]


def _milliseconds(seconds: float) -> tuple[float, str]:
    return 1000 * seconds, "ms"


def measure(contenders: list[Contender], turns: int, device: torch.device) -> dict[str, float]:
    """Return the median seconds of one turn, the contenders taking turns; the first turn is not counted."""
    seconds: dict[str, list[float]] = {c.name: [] for c in contenders}
    for turn in range(turns + 1):
        for contender in contenders:
            synchronize(device)
            start = time.perf_counter()
            contender.work()
            synchronize(device)
            if turn:
                seconds[contender.name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def rows(contenders: list[Contender], turns: int, device: torch.device, figure) -> list[Row]:
    """Measure contenders, of which the first is the baseline."""
    times = measure(contenders, turns, device)
    found = []
    for contender in contenders:
        seconds = times[contender.name]
        with FlopCounterMode(display=False) as counter:
            contender.work()
        flops = counter.get_total_flops()  # none where OpenVINO computes
        share = round(flops / seconds / peak(contender.precision, device), 2) if flops else None
        value, unit = figure(seconds)
        ratio = times[contenders[0].name] / seconds
        found.append(Row(contender.name, round(value, 2), unit, round(ratio, 2), share))
    return found


PEAKS: dict[torch.dtype, float] = {}


def peak(dtype: torch.dtype, device: torch.device) -> float:
    """Measure the operations per second of a large convolution, the machine's own limit."""
    if dtype not in PEAKS:
        conv = nn.Conv2d(256, 256, 3, padding=1).to(device, dtype).to(memory_format=torch.channels_last)
        x = torch.rand(8, 256, 64, 64, device=device, dtype=dtype).contiguous(memory_format=torch.channels_last)
        seconds = measure([Contender("conv", lambda: no_grad_conv(conv, x))], 9, device)["conv"]
        PEAKS[dtype] = 2 * 9 * 256 * 256 * 64 * 64 * 8 / seconds
    return PEAKS[dtype]


@torch.no_grad()
def no_grad_conv(conv: nn.Conv2d, x: Tensor) -> Tensor:
    return conv(x)


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def machine(device: torch.device) -> dict[str, object]:
    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "device": f"{device.type}: {name}",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "peak_gflops": {str(dtype).removeprefix("torch."): round(value / 1e9) for dtype, value in PEAKS.items()},
        "date": time.strftime("%Y-%m-%d"),
    }


BENCHES = {
    "train": bench_train,
    "stylize": bench_stylize,
    "optimize": bench_optimize,
    "memory": bench_memory,
    "loader": bench_loader,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=BENCHES)
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--device")
    parser.add_argument("--json", type=argparse.FileType("w"))
    options = parser.parse_args()
    device = pick_device(options.device)
    reuse_memory()
    found = BENCHES[options.what](device, options.turns)
    print(f"{'row':24}{'value':>10} {'unit':9}{'times':>8}{'share':>8}")
    for r in found:
        print(f"{r.name:24}{r.value:10.2f} {r.unit:9}{r.times or '':>8}{'' if r.share is None else r.share:>8}")
    print(machine(device))
    if options.json:
        json.dump({"machine": machine(device), "rows": [asdict(r) for r in found]}, options.json, indent=2)


if __name__ == "__main__":
    main()
