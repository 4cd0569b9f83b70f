"""The objective of a checkpoint: the loss it was trained under, the scales of its content terms, and its style."""

import logging
import math
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from torch import Tensor

from fastnst.checkpoint import Metadata
from fastnst.errors import ConfigError
from fastnst.images import read_image, resize, unpack_image
from fastnst.losses import LossConfig

log = logging.getLogger(__name__)

SAME_SCALE = 0.01
"""Relative difference of content scales that two trainings on different photographs may have."""


@dataclass(frozen=True)
class Objective:
    """What a network was trained for.

    Args:
        loss: Layers, weights and statistic.
        content_scales: What each layer's squared content difference is divided by, as in training; ``None`` if the
            checkpoint does not say, and each photograph is scaled by itself.
        style: The picture imitated, ``(1, 3, H, W)``, RGB in [0, 1], at the size it had in training.
    """

    loss: LossConfig
    content_scales: dict[str, float] | None
    style: Tensor


def read_objective(file: Path, metadata: Metadata, weights: str | None = None, style: str | None = None) -> Objective:
    """Return the objective that a checkpoint names.

    Args:
        file: The checkpoint, for messages.
        metadata: Its header.
        weights: File with the weights of the loss's backbone.
        style: The picture imitated, where the checkpoint does not hold it.

    Raises:
        ConfigError: It names no loss, or holds no style and none is given.
    """
    if not metadata.loss:
        raise ConfigError(f"{file} does not say under which loss it was trained; it cannot be compared")
    loss = read_loss(metadata, weights)
    return Objective(loss, read_scales(metadata, loss), read_style(file, metadata, style))


def read_loss(metadata: Metadata, weights: str | None = None) -> LossConfig:
    """Return the loss that a checkpoint names."""
    return LossConfig.from_metadata(metadata.loss, weights)


def read_scales(metadata: Metadata, loss: LossConfig) -> dict[str, float] | None:
    """Return the scales of the content terms in training; nothing where the checkpoint lacks one."""
    scales: dict[str, float] = metadata.loss.get("content_scales") or {}
    return {layer: float(scales[layer]) for layer in loss.content} if loss.content.keys() <= scales.keys() else None


def read_style(file: Path, metadata: Metadata, path: str | None = None) -> Tensor:
    """Return the picture imitated, at the size it had in training.

    Raises:
        ConfigError: The checkpoint does not hold it, and none is given.
    """
    facts = style_facts(metadata)
    if path:
        picture = read_image(path)
        if facts.get("sha256") and facts["sha256"] != sha256(Path(path).read_bytes()).hexdigest():
            log.warning("%s: not the file that %s was trained on", path, file)
        return resize(picture, *facts["size"]) if "size" in facts else picture
    if "picture" not in facts:
        raise ConfigError(f"{file} does not hold the picture it imitates; give it as --style")
    return unpack_image(facts["picture"])


def style_facts(metadata: Metadata) -> dict[str, Any]:
    """Return what a checkpoint says of its first style; nothing if it lists none."""
    return metadata.styles[0] if metadata.styles else {}


def same_objective(one: Metadata, other: Metadata) -> bool:
    """Tell whether two networks were trained for the same loss and style; one that says nothing was not."""
    if not one.loss or not other.loss:
        return False
    loss = read_loss(one)
    if read_loss(other) != loss or style_facts(one).get("sha256") != style_facts(other).get("sha256"):
        return False
    ours, theirs = read_scales(one, loss), read_scales(other, loss)
    if ours is None or theirs is None:
        return ours is theirs
    return all(math.isclose(ours[layer], theirs[layer], rel_tol=SAME_SCALE) for layer in ours)
