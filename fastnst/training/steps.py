"""One step: what a network's paintings are compared with, and how."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import Tensor

from fastnst.losses import LossReport, PerceptualLoss, Region, Target, select, stack_targets
from fastnst.networks import TransformationNetwork
from fastnst.training.draws import ONE_STYLE, Draw
from fastnst.training.steady import unsteadiness

SCALE_PHOTOS = 16
"""Photographs on which the scales of the content terms are measured."""

Painter = Callable[[Tensor], Tensor]
"""Paints ``(B, 3, H, W)``: a network of one style, or one with a table and a code."""


@dataclass(frozen=True)
class Targets:
    """What paintings are compared with.

    Args:
        loss: The objective.
        style: The statistics of the style picture, taken once; of several, a row each.
        scales: Of the content terms by layer, measured once; those of a photograph alone would weigh each differently.
    """

    loss: PerceptualLoss
    style: Target
    scales: Mapping[str, float]

    @property
    def least(self) -> int:
        """Pixels that each side of a crop must have for the backbone."""
        return self.loss.min_size


def take_targets(
    loss: PerceptualLoss,
    style: Tensor | Sequence[Tensor],
    photos: Tensor,
    scales: Mapping[str, float] | None = None,
) -> Targets:
    """Take the statistics of the styles, and measure the content scales unless they are known; in float32.

    Args:
        loss: The objective, on the device where the pictures are.
        style: ``(1, 3, H, W)``, RGB in [0, 1]; several of any sizes for a network with a table of styles.
        photos: ``(N, 3, H, W)``, RGB in [0, 1].
        scales: From a checkpoint.
    """
    with torch.autocast(photos.device.type, enabled=False):
        several = [style] if isinstance(style, Tensor) else style
        targets = [loss.style_target(picture) for picture in several]
        target = targets[0] if isinstance(style, Tensor) else stack_targets(targets)
        return Targets(loss, target, scales or loss.content_scales(photos[:SCALE_PHOTOS]))


def step(
    network: Painter | TransformationNetwork,
    batch: Tensor,
    targets: Targets,
    draw: Draw = ONE_STYLE,
    steady: float = 0.0,
) -> LossReport:
    """Paint photographs ``(B, 3, H, W)``, RGB in [0, 1], and compare each with itself and with its style.

    A photograph painted at strength ``s`` is held to its style by ``s`` and to its own style by ``1 - s``: at 0 it is
    to stay as it is.

    Args:
        network: Of one style, or with a table of styles.
        batch: The photographs.
        targets: What to compare with.
        draw: Which style each gets, and how strongly; for a network with a table.
        steady: Weight of the term ``steady``: how much a painting changes with what changes between frames of a video.
    """
    draw = draw.to(batch.device)
    content = targets.loss.content_target(batch, targets.scales)
    paint = painter(network, draw)
    painted = paint(batch)
    report = targets.loss(painted, content, styles_of(batch, targets, draw))
    if not steady:
        return report
    return LossReport({**report.terms, "steady": steady * unsteadiness(paint, batch, painted, draw.disturbance)})


def painter(network: Painter | TransformationNetwork, draw: Draw) -> Painter:
    """Return what paints a batch, each photograph in the style and strength that was drawn for it."""
    if draw.index is None:
        return network
    network = cast(TransformationNetwork, network)
    styles = network.styles
    assert styles is not None, "a style is drawn for a network with a table of styles"
    # At full strength too by way of the photograph's code: processes that train together want a gradient for it.
    strength = torch.ones(len(draw.index), device=draw.index.device) if draw.strength is None else draw.strength
    return partial(network, style=styles.weaken(styles.codes[draw.index], strength))


def styles_of(batch: Tensor, targets: Targets, draw: Draw) -> Target | list[Region]:
    """Return what the paintings of a batch are held to: each its own style, and a part of the photograph's own."""
    if draw.index is None:
        return targets.style
    styles = select(targets.style, draw.index)
    if draw.strength is None:
        return styles
    return [Region(styles, draw.strength), Region(own_style(targets.loss, batch, styles), 1 - draw.strength)]


def own_style(loss: PerceptualLoss, batch: Tensor, styles: Target) -> Target:
    """Take the photographs' own style, in units no smaller than those of the style each is painted in.

    A photograph of a flat sky has next to none: in units of its own, any change of it would outweigh all others.
    """
    own = loss.style_target(batch)
    shared = own.scales.keys() & styles.scales.keys()  # a small style picture has not all scales of the photographs
    scales = {path: torch.as_tensor(own.scales[path], device=batch.device) for path in own.scales if path in shared}
    return Target(
        {path: own.values[path] for path in scales},
        {path: scale.maximum(torch.as_tensor(styles.scales[path]).to(scale)) for path, scale in scales.items()},
    )


def judge(network: Painter | TransformationNetwork, batch: Tensor, targets: Targets) -> list[LossReport]:
    """Paint photographs in every style at full strength, and report on each style; without randomness.

    Args:
        network: Of one style, or with a table of styles.
        batch: ``(B, 3, H, W)``, RGB in [0, 1].
        targets: What to compare with.
    """
    content = targets.loss.content_target(batch, targets.scales)
    styles = getattr(network, "styles", None)
    if styles is None:
        return [targets.loss(network(batch), content, targets.style)]
    rows = torch.arange(len(styles.codes), device=batch.device).split(1)
    paintings = (cast(TransformationNetwork, network)(batch, styles.codes[row]) for row in rows)
    return [
        targets.loss(painted, content, select(targets.style, row)) for painted, row in zip(paintings, rows, strict=True)
    ]


def mean_report(reports: Sequence[LossReport]) -> LossReport:
    """Average the terms of reports on several styles."""
    return LossReport(
        {path: torch.stack([report.terms[path] for report in reports]).mean() for path in reports[0].terms}
    )
