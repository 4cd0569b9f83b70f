"""Random pictures of many styles: paintings, augmented hard, and drawn pictures among them.

A network that is to paint in any style wants more styles than there are paintings at hand. So every draw cuts another
part out at another scale, and half of the draws change the colors.
"""

import io
import math
import os

import numpy as np
import torch
from datasets import Dataset
from PIL import Image
from torch import Tensor
from torch.utils import data

from fastnst.assets.drawings import draw
from fastnst.data.photos import MAX_ATTEMPTS, decode
from fastnst.data.sources import open_photos
from fastnst.errors import ConfigError
from fastnst.images import ImageError, fit, open_image, to_tensor
from fastnst.images.color import LUMA

LEAST_SIDE = 256
"""Crops are cut at this many pixels of a picture or more: smaller ones show the threads of the canvas."""

DULL = 16
"""Deviation of brightness, in [0, 255], under which a crop shows next to nothing."""

DRAWN_SIDE = 512
"""Of drawn pictures before they are cropped, pixels."""


class StylePictures(data.Dataset[Tensor]):
    """Random style pictures, each a function of the seed and the index alone, for any index from 0.

    Drawn pictures are kept as compressed files once they are drawn, about 0.17 MB each in every process that serves.

    Args:
        paintings: A source that :func:`fastnst.data.open_photos` reads and whose length is known, or what it returned.
        size: Side of the pictures served, pixels.
        drawn_share: Share of the pictures that are drawn (:func:`fastnst.assets.drawings.draw`), in [0, 1].
        seed: Of everything.
        drawings: Number of different drawn pictures.

    Shapes:
        picture: ``(3, size, size)``, RGB in [0, 1].

    Raises:
        ConfigError: The paintings are streamed, or none of many in a row can be used.
    """

    def __init__(
        self,
        paintings: str | os.PathLike[str] | Dataset,
        size: int = 256,
        drawn_share: float = 0.3,
        seed: int = 0,
        drawings: int = 1000,
    ) -> None:
        self.paintings = _at_hand(paintings)
        self.size, self.drawn_share, self.seed, self.drawings = size, drawn_share, seed, drawings
        self._drawn: dict[int, bytes] = {}  # of this process

    def __getitem__(self, index: int) -> Tensor:
        rng = np.random.default_rng((self.seed, index))
        drawn = rng.random() < self.drawn_share
        image = self._draw(int(rng.integers(self.drawings))) if drawn else self._painting(rng)
        picture = turn(to_tensor(cut(image, self.size, rng))[0], rng)
        return recolor(picture, rng) if rng.random() < 0.5 else picture

    def _painting(self, rng: np.random.Generator) -> Image.Image:
        """Open a random painting; small ones, which have fewer parts to show, are mostly exchanged for another."""
        image = self._open(rng)
        for _ in range(3):
            if rng.random() < (min(image.size) / DRAWN_SIDE) ** 2:
                break
            image = self._open(rng)
        return image

    def _open(self, rng: np.random.Generator) -> Image.Image:
        for number in rng.integers(len(self.paintings), size=MAX_ATTEMPTS).tolist():
            try:
                return decode(self.paintings[number], 1, f"painting {number}")
            except ImageError as error:
                reason = error
        raise ConfigError(f"no usable painting among many in a row: {reason}")

    def _draw(self, number: int) -> Image.Image:
        """Draw a picture, or open it if it was drawn before; what is served does not depend on which."""
        if number not in self._drawn:
            file = io.BytesIO()
            draw(number, DRAWN_SIDE).save(file, "JPEG", quality=95, subsampling=0)
            self._drawn[number] = file.getvalue()
        return open_image(self._drawn[number], f"drawing {number}")


def pictures(paintings: str | os.PathLike[str] | Dataset, size: int = 256) -> list[Tensor]:
    """Read whole paintings as they are, ``(3, H, W)`` in [0, 1], their shorter side resized to ``size`` pixels.

    Raises:
        ConfigError: The paintings are streamed.
        ImageError: One cannot be used.
    """
    opened = _at_hand(paintings)
    rows = (decode(opened[index], 1, f"painting {index}") for index in range(len(opened)))
    return [fit(to_tensor(image), shorter=size)[0] for image in rows]


def cut(image: Image.Image, size: int, rng: np.random.Generator) -> Image.Image:
    """Cut a square of between 256 pixels and all of the shorter side anywhere, and resize it to ``size``.

    Where it shows next to nothing, an empty sky, another is cut; the third is taken as it is.
    """
    for _ in range(3):
        crop = _cut(image, size, rng)
        if np.asarray(crop.convert("L")).std() >= DULL:
            break
    return crop


def _cut(image: Image.Image, size: int, rng: np.random.Generator) -> Image.Image:
    shorter = min(image.size)
    side = shorter * (min(LEAST_SIDE, shorter) / shorter) ** rng.random()  # no scale is more likely than another
    left, top = rng.uniform(0, image.width - side), rng.uniform(0, image.height - side)
    return image.resize((size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side))


def turn(picture: Tensor, rng: np.random.Generator) -> Tensor:
    """Mirror every other picture ``(3, H, W)``, and turn every fourth by 90, 180 or 270 degrees."""
    if rng.random() < 0.5:
        picture = picture.flip(2)
    return picture.rot90(int(rng.integers(1, 4)), (1, 2)) if rng.random() < 0.25 else picture


def recolor(picture: Tensor, rng: np.random.Generator) -> Tensor:
    """Change the colors of a picture ``(3, H, W)`` in [0, 1]: one of several ways, or several at once."""
    if rng.random() < 0.5:
        picture = picture[rng.permutation(3).tolist()]
    if rng.random() < 0.2:
        picture = 1 - picture
    if rng.random() < 0.5:
        picture = turn_hue(picture, rng.uniform(-math.pi, math.pi))
    if rng.random() < 0.7:
        picture = strengthen(picture, saturation=rng.uniform(0.3, 1.9), contrast=rng.uniform(0.6, 1.5))
    return picture


def turn_hue(picture: Tensor, angle: float) -> Tensor:
    """Turn the colors of ``(3, H, W)`` around the gray axis by ``angle`` radians; what leaves [0, 1] is clipped."""
    shift = torch.arange(3).view(3, 1) - torch.arange(3)
    weights = [(1 + 2 * math.cos(angle + 2 * math.pi * k / 3)) / 3 for k in range(3)]
    rotation = picture.new_tensor(weights)[shift.T % 3]
    return torch.einsum("ij,jhw->ihw", rotation, picture).clamp(0, 1)


def strengthen(picture: Tensor, saturation: float, contrast: float) -> Tensor:
    """Stretch the colors of ``(3, H, W)`` away from gray, and brightness away from its mean; clipped to [0, 1]."""
    gray = (picture * picture.new_tensor(LUMA).view(3, 1, 1)).sum(0, keepdim=True)
    return (gray.mean() + contrast * (gray - gray.mean()) + saturation * (picture - gray)).clamp(0, 1)


def _at_hand(paintings: str | os.PathLike[str] | Dataset) -> Dataset:
    opened = open_photos(paintings) if isinstance(paintings, str | os.PathLike) else paintings
    if not isinstance(opened, Dataset):
        raise ConfigError(f"{paintings}: is streamed; style pictures are drawn at random from a set that is here")
    return opened
