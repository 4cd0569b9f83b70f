"""What one layer remembers of a picture, painted from noise.

Source: Gatys, Ecker, Bethge. Image Style Transfer Using Convolutional Neural Networks. CVPR 2016, figure 1.
"""

from dataclasses import replace
from typing import Literal

from torch import Tensor

from fastnst.backbones import DEFAULT_LAYERS, FeatureExtractor
from fastnst.losses import LossConfig
from fastnst.optimize import Optimization, OptimizeConfig, Progress, Style, first_picture

Kind = Literal["content", "style"]


def default_layers(backbone: str) -> list[str]:
    """Return the layers that a backbone, known by its name, is usually compared in: of style, then of content."""
    chosen = DEFAULT_LAYERS[backbone]
    return list(dict.fromkeys([*chosen.style, *chosen.content]))


def reconstruct(
    picture: Tensor,
    kind: Kind,
    layer: str,
    loss: LossConfig,
    config: OptimizeConfig,
    backbone: FeatureExtractor | None = None,
) -> Progress:
    """Paint, from noise, what one layer remembers of a picture: where things are, or only what they are made of.

    Args:
        picture: ``(1, 3, H, W)``, RGB in [0, 1].
        kind: ``content`` compares features where they are, ``style`` their statistic.
        layer: Of the loss's backbone.
        loss: Its backbone, style loss and total variation are used.
        config: How to optimize; at the full size only, unless it says how many stages.
        backbone: That of the loss, if it is there already.
    """
    content = {layer: 1.0} if kind == "content" else {}
    style = {layer: 1.0} if kind == "style" else {}
    chosen = replace(loss, content=content, style=style, style_weight=1.0, scales={1: 1.0}, content_scale=1)
    objective = chosen.build(backbone).to(picture.device)
    styles = [Style(picture)]
    first = first_picture("noise", picture, styles, objective, config)
    run = Optimization(picture, styles, objective, replace(config, stages=config.stages or 1), first)
    for _ in run:
        pass
    return run.result()
