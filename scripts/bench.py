"""Measure training and stylization against the usual public recipe, in one run.

    python scripts/bench.py train [--json FILE]
    python scripts/bench.py stylize [--json FILE]

Contenders take turns, and each figure is the median of its turns, because machines are shared and noisy. The baseline
is what most programs do: float32, contiguous layout, eager, Johnson's network, VGG-16 through relu4_3 run over both the
photographs and the paintings, batch 4, 256 px. Weights are random: speed does not depend on them.

``times_baseline`` is the ratio within the run; ``share_of_limit`` is the arithmetic done per second as a share of what
a large convolution reaches on this machine in the same precision.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import vgg16

from fastnst.backbones import BACKBONES
from fastnst.checkpoint import Metadata
from fastnst.devices import fast_bfloat16, pick_device
from fastnst.inference import Stylizer
from fastnst.losses import GramLoss, PerceptualLoss
from fastnst.networks import build_network
from fastnst.networks.layers import InstanceNorm

BATCH, SIZE = 4, 256
STYLE_LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
CHANNELS = (64, 128, 256, 512)


@dataclass
class Row:
    name: str
    value: float
    unit: str
    times_baseline: float
    share_of_limit: float


@dataclass
class Contender:
    """One call of ``work`` is one turn; ``precision`` is what its arithmetic is done in."""

    name: str
    work: Callable[[], object]
    precision: torch.dtype = torch.float32


class PlainVGG(nn.Module):
    """VGG-16 through relu4_3 as most programs slice it."""

    def __init__(self) -> None:
        super().__init__()
        self.features = vgg16(weights=None).features[:23].requires_grad_(False)

    def forward(self, x: Tensor) -> list[Tensor]:
        found = []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in (3, 8, 15, 22):
                found.append(x)
        return found


def plain_gram(y: Tensor) -> Tensor:
    b, c, h, w = y.size()
    flat = y.view(b, c, h * w)
    return flat.bmm(flat.transpose(1, 2)) / (c * h * w)


def plain_network() -> nn.Module:
    """Return Johnson's network with torch's own layers."""

    def plain(module: nn.Module) -> nn.Module:
        for name, child in module.named_children():
            if isinstance(child, InstanceNorm):
                setattr(module, name, nn.InstanceNorm2d(len(child.weight), affine=True))
            elif isinstance(child, nn.ReLU):
                setattr(module, name, nn.ReLU())
            else:
                plain(child)
        return module

    return plain(build_network("johnson"))


def plain_step(device: torch.device) -> Callable[[], object]:
    """Return one optimizer step of the usual recipe."""
    network, vgg = plain_network().to(device), PlainVGG().to(device)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    x = torch.rand(BATCH, 3, SIZE, SIZE, device=device)
    grams = [plain_gram(f) for f in vgg(torch.rand(1, 3, SIZE, SIZE, device=device))]

    def step() -> None:
        optimizer.zero_grad()
        y = network(x)
        ours, theirs = vgg(y), vgg(x)
        content = 1e5 * F.mse_loss(ours[1], theirs[1])
        style = sum(F.mse_loss(plain_gram(f), g.expand(BATCH, -1, -1)) for f, g in zip(ours, grams, strict=True))
        (content + 1e10 * style).backward()
        optimizer.step()

    return step


def our_step(device: torch.device) -> Callable[[], object]:
    """Return one optimizer step of fastnst on the same objective (configs/papers/pytorch_examples.yaml)."""
    layout = torch.channels_last
    style = {layer: 1e10 / channels**2 for layer, channels in zip(STYLE_LAYERS, CHANNELS, strict=True)}
    backbone = BACKBONES["vgg16"]("max", "zeros")
    loss = (
        PerceptualLoss(backbone, {"relu2_2": 1e5}, style, GramLoss(), units="raw").to(device).to(memory_format=layout)
    )
    network = build_network("johnson").to(device).to(memory_format=layout)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    photos = torch.rand(BATCH, 3, SIZE, SIZE, device=device).contiguous(memory_format=layout)
    target = loss.style_target(torch.rand(1, 3, SIZE, SIZE, device=device))
    mixed = fast_bfloat16(device)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            report = loss(network(photos), loss.content_target(photos), target)
        report.total.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()

    return step


def bench_train(device: torch.device, turns: int) -> list[Row]:
    precision = torch.bfloat16 if fast_bfloat16(device) else torch.float32
    contenders = [
        Contender("train/baseline", plain_step(device)),
        Contender("train/quality", our_step(device), precision),
    ]
    times = measure(contenders, turns, device)
    return [row(c, times, BATCH, "images/s", device) for c in contenders]


def bench_stylize(device: torch.device, turns: int) -> list[Row]:
    rows = []
    for size in (256, 512, 1024):
        plain = plain_network().eval().to(device)
        stylizer = Stylizer(build_network("johnson"), Metadata({}), device.type)
        image = torch.rand(1, 3, size, size, device=device)
        contenders = [
            Contender(f"stylize/baseline/{size}", lambda net=plain, x=image: no_grad(net, x)),
            Contender(
                f"stylize/johnson/{size}",
                lambda paint=stylizer, x=image: paint(x),
                getattr(torch, stylizer.precision),
            ),
        ]
        times = measure(contenders, turns if size < 1024 else max(3, turns // 2), device)
        rows += [row(c, times, 1, "ms", device) for c in contenders]
    return rows


@torch.no_grad()
def no_grad(network: nn.Module, image: Tensor) -> Tensor:
    return network(image).clamp(0, 1)


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


def row(contender: Contender, times: dict[str, float], images: int, unit: str, device: torch.device) -> Row:
    seconds = times[contender.name]
    baseline = next(value for name, value in times.items() if "baseline" in name)
    with FlopCounterMode(display=False) as counter:
        contender.work()
    share = counter.get_total_flops() / seconds / peak(contender.precision, device)
    value = images / seconds if unit == "images/s" else 1000 * seconds
    return Row(contender.name, round(value, 2), unit, round(baseline / seconds, 2), round(share, 2))


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "stylize"])
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--device")
    parser.add_argument("--json", type=argparse.FileType("w"))
    options = parser.parse_args()
    device = pick_device(options.device)
    rows = {"train": bench_train, "stylize": bench_stylize}[options.what](device, options.turns)
    print(f"{'':24}{'':>10} {'':9}{'times':>10}{'share of':>10}")
    print(f"{'row':24}{'value':>10} {'unit':9}{'baseline':>10}{'limit':>10}")
    for r in rows:
        print(f"{r.name:24}{r.value:10.2f} {r.unit:9}{r.times_baseline:10.2f}{r.share_of_limit:10.2f}")
    print(machine(device))
    if options.json:
        json.dump({"machine": machine(device), "rows": [asdict(r) for r in rows]}, options.json, indent=2)


if __name__ == "__main__":
    main()
