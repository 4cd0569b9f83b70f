"""Compare what an exported file paints with what torch paints."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fastnst.assets.samples import draw_landscape
from fastnst.export.runtime import Pixels, Runner
from fastnst.images import to_tensor
from fastnst.networks import TransformationNetwork, are_even, paint_even

SIZES = ((1, 1), (5, 7), (33, 50), (64, 64), (97, 130))
"""Height and width: one color, smaller than any network works at, odd, even, and larger than what was traced."""


class ExportError(RuntimeError):
    """An export does not paint what torch paints; nothing was written."""


@torch.no_grad()
def compare(
    run: Runner, network: TransformationNetwork, pixels: Pixels, other: TransformationNetwork | None = None
) -> dict[str, Any]:
    """Return the largest and the mean difference from torch over all :data:`SIZES`, in 8-bit levels.

    A network with a table is compared in several styles and mixes at two strengths. The difference is infinite where a
    value is not finite.

    Args:
        run: What was exported.
        network: What it should paint like.
        pixels: What the export takes and gives.
        other: The network in other numbers, compared as well where ``run`` does not compute in them.
    """
    apart = []
    for number, (height, width) in enumerate(SIZES):
        images = _pictures(height, width)
        feeds, code = _style(network, number)
        wanted = _levels(paint(network, images, code), pixels)
        found = [run({"images": _given(images, pixels), **feeds}) * np.float32(1 if pixels == "uint8" else 255)]
        found += [_levels(paint(other, images, code), pixels)] if other else []
        apart += [np.abs(levels - wanted).ravel() for levels in found]
    all_apart = np.nan_to_num(np.concatenate(apart), nan=np.inf)
    figures = {"largest": round(float(all_apart.max()), 5), "mean": round(float(all_apart.mean()), 5)}
    return figures | {"sizes": [list(size) for size in SIZES]}


def check(difference: Mapping[str, Any], precision: str) -> None:
    """Refuse a file that paints something else: by more than one level in float32, by 16 on average otherwise.

    Raises:
        ExportError: It does.
    """
    exact = precision == "float32"
    if not (difference["largest"] <= 1 if exact else difference["mean"] <= 16):
        found, limit = ("largest", 1) if exact else ("mean", 16)
        raise ExportError(
            f"the {precision} export differs from torch by {difference[found]:g} of 255 ({found}), more than {limit}; "
            f"nothing was written"
        )


def paint(network: TransformationNetwork, images: Tensor, code: Tensor | None = None) -> Tensor:
    """Paint images in [0, 1] as an exported file does: clipped, and one color for one color."""
    shown = network.plain(code)
    painted = shown(images).clamp(0, 1)
    even = are_even(images)
    return (
        painted
        if not even.any()
        else torch.where(even[:, None, None, None], paint_even(shown, images).to(painted), painted)
    )


def _pictures(height: int, width: int) -> Tensor:
    """Return two pictures of 8 bits."""
    picture = to_tensor(draw_landscape(width, height))
    return torch.cat([picture, picture.flip(3)])


def _given(images: Tensor, pixels: Pixels) -> np.ndarray:
    values = images.permute(0, 2, 3, 1).contiguous()
    return ((255 * values).round().to(torch.uint8) if pixels == "uint8" else values).numpy()


def _levels(painted: Tensor, pixels: Pixels) -> np.ndarray:
    levels = 255 * painted.permute(0, 2, 3, 1).numpy()
    return np.rint(levels) if pixels == "uint8" else levels


def _style(network: TransformationNetwork, number: int) -> tuple[dict[str, np.ndarray], Tensor | None]:
    """Return what a file with a table is given, and the code that it should make of it."""
    styles = network.styles
    if styles is None:
        return {}, None
    strength = (1.0, 0.6)[number % 2]
    if len(styles.codes):
        weights = torch.zeros(len(styles.codes))
        weights[number % len(weights)] += 1
        weights[-1] += number % 3
        code, feeds = styles.mix(weights / weights.sum()), {"style": weights.numpy()}
    else:
        code = styles.photograph * (1 + 0.1 * number)
        feeds = {"code": code.numpy()}
    return feeds | {"strength": np.array(strength, np.float32)}, styles.weaken(code, strength)
