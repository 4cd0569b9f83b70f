"""See inside: what a layer remembers of a photograph or of a style, and what each setting does.

Source: Gatys, Ecker, Bethge. Image Style Transfer Using Convolutional Neural Networks. CVPR 2016, figure 1.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Literal

import torch
from PIL import Image
from torch import Tensor

from fastnst.atomic import replacing
from fastnst.backbones import FeatureExtractor
from fastnst.images import to_pil
from fastnst.images.sheet import contact_sheet
from fastnst.losses import LossConfig, gram
from fastnst.optimize import Optimization, OptimizeConfig, Progress, Style, first_picture

Kind = Literal["content", "style"]

MAPS = 63
"""Feature maps of a layer that are shown, before its Gram matrix."""


def reconstruct(picture: Tensor, kind: Kind, layer: str, loss: LossConfig, config: OptimizeConfig) -> Progress:
    """Paint, from noise, what one layer remembers of a picture: where things are, or only what they are made of.

    Args:
        picture: ``(1, 3, H, W)``, RGB in [0, 1].
        kind: ``content`` compares features where they are, ``style`` their statistic.
        layer: Of the loss's backbone.
        loss: Its backbone, style loss and total variation are used.
        config: How to descend.
    """
    content = {layer: 1.0} if kind == "content" else {}
    style = {layer: 1.0} if kind == "style" else {}
    only = replace(loss, content=content, style=style, style_weight=1.0)
    objective = only.build().to(picture.device)
    styles = [Style(picture)]
    first = first_picture("noise", picture, styles, objective, config)
    run = Optimization(picture, styles, objective, replace(config, stages=config.stages or 1), first)
    for _ in run:
        pass
    return run.result()


@torch.no_grad()
def feature_sheets(
    picture: Tensor, backbone: FeatureExtractor, layers: Sequence[str]
) -> Iterator[tuple[str, Image.Image]]:
    """Show each layer's strongest feature maps and its Gram matrix, brightest where largest.

    Args:
        picture: ``(1, 3, H, W)``, RGB in [0, 1].
        backbone: As deep as the layers.
        layers: By name.
    """
    for layer, maps in backbone(picture, layers).items():
        strongest = maps[0].mean((1, 2)).argsort(descending=True)[:MAPS]
        tiles = [(f"channel {int(i)}", _gray(maps[0, i])) for i in strongest]
        matrix = gram(maps)[0]
        tiles.append((f"Gram, {len(matrix)} x {len(matrix)}", _gray(matrix.clamp_min(0).sqrt())))
        yield layer, contact_sheet(tiles, 8, 128)


def _gray(values: Tensor) -> Image.Image:
    """Draw a matrix from black, its least, to white, its greatest; small ones are enlarged."""
    low, high = values.amin(), values.amax()
    picture = to_pil(((values - low) / (high - low).clamp_min(1e-12)).expand(3, *values.shape))
    scale = max(1, 128 // max(picture.size))
    return picture.resize((scale * picture.width, scale * picture.height), Image.Resampling.NEAREST)


@dataclass(frozen=True)
class Setting:
    """One cell of a sweep."""

    style_weight: float
    optimizer: Literal["lbfgs", "adam"]
    lr: float | None

    @property
    def label(self) -> str:
        """What is written above its picture."""
        rate = "" if self.lr is None else f", lr {self.lr:g}"
        return f"weight {self.style_weight:g}, {self.optimizer}{rate}"


def sweep(
    content: Tensor,
    style: Tensor,
    loss: LossConfig,
    config: OptimizeConfig,
    weights: Sequence[float],
    optimizers: Sequence[Literal["lbfgs", "adam"]],
    rates: Sequence[float | None],
) -> Iterator[tuple[Setting, Progress, float]]:
    """Optimize one pair under every combination of settings; yield each with its result and its seconds.

    Args:
        content: Photograph ``(1, 3, H, W)``, RGB in [0, 1].
        style: What is imitated, RGB in [0, 1].
        loss: The objective but for its style weight.
        config: The descent but for its optimizer and lr.
        weights: Style weights.
        optimizers: Optimizers.
        rates: Step sizes; none stands for an optimizer's own.
    """
    built = loss.build().to(content.device)
    for weight, optimizer, rate in product(weights, optimizers, rates):
        objective = replace(loss, style_weight=weight).build(built.backbone)
        run = Optimization(content, [Style(style)], objective, replace(config, optimizer=optimizer, lr=rate))
        try:
            for _ in run:
                pass
        except FloatingPointError:  # this too is an answer
            pass
        yield Setting(weight, optimizer, rate), run.result(), run.seconds


def write_table(path: Path, results: Sequence[tuple[Setting, Progress, float]]) -> None:
    """Write a sweep as CSV: the settings, every term, the terms without their style weight, the seconds."""
    terms = list(results[0][1].report.terms)
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["style_weight", "optimizer", "lr", "loss", *terms, "style_unweighted", "seconds"])
        for setting, result, seconds in results:
            report = result.report
            unweighted = float(report.part("style")) / setting.style_weight if setting.style_weight else ""
            values = [float(report.total), *(float(report.terms[term]) for term in terms), unweighted]
            writer.writerow([setting.style_weight, setting.optimizer, setting.lr, *values, round(seconds, 2)])


def write_hparams(folder: Path, results: Sequence[tuple[Setting, Progress, float]]) -> None:
    """Write a sweep for TensorBoard's HParams page."""
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for number, (setting, result, seconds) in enumerate(results):
            settings = {"style_weight": setting.style_weight, "optimizer": setting.optimizer, "lr": setting.lr or 0.0}
            found = {f"hparam/{path}": float(term) for path, term in result.report.terms.items()}
            found |= {"hparam/loss": float(result.report.total), "hparam/seconds": seconds}
            writer.add_hparams(settings, found, run_name=f"{number:03}")
            writer.add_image(setting.label, result.image[0].clamp(0, 1), 0)
