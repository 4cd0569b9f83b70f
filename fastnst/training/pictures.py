"""The style pictures of a training."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from fastnst.errors import ConfigError
from fastnst.images import fit, pack_image, read_image
from fastnst.losses import PerceptualLoss


@dataclass(frozen=True)
class StylePicture:
    """A picture to imitate.

    Args:
        image: ``(1, 3, H, W)``, RGB in [0, 1], at the size that is imitated.
        facts: What a published file says of it: ``name``, ``sha256``, ``size`` and the packed ``picture``.
    """

    image: Tensor
    facts: dict[str, Any]

    @property
    def name(self) -> str:
        """What the style is called."""
        return str(self.facts["name"])


def read_style(path: str, size: int | None, taken: Sequence[str] = ()) -> StylePicture:
    """Read a style picture.

    Args:
        path: Of the file.
        size: Pixels of the shorter side; ``None`` keeps the file's.
        taken: Names of other styles: one called the same gets a number.

    Raises:
        ConfigError: ``size`` is not positive.
        ImageError: Not a picture.
    """
    if size is not None and size < 1:
        raise ConfigError(f"style_size must be positive, got {size}")
    picture = read_image(path)
    image = fit(picture, shorter=size) if size else picture
    facts = {
        "name": free_name(Path(path).stem, taken),
        "sha256": hashlib.sha256(Path(path).read_bytes()).hexdigest(),
        "size": list(image.shape[-2:]),
        "picture": pack_image(image),
    }
    return StylePicture(image, facts)


def read_styles(paths: Sequence[str], size: int | None) -> list[StylePicture]:
    """Read the style pictures of one network; of two with one name, the second gets a number.

    Raises:
        ConfigError: There is none, or one is there twice.
    """
    if not paths:
        raise ConfigError("give at least one style picture")
    found: list[StylePicture] = []
    for path in paths:
        picture = read_style(path, size, [other.name for other in found])
        if any(other.facts["sha256"] == picture.facts["sha256"] for other in found):
            raise ConfigError(f"{path}: this style picture is given twice")
        found.append(picture)
    return found


def free_name(name: str, taken: Sequence[str]) -> str:
    """Return a name that is not taken: itself, or with ``_2``, ``_3`` and so on behind it."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    return free


def check_size(picture: StylePicture, loss: PerceptualLoss, backbone: str) -> None:
    """Refuse a style picture that a loss cannot look at.

    Raises:
        ConfigError: It is too small for the style layers.
    """
    height, width = picture.image.shape[-2:]
    if min(height, width) < (least := loss.min_style_size):
        raise ConfigError(
            f"style picture is {height}x{width}, but the style layers of {backbone} need at least {least}x{least}; "
            f"raise model.style_size or choose earlier layers"
        )
