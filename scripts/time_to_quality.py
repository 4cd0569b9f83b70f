"""How soon is a style good? Preset ``fast`` against the plain recipe, judged by the genuine VGG-19.

    python scripts/time_to_quality.py --weights vgg19.safetensors --style starry_night.jpg --photos train.parquet \
        --val val.parquet --fast 1 2 5 10 --plain 5 10 20 60 --json FILE

Both train on the clock; at the minutes named, the objective under VGG-19 (style relu1_1, 2_1, 3_1, content relu3_1,
default weights) is taken in float32 on held-out photographs at 256 and 512 px, outside the clock. The plain recipe is
Johnson's network trained directly on that objective as most programs do: float32, contiguous, eager, batch 4, 256 px,
Adam at 1e-3. ``fast`` never sees VGG-19: it trains under ``compact`` by the recipe of ``fastnst train --config fast
--time_budget TIME``, anew for each time named, because its learning rate falls over the whole run. Waiting for data
counts as it does there; validation, preparation and saving, which count there too, are left out here.

``--replay`` runs the plain recipe's steps in bfloat16 and channels-last, which is sooner, and charges each the time
that the plain step takes on this machine, measured first.
"""

import argparse
import json
import statistics
import time
from collections.abc import Iterator

import torch
from bench_process import machine
from bench_recipes import BATCH, SIZE, plain_network, preset
from torch import Tensor, nn

from fastnst.budget import Budget
from fastnst.data.module import ImageDataModule
from fastnst.devices import best_precision, pick_device, reuse_memory
from fastnst.images import fit, read_image
from fastnst.losses import LossConfig, PerceptualLoss
from fastnst.networks import build_network
from fastnst.training import Clock, Recipe, Training, step, take_targets

CHANNELS_LAST = torch.channels_last


class Judge:
    """The objective under genuine features, by size."""

    def __init__(self, weights: str, style: Tensor, val: str, sizes: tuple[int, ...], count: int) -> None:
        self.loss = LossConfig(backbone="vgg19", weights=weights).build().to(memory_format=CHANNELS_LAST)
        self.photos = {size: _held_out(val, size, count) for size in sizes}
        self.targets = take_targets(self.loss, style, self.photos[sizes[0]])

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> dict[int, float]:
        found = {}
        for size, photos in self.photos.items():
            parts = [photo.contiguous(memory_format=CHANNELS_LAST) for photo in photos.split(4)]
            totals = [float(step(network, x, self.targets).total) for x in parts]
            found[size] = round(statistics.fmean(totals), 4)
        return found


def _held_out(val: str, size: int, count: int) -> Tensor:
    data = ImageDataModule(val, val, size=size, val_count=count, workers=0)
    data.setup()
    return data.held_out


def train_plain(
    loss: PerceptualLoss, style: Tensor, photos: Iterator[Tensor], minutes: list[float], judge: Judge, replay: bool
) -> Iterator[dict[str, object]]:
    torch.manual_seed(0)
    network = plain_network()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    targets = take_targets(loss, style, judge.photos[SIZE], judge.targets.scales)

    def descend(images: Tensor, mixed: bool) -> None:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            report = step(network, images, targets)
        report.total.backward()
        optimizer.step()

    cost = _cost(lambda: descend(next(photos).contiguous(), False)) if replay else 0.0
    if replay:
        network.to(memory_format=CHANNELS_LAST)
        loss.to(memory_format=CHANNELS_LAST)
    spent, steps = 0.0, 0
    for minute in minutes:
        while spent < 60 * minute:
            images, start = next(photos), time.perf_counter()
            descend(images if replay else images.contiguous(), replay)
            spent += cost or time.perf_counter() - start
            steps += 1
        yield {"recipe": "plain", "minutes": minute, "steps": steps, "replayed": replay, "loss": judge(network)}


def _cost(work) -> float:
    times = []
    for _ in range(8):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def train_fast(style: Tensor, photos: Iterator[Tensor], minute: float, judge: Judge, grow: float) -> dict[str, object]:
    """Train as ``fastnst train --config fast --time_budget`` does, until the time is up."""
    training = fast_training(LossConfig(**preset("fast")["loss"]), style, judge.photos[SIZE], grow)
    clock, steps = Clock(Budget(seconds=60 * minute)), 0
    clock.start()
    while (share := clock.share(steps)) < 1:
        training(next(photos), share)
        steps += 1
    return {"recipe": "fast", "minutes": minute, "grow": grow, "steps": steps, "loss": judge(training.network)}


def fast_training(config: LossConfig, style: Tensor, photos: Tensor, grow: float = Recipe.grow) -> Training:
    """Return the training of the preset's network under a loss."""
    model = preset("fast")
    loss = config.build().to(memory_format=CHANNELS_LAST)
    torch.manual_seed(0)
    network = build_network(model["network"]).to(memory_format=CHANNELS_LAST)
    targets = take_targets(loss, style, photos)
    return Training(network, targets, Recipe(grow=grow), best_precision(torch.device("cpu")))


def batches(photos: str, size: int) -> Iterator[Tensor]:
    data = ImageDataModule(photos, size=size, batch_size=BATCH)
    data.setup()
    for batch in data.train_dataloader():
        yield data.on_after_batch_transfer(batch, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--weights", "--style", "--photos", "--val"):
        parser.add_argument(name, required=True)
    parser.add_argument("--fast", type=float, nargs="*", default=[1, 2, 5, 10])
    parser.add_argument("--plain", type=float, nargs="*", default=[5, 10, 20, 60])
    parser.add_argument("--replay", action="store_true")
    parser.add_argument("--grow", type=float, default=0.5, help="share of the time on crops of half the side")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--json", type=argparse.FileType("w"))
    options = parser.parse_args()
    assert pick_device().type == "cpu", "this comparison is one of processors"
    reuse_memory()
    style = fit(read_image(options.style), shorter=384)
    judge = Judge(options.weights, style, options.val, (256, 512), options.count)
    found = []
    where = machine(torch.device("cpu"))
    print(where)

    def note(line: dict[str, object]) -> None:
        found.append(line)
        print(line, flush=True)

    for minute in options.fast:
        note(train_fast(style, batches(options.photos, SIZE), minute, judge, options.grow))
    if options.plain:
        loss = LossConfig(backbone="vgg19", weights=options.weights).build()
        for line in train_plain(loss, style, batches(options.photos, SIZE), options.plain, judge, options.replay):
            note(line)
    if options.json:
        json.dump({"machine": where, "rows": found}, options.json, indent=2)


if __name__ == "__main__":
    main()
