"""The networks that were tried before ``lite`` became what it is, and what they cost.

    python scripts/frontier.py train --weights vgg19.safetensors --style starry_night.jpg --photos train.parquet \
        --val val.parquet
    python scripts/frontier.py plot

``train`` gives every variant the same few steps under the genuine VGG-19 (relu1_1, 2_1, 3_1; default weights; 128 px,
batch 4), judges it on held-out photographs at 256 px, times it at 512 px, and writes ``scripts/frontier.json``;
``plot`` draws ``scripts/frontier.svg`` from that and prints the table. Numbers are not all: sub-pixel outputs straight
from a quarter of the resolution can score well and show a lattice in flat skies, which is why there was one
resize-convolution in the first ``lite``, and why every step up is one today.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import matplotlib
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from time_to_quality import CHANNELS_LAST, Judge, batches
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from fastnst.devices import best_precision, fast_bfloat16
from fastnst.images import fit, read_image
from fastnst.networks import build_network
from fastnst.networks._base import TransformationNetwork
from fastnst.networks.layers import InstanceNorm, Inverted, Residual, Upsample, conv, conv_norm
from fastnst.networks.norm import Apply
from fastnst.training import Recipe, Training

matplotlib.use("Agg")

FILE = Path(__file__).with_suffix(".json")


class Bottleneck(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow = channels // 2
        layers = [*conv_norm(channels, narrow, 1), nn.ReLU(), *conv_norm(narrow, narrow, 3), nn.ReLU()]
        self.body = nn.Sequential(*layers, *conv_norm(narrow, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


BODIES: dict[str, Callable[[int], nn.Module]] = {
    "residual": Residual,
    "inverted": Inverted,
    "bottleneck": Bottleneck,
}
OUTPUTS: dict[str, Callable[[int, int], tuple[list[nn.Module], nn.Module]]] = {
    "blocks of 4x4": lambda c, d: ([], nn.Sequential(conv(c, 48, 3), nn.PixelShuffle(4))),
    "4x4, then 3x3": lambda c, d: ([conv(c, 16 * d, 1), nn.PixelShuffle(4), nn.ReLU()], conv(d, 3, 3)),
    "blocks of 2x2 twice": lambda c, d: (
        [conv(c, 4 * d, 1), nn.PixelShuffle(2), InstanceNorm(d), nn.ReLU()],
        nn.Sequential(conv(d, 12, 3), nn.PixelShuffle(2)),
    ),
    "resize, 2x2": lambda c, d: ([Upsample(c, d), nn.ReLU()], nn.Sequential(conv(d, 12, 3), nn.PixelShuffle(2))),
    "resize twice": lambda c, d: ([Upsample(c, d), nn.ReLU(), Upsample(d, d // 2), nn.ReLU()], conv(d // 2, 3, 3)),
}


class Variant(TransformationNetwork):
    size_multiple = 4
    min_size = 16

    def __init__(self, width: int, blocks: int, body: str, output: str, detail: int, strided: bool = False) -> None:
        super().__init__()
        stem = [nn.PixelUnshuffle(4), *conv_norm(48, width, 3)]
        if strided:
            stem = [*conv_norm(3, 16, 5, 2), nn.ReLU(), *conv_norm(16, width, 3, 2)]
        up, self.output = OUTPUTS[output](width, detail)
        body_ = [BODIES[body](width) for _ in range(blocks)]
        self.layers = nn.Sequential(*stem, nn.ReLU(), *body_, nn.ReLU(), *up)
        last = next(m for m in self.output.modules() if isinstance(m, nn.Conv2d))
        nn.init.constant_(last.bias, 0.5)
        phases = last.out_channels // 3
        with torch.no_grad():
            filters = last.weight.unflatten(0, (3, phases))
            filters.copy_(filters[:, :1].expand_as(filters).clone())

    def transform(self, images: Tensor, norms: Apply) -> Tensor:  # a variant takes no style code
        dtype = next(self.layers.parameters()).dtype
        return self.output(self.layers(images.to(dtype)).float())


VARIANTS: dict[str, Callable[[], TransformationNetwork]] = {
    "johnson, width 8": lambda: build_network("johnson", width=8),
    "residual 48 x4, blocks of 4x4": lambda: Variant(48, 4, "residual", "blocks of 4x4", 24),
    "residual 32 x4, blocks of 4x4": lambda: Variant(32, 4, "residual", "blocks of 4x4", 24),
    "inverted 48 x5, blocks of 4x4": lambda: Variant(48, 5, "inverted", "blocks of 4x4", 24),
    "bottleneck 64 x5, blocks of 4x4": lambda: Variant(64, 5, "bottleneck", "blocks of 4x4", 24),
    "residual 48 x3, 4x4, then 3x3": lambda: Variant(48, 3, "residual", "4x4, then 3x3", 6),
    "inverted 48 x4, blocks of 2x2 twice": lambda: Variant(48, 4, "inverted", "blocks of 2x2 twice", 24),
    "residual 48 x3, resize, 2x2": lambda: Variant(48, 3, "residual", "resize, 2x2", 24),
    "bottleneck 64 x4, resize, 2x2": lambda: Variant(64, 4, "bottleneck", "resize, 2x2", 24),
    "inverted 64 x4, resize, 2x2": lambda: Variant(64, 4, "inverted", "resize, 2x2", 16),
    "inverted 48 x4, resize, 2x2 (24)": lambda: Variant(48, 4, "inverted", "resize, 2x2", 24),
    "inverted 48 x4, resize, 2x2 (16)": lambda: Variant(48, 4, "inverted", "resize, 2x2", 16),
    "inverted 48 x4, strided, resize, 2x2": lambda: Variant(48, 4, "inverted", "resize, 2x2", 16, strided=True),
    "inverted 48 x4, resize twice": lambda: Variant(48, 4, "inverted", "resize twice", 24),
    "lite": lambda: build_network("lite1"),
}


def train(options: argparse.Namespace) -> None:
    style = fit(read_image(options.style), shorter=384)
    judge = Judge(options.weights, style, options.val, (256,), 24)
    rows = []
    for name, make in VARIANTS.items():
        torch.manual_seed(0)
        network = make().to(memory_format=CHANNELS_LAST)
        training = Training(network, judge.targets, Recipe(grow=0), best_precision(torch.device("cpu")))
        for step, images in enumerate(islice(batches(options.photos, 128), options.steps)):
            training(images, step / options.steps)
        rows.append({"name": name, "kmacs": kmacs(make()), "objective": judge(network)[256]})
        print(rows[-1], flush=True)
    for row, milliseconds in zip(rows, times(), strict=True):
        row["ms"] = milliseconds
    FILE.write_text(json.dumps({"steps": options.steps, "rows": rows}, indent=2) + "\n")


def kmacs(network: nn.Module) -> float:
    """Return thousands of multiply-adds per pixel."""
    with FlopCounterMode(display=False) as counter:
        network(torch.rand(1, 3, 256, 256))
    return round(counter.get_total_flops() / 2 / 256**2 / 1e3, 2)


@torch.inference_mode()
def times(turns: int = 15) -> list[float]:
    """Return the milliseconds of each variant for 512x512 pixels, medians of turns taken one after another."""
    networks = [make().eval().to(memory_format=CHANNELS_LAST) for make in VARIANTS.values()]
    if fast_bfloat16(torch.device("cpu")):
        for network in networks:
            network.compute_in(torch.bfloat16)
    image = torch.rand(1, 3, 512, 512).contiguous(memory_format=CHANNELS_LAST)
    seconds: list[list[float]] = [[] for _ in networks]
    for _ in range(turns):
        for network, own in zip(networks, seconds, strict=True):
            start = time.perf_counter()
            network(image)
            own.append(time.perf_counter() - start)
    return [round(1000 * statistics.median(own[1:]), 1) for own in seconds]


def plot() -> None:
    """Draw the objective over milliseconds, and print the table in Markdown."""
    rows = sorted(json.loads(FILE.read_text())["rows"], key=lambda row: row["ms"])
    print("| network | kMAC per pixel | ms at 512 px | objective |\n|---|---|---|---|")
    for row in rows:
        print(f"| {row['name']} | {row['kmacs']:.1f} | {row['ms']:.0f} | {row['objective']:.2f} |")
    draw(rows).savefig(FILE.with_suffix(".svg"), metadata={"Date": None})


def draw(rows: list[dict[str, Any]]) -> Figure:
    """Place each network by cost and objective: red is ``lite``, blue what no faster network betters."""
    plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "frontier", "font.size": 9})
    figure, axes = plt.subplots(figsize=(9, 5), layout="constrained")
    most = max(row["ms"] for row in rows)
    axes.set(xlabel="milliseconds for 512x512 pixels", ylabel="objective under VGG-19", xlim=(0, 1.55 * most))
    axes.grid(axis="y", color="#eee")
    heights, height = {}, 0.0
    line = 0.045 * (max(row["objective"] for row in rows) - min(row["objective"] for row in rows))
    for row in sorted(rows, key=lambda row: row["objective"]):
        height = heights[row["name"]] = max(row["objective"], height + line)
    best = float("inf")
    for row in sorted(rows, key=lambda row: row["ms"]):
        name, place = row["name"], (row["ms"], row["objective"])
        color = "#c00" if name == "lite" else "#06c" if place[1] < best else "#999"
        best = min(best, place[1])
        axes.plot(*place, "o", color=color, gid=name)
        axes.annotate(
            name, place, (1.08 * most, heights[name]), va="center", color=color,
            arrowprops={"arrowstyle": "-", "color": color, "lw": 0.4, "relpos": (0, 0.5)},
        )  # fmt: skip
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    training = commands.add_parser("train")
    for name in ("--weights", "--style", "--photos", "--val"):
        training.add_argument(name, required=True)
    training.add_argument("--steps", type=int, default=250)
    commands.add_parser("plot")
    options = parser.parse_args()
    if options.command == "train":
        train(options)
    plot()


if __name__ == "__main__":
    main()
