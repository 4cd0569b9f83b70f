"""Train the shared start of a network: weights that paint in any style, and a predictor of the style's code.

    python scripts/pretrain.py --paintings paintings_train.parquet --photos photos.parquet \
        --held-out paintings_val.parquet styles/ --minutes 240

Every photograph of a batch gets a style of its own: a part of a painting or a drawn picture, changed in many ways
(:class:`fastnst.data.style_pictures.StylePictures`). The predictor makes a code of the style's statistics, the network
paints with it under the objective of ``fastnst train``; a quarter of the steps paint at random strengths, so that
the code of the photograph as it is gets learned beside (Ghiasi et al., BMVC 2017); they compare content at the full
size, where fine detail counts. Gram matrices and statistics are kept for a few hundred styles, one of which is
exchanged at every third step.

The state is kept in a file beside --out; the same command goes on where it stands, a larger --minutes too. Every few
minutes it logs the objective on styles that are never trained on, and writes the network if that is the best so far.
``pretrain_rounds.py`` is a second phase.
"""

import argparse
import json
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from pretrain_styles import Bank, StyleTargets, without
from torch import Tensor
from torch.utils.data import DataLoader

from fastnst import __version__
from fastnst.atomic import replacing
from fastnst.backbones import STATISTICS_LAYERS, build_backbone
from fastnst.checkpoint import Metadata, describe, load_checkpoint, save_checkpoint
from fastnst.data.crops import crops
from fastnst.data.sources import open_photos
from fastnst.data.style_pictures import StylePictures, pictures
from fastnst.devices import Precision, autocast, best_precision, pick_device, reuse_memory
from fastnst.losses import LossConfig, Region
from fastnst.networks import TransformationNetwork, build_network
from fastnst.networks.styles import Styles
from fastnst.training.draws import disturb
from fastnst.training.recipe import CLIP, Recipe, clip_gradients, make_optimizer, set_rate
from fastnst.training.steady import unsteadiness
from fastnst.training.steps import own_style

WEIGHTS = Path(__file__).parents[1] / "fastnst" / "networks" / "weights"
SIZE, EVERY = 256, 300
"""Side of crops and of style pictures, pixels; seconds between two evaluations."""

EXCHANGE = 3
"""Steps after which a style is exchanged for a new one."""


class Pretraining:
    """A network with a predictor, what it learns from, and how far it is."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.device = options, pick_device(options.device)
        self.precision: Precision = options.precision or best_precision(self.device)
        torch.manual_seed(options.seed)
        if options.begin:
            network, _ = load_checkpoint(options.begin)
            network = network.train().requires_grad_(True)
        else:
            network = build_network(options.network, **json.loads(options.network_options))
        self.network: TransformationNetwork = network.to(self.device, memory_format=torch.channels_last)
        config = LossConfig(backbone=options.backbone, weights=options.weights)
        self.loss, self.sharp = (
            loss.build().to(self.device, memory_format=torch.channels_last)
            for loss in (config, replace(config, content_scale=1))
        )
        describer = build_backbone("compact", STATISTICS_LAYERS).to(self.device, memory_format=torch.channels_last)
        self.photos = crops(options.photos, SIZE, options.batch_size, options.seed)
        self.held_out = next(crops(options.photos, SIZE, 8, 1)).to(self.device)
        context = partial(autocast, self.device, self.precision)
        self.styles_of = StyleTargets(self.loss, describer, self.held_out, context)
        self.scales = self.loss.content_scales(self.held_out)
        self.sharp_scales = self.sharp.content_scales(self.held_out)
        self.held_out_styles = [picture for source in options.held_out for picture in pictures(source, 384)]
        self.judged_by = [self.styles_of(p[None].to(self.device)) for p in self.held_out_styles[:: options.every]]
        self.recipe = Recipe(lr=options.lr, grow=options.grow)
        self.seconds, self.steps, self.best = 0.0, 0, float("inf")

    def fill(self) -> None:
        """Fill the bank of styles."""
        paintings = without(open_photos(self.options.paintings), self.held_out_styles)
        served = StylePictures(paintings, SIZE, drawn_share=0.35, seed=self.options.seed, drawings=600)
        loader = DataLoader(served, batch_size=None, num_workers=1, sampler=range(10**9), prefetch_factor=16)
        self.bank = Bank(self.styles_of, iter(loader), self.options.bank, self.device)

    def begin(self) -> None:
        """Give the network a predictor that knows nothing yet, unless it has one, and restore what was kept."""
        self.fill()
        if self.network.styles is None or self.network.styles.predictor is None:
            styles = self.network.add_styles(statistics=self.bank.statistics.shape[1]).to(self.device)
            assert styles.predictor is not None
            styles.predictor.begin(self.bank.statistics[: self.bank.filled], self.network.style_code().detach())
        for _, norm in self.network.named_norms():  # codes stand in for them
            norm.requires_grad_(False)
        self.optimizer = make_optimizer(self.network, self.options.lr)
        if self.options.state.is_file():
            self.restore(torch.load(self.options.state, weights_only=True, map_location=self.device))

    @property
    def styles(self) -> Styles:
        assert self.network.styles is not None
        return self.network.styles

    @property
    def share(self) -> float:
        return self.seconds / (60 * self.options.minutes)

    def codes(self, statistics: Tensor) -> Tensor:
        assert self.styles.predictor is not None
        return self.styles.predictor(statistics)

    def step(self) -> dict[str, float]:
        """Make one step; return its loss by kind."""
        set_rate(self.optimizer, self.recipe.rate(self.share))
        batch = self.recipe.cut(next(self.photos).to(self.device), self.share, self.loss.min_size)
        if self.steps % EXCHANGE == 0:
            self.bank.refresh()
        statistics, target, weight = self.bank.draw(len(batch))
        disturbance = disturb(np.random.default_rng((self.options.seed, self.steps)))
        with autocast(self.device, self.precision):
            code, regions = self.codes(statistics), [Region(target, weight)]
            loss, scales = self.loss, self.scales
            if torch.rand(()) < self.options.weak:
                strength = torch.rand(len(batch), device=self.device)
                code = self.styles.weaken(code, strength)
                regions = [Region(target, strength * weight), Region(own_style(self.loss, batch, target), 1 - strength)]
                loss, scales = self.sharp, self.sharp_scales
            paint = lambda images: self.network(images, code)  # noqa: E731
            painted = paint(batch)
            report = loss(painted, loss.content_target(batch, scales), regions)
            total, steady = report.total, torch.zeros(())
            if self.options.steady and self.steps % 2:
                steady = 2 * self.options.steady * unsteadiness(paint, batch, painted, disturbance)
                total = total + steady
        self.optimizer.zero_grad()
        total.backward()
        clip_gradients(self.network, CLIP)
        self.optimizer.step()
        return {"loss": float(report.total.detach()), "steady": float(steady.detach())}

    @torch.no_grad()
    def judge(self) -> float:
        """Return the median objective on held-out styles, painted at once by their predicted codes; in float32."""
        totals = []
        content = self.loss.content_target(self.held_out, self.scales)
        for style in self.judged_by:
            painted = self.network(self.held_out, self.codes(style.statistics))
            totals.append(self.loss(painted, content, style.target).total)
        return float(torch.stack(totals).median())

    def run(self) -> None:
        """Train until the time is over; keep the state now and then and at the end."""
        self.begin()
        last, mark, judged = time.monotonic(), self.seconds, []
        while self.share < 1:
            judged.append(self.step()["loss"])
            self.steps += 1
            now = time.monotonic()
            self.seconds, last = self.seconds + now - last, now
            if self.seconds - mark > EVERY or self.share >= 1:
                held_out = self.judge()
                print(
                    f"{self.seconds / 60:6.1f} min  step {self.steps}  lr {self.recipe.rate(self.share):.5f}  "
                    f"train {sum(judged) / len(judged):.3f}  held out {held_out:.3f}",
                    flush=True,
                )
                if held_out < self.best:
                    self.best = held_out
                    self.write()
                self.keep()
                last, mark, judged = time.monotonic(), self.seconds, []  # judging is not counted

    def state(self) -> dict[str, object]:
        return {
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "clock": {"seconds": self.seconds, "steps": self.steps, "best": self.best},
        }

    def restore(self, state: dict[str, dict[str, float]]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        clock = state["clock"]
        self.seconds, self.steps, self.best = clock["seconds"], int(clock["steps"]), clock["best"]

    def keep(self) -> None:
        with replacing(self.options.state) as temporary:
            torch.save(self.state(), temporary)

    def write(self) -> None:
        """Write the shared start, in half precision."""
        made = {"steps": self.steps, "minutes": round(self.seconds / 60), "held_out": round(self.best, 4)}
        metadata = Metadata(
            describe(self.network), training={**made, "style_size": SIZE}, fastnst_version=__version__,
            loss={**self.loss_facts(), "content_scales": self.scales},
        )  # fmt: skip
        self.options.out.parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(self.options.out, self.network, metadata, torch.float16)

    def loss_facts(self) -> dict[str, object]:
        return LossConfig(backbone=self.options.backbone).describe()


def options_of(description: str | None) -> argparse.Namespace:
    """Read the options of either phase."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--paintings", required=True)
    add("--photos", required=True)
    add("--held-out", required=True, nargs="+", help="pictures that are never trained on, nor any copies of them")
    add("--every", type=int, default=3, help="judge by every N-th of them")
    add("--network", default="lite")
    add("--network-options", default="{}", help="JSON; without --begin")
    add("--begin", help="a shared start to go on from, or a trained style, in place of random weights")
    add("--minutes", type=float, default=240)
    add("--lr", type=float, default=2e-3)
    add("--grow", type=float, default=0.75, help="share of the time that sees crops of half the side")
    add("--steady", type=float, default=10.0)
    add("--weak", type=float, default=0.25, help="share of the steps that paint at random strengths")
    add("--batch-size", type=int, default=4)
    add("--bank", type=int, default=400, help="styles kept in memory, about a megabyte each")
    add("--backbone", default="compact")
    add("--weights", help="of the backbone")
    add("--device")
    add("--precision", choices=("float32", "bfloat16"))
    add("--seed", type=int, default=0)
    add("--out", type=Path)
    options = parser.parse_args()
    options.out = options.out or WEIGHTS / f"{options.network}.safetensors"
    options.state = options.out.with_suffix(".state")
    reuse_memory()
    return options


if __name__ == "__main__":
    Pretraining(options_of(__doc__)).run()
