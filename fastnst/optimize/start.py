"""The picture to begin with."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from fastnst.devices import Precision
from fastnst.errors import ConfigError
from fastnst.images import EXTENSIONS, cover, fit, read_image
from fastnst.losses import PerceptualLoss
from fastnst.optimize.config import OptimizeConfig
from fastnst.optimize.objective import Style
from fastnst.optimize.run import Optimization
from fastnst.optimize.schedule import SMALLEST

log = logging.getLogger(__name__)

STARTS = ("content", "noise", "style", "gray", "best")
"""Pictures to begin with, by name; anything else is a picture or a trained network, whose result is refined."""

TRIED = ("content", "style", "noise")
TRIAL_STEPS = 15


def first_picture(
    name: str, content: Tensor, styles: Sequence[Style], loss: PerceptualLoss, config: OptimizeConfig
) -> Tensor | None:
    """Return the picture that one of :data:`STARTS` names; nothing stands for the photograph.

    ``best`` takes a few steps at the coarsest size from content, style and noise, and returns the one whose loss is
    least then.
    """
    if name == "best":
        name = min(TRIED, key=lambda start: _trial(start, content, styles, loss, config))
        log.warning("the best start is %s", name)
    if name == "content":
        return None
    if name == "style":
        return cover(styles[0].picture, *content.shape[2:])
    if name == "gray":
        return torch.full_like(content, 0.5)
    return noise(content, config.seed)


def given_picture(source: str, photo: Tensor, precision: Precision | None = None) -> Tensor:
    """Return a picture file at the size of ``photo``, or what a trained network paints of it.

    Args:
        source: A picture, a style file, or the name of a bundled style.
        photo: ``(1, 3, H, W)``, RGB in [0, 1].
        precision: Of the network.

    Raises:
        ConfigError: A network of several styles, or of any.
    """
    if Path(source).suffix.lower() in EXTENSIONS:
        return cover(read_image(source), *photo.shape[2:]).to(photo.device)
    from fastnst.inference import load  # here, because nothing else of this package applies networks

    stylizer = load(source, str(photo.device), precision)
    if stylizer.network.styles and len(stylizer.styles) != 1:
        raise ConfigError(
            f"--init {source}: paints in more than one style; paint a picture by fastnst stylize --model {source} "
            f"--style STYLE, and begin with that"
        )
    return stylizer(photo)


def noise(like: Tensor, seed: int) -> Tensor:
    """Return seeded noise around gray, of the size of ``like`` and where that is."""
    return (0.5 + 0.2 * torch.randn(like.shape, generator=torch.Generator().manual_seed(seed))).to(like)


def _trial(name: str, content: Tensor, styles: Sequence[Style], loss: PerceptualLoss, config: OptimizeConfig) -> float:
    """Return the loss after a few steps at the coarsest size."""
    least = max(SMALLEST, loss.min_size)
    scale = min(1.0, least / min(content.shape[2:]))
    small = fit(content, shorter=round(scale * min(content.shape[2:])))
    shrunk = [
        replace(s, picture=fit(s.picture, shorter=max(least, round(scale * min(s.picture.shape[2:]))))) for s in styles
    ]
    trial = replace(config, steps=TRIAL_STEPS, time_budget=None, stages=1)
    first = first_picture(name, small, shrunk, loss, trial)
    run = Optimization(small, shrunk, loss, trial, first)
    return min(float(progress.report.total) for progress in islice(run, TRIAL_STEPS + 1))
