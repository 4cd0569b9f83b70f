"""Feature maps and Gram matrices as pictures."""

from collections.abc import Iterator, Sequence

import torch
from PIL import Image
from torch import Tensor

from fastnst.backbones import FeatureExtractor
from fastnst.images import to_pil
from fastnst.images.sheet import contact_sheet
from fastnst.losses import gram

MAPS = 63
"""Feature maps of a layer that are shown, before its Gram matrix."""


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
