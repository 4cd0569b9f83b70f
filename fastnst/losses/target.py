"""What a picture is compared with: one target, a stack of styles, or several styles in one picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from fastnst.errors import ConfigError


@dataclass(frozen=True)
class Target:
    """What a picture is compared with, by layer: ``relu3_1``, or ``relu3_1@2`` on the picture at 1/2.

    Args:
        values: Features of the photographs, or statistics of the style: of one for all images of a batch, or one for
            each.
        scales: What a squared difference is divided by: one number per layer, or ``(B,)`` for each image its own.
    """

    values: Mapping[str, Tensor]
    scales: Mapping[str, float | Tensor]


@dataclass(frozen=True)
class Region:
    """One of several styles that share a picture.

    Args:
        style: What is imitated.
        weight: How much of the style terms it gets, a number or ``(B,)`` for each image its own; those of a picture
            add up to one, for terms of the usual size.
        mask: Where, ``(1, 1, H, W)`` in [0, 1] of any size; everywhere by default.
    """

    style: Target
    weight: float | Tensor = 1.0
    mask: Tensor | None = None

    def weights(self, size: tuple[int, int], device: torch.device) -> Tensor | None:
        """Return how much each position of a layer of this height and width counts; nothing where all count alike."""
        if self.mask is None:
            return None
        mask = self.mask.cpu() if self.mask.device.type == "mps" else self.mask  # which averages over whole parts only
        return F.interpolate(mask.float(), size, mode="area").to(device)


def stack_targets(targets: Sequence[Target]) -> Target:
    """Put the targets of several styles, of pictures of any sizes, into one, a row for each.

    Raises:
        ConfigError: They do not have the same layers and scales, or statistics of the same size.
    """
    first = targets[0]
    if any(list(target.values) != list(first.values) for target in targets):
        raise ConfigError("some style pictures are too small for a scale that others have; enlarge them")
    sizes = [[value.shape[1:] for value in target.values.values()] for target in targets]
    if any(size != sizes[0] for size in sizes):
        raise ConfigError("under this style loss only style pictures of one size can be held together")
    return Target(
        {path: torch.cat([target.values[path] for target in targets]) for path in first.values},
        {path: torch.cat([_rows(target, path) for target in targets]) for path in first.values},
    )


def select(styles: Target, index: Tensor) -> Target:
    """Take rows ``(B,)`` out of a stack of styles: a target for each image of a batch."""
    scales = {path: scale[index] if isinstance(scale, Tensor) else scale for path, scale in styles.scales.items()}
    return Target({path: value[index] for path, value in styles.values.items()}, scales)


def _rows(target: Target, path: str) -> Tensor:
    """Return a layer's scale for each of a target's styles, ``(S,)``."""
    value, scale = target.values[path], target.scales[path]
    dtype = torch.promote_types(value.dtype, torch.float32)
    return torch.as_tensor(scale, dtype=dtype, device=value.device).expand(len(value))
