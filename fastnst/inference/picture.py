"""Paint pictures in one or several styles: transparency, colors and masks; knows nothing of files."""

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fastnst.errors import ConfigError
from fastnst.images import Picture, read_mask
from fastnst.images.alpha import bleed
from fastnst.images.bands import bands, enlarged_rows
from fastnst.images.decode import Source
from fastnst.images.masks import opacities
from fastnst.images.recolor import Color, ColorMethod, keep_colors
from fastnst.images.resample import resample
from fastnst.images.room import room_like
from fastnst.inference.stylizer import Stylizer

log = logging.getLogger(__name__)

MASK_SIDE = 2048
"""Longer side of a mask, pixels; it is soft, so of a larger picture it needs no more."""

KEPT = 4
"""Sizes of pictures whose masks are kept: many of a folder have the same few."""

USUAL = {"memory": None, "statistics": "exact", "stroke": 1.0, "size": None}
"""How a picture is painted that may be painted together with others."""

SAMPLES, MEASURED = 8, 2**20
"""Frames of an animation whose statistics are averaged, and the pixels that are looked at of each."""


@dataclass(frozen=True)
class Layer:
    """A style, and where it is painted.

    Args:
        stylizer: Of one style.
        mask: A picture: white is painted, black keeps what is below; everywhere by default.
    """

    stylizer: Stylizer
    mask: Source | None = None


class Painter:
    """Paint pictures and animations in one style, or in several at different places.

    What is transparent stays so; the network sees the colors around in its place. The frames of an animation are
    normalized by common statistics, without which its brightness would pump. Several threads may paint at once.

    Args:
        layers: Styles; several need a mask each, and share what is there where masks overlap.
        color: Whose colors the result has, the ``style``'s or those of the photograph, the ``content``.
        color_by: How the photograph's are kept, see :func:`~fastnst.images.recolor.keep_colors`.
        how: Memory, statistics, stroke and size, as :meth:`~fastnst.Stylizer.paint` takes them.

    Attributes:
        joint: Paints a picture for a stylizer, together with those of other threads, if there is anything that does.

    Raises:
        ConfigError: Several layers, and one without a mask.

    Example:
        >>> painter = Painter([Layer(fastnst.load("udnie"), "sky.png"), Layer(fastnst.load("painted"), "sea.png")])
        >>> write_pictures(painter(read_pictures("holiday.tif")), "painted.tif")
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        color: Color = "style",
        color_by: ColorMethod = "luminance",
        how: Mapping[str, Any] | None = None,
    ) -> None:
        masks = [layer.mask for layer in layers]
        if len(layers) > 1 and None in masks:
            raise ConfigError(f"{len(layers)} styles want a mask each; give one for each --model or --style")
        self.layers, self.how = list(layers), dict(how or {})
        self.method = color_by if color == "content" else None
        self.joint: Callable[[Stylizer, np.ndarray], np.ndarray] | None = None
        self._opacities: dict[tuple[int, int], list[Tensor]] = {}

    def __call__(self, pictures: Sequence[Picture]) -> list[Picture]:
        """Paint a picture, or all frames of an animation; each keeps its type, alpha, profile, EXIF and time.

        Raises:
            ConfigError: A stylizer of several styles, or a mask that is all black.
            ImageError: A mask cannot be read.
            FloatingPointError: A network returned values that are not finite.
        """
        photos = [p.values if p.alpha is None else bleed(p.values, p.alpha) for p in pictures]
        with ExitStack() as stack:
            if len(photos) > 1:
                for layer in self.layers:
                    stack.enter_context(common_statistics(layer.stylizer, photos, **self.how))
            paint = self.joint if self.joint is not None and self.joins(photos) else self._alone
            painted = [self._paint(photo, paint) for photo in photos]
        return [self._finish(*pair) for pair in zip(pictures, painted, strict=True)]

    def joins(self, pictures: Sequence[Any]) -> bool:
        """Say whether what is given may be painted together with others: one picture, in the usual way."""
        return len(pictures) == 1 and all(self.how.get(name, value) == value for name, value in USUAL.items())

    def _alone(self, stylizer: Stylizer, photo: np.ndarray) -> np.ndarray:
        return stylizer.paint(photo, **self.how)

    def _paint(self, photo: np.ndarray, paint: Callable[[Stylizer, np.ndarray], np.ndarray]) -> np.ndarray:
        """Paint all layers, one over the other."""
        result: np.ndarray | None = None
        for number, layer in enumerate(self.layers):
            painted = paint(layer.stylizer, photo)
            shown = resized(photo, *painted.shape[:2])
            if self.method is not None:
                painted = keep_colors(painted, shown, self.method)
            if layer.mask is not None:
                painted = blend(shown if result is None else result, painted, self._masks(*shown.shape[:2])[number])
            result = painted
        return photo if result is None else result

    def _masks(self, height: int, width: int) -> list[Tensor]:
        """Return the opacities of all layers for a picture of this size; those of some sizes are kept."""
        found = self._opacities.get((height, width))
        if found is None:
            scale = min(1.0, MASK_SIDE / max(height, width))
            size = [max(1, round(side * scale)) for side in (height, width)]
            found = opacities([read_mask(layer.mask, *size) for layer in self.layers if layer.mask is not None])
            if len(self._opacities) >= KEPT:
                self._opacities.clear()
            self._opacities[height, width] = found
        return found

    def _finish(self, picture: Picture, painted: np.ndarray) -> Picture:
        alpha = None if picture.alpha is None else resized(picture.alpha, *painted.shape[:2])
        return replace(picture, values=painted, alpha=alpha)


def _tensor(values: np.ndarray) -> Tensor:
    """Return ``(3, H, W)``, RGB in [0, 1]."""
    return torch.from_numpy(values.astype(np.float32) / np.iinfo(values.dtype).max).permute(2, 0, 1)


def blend(below: np.ndarray, above: np.ndarray, opacity: Tensor) -> np.ndarray:
    """Lay a picture over another of its size and type, as opaque as ``(1, 1, h, w)`` of any size says."""
    height, width = below.shape[:2]
    blended = room_like(below)
    for rows in bands(height, width):
        share = enlarged_rows(opacity, rows, height, width)
        blended[rows] = (below[rows] * (1 - share) + above[rows] * share).round()
    return blended


def resized(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize ``(H, W)`` or ``(H, W, 3)``, uint8 or uint16."""
    if values.shape[:2] == (height, width):
        return values
    if values.ndim == 3:
        return np.stack([resized(np.ascontiguousarray(values[..., i]), height, width) for i in range(3)], 2)
    return np.asarray(Image.fromarray(values).resize((width, height), Image.Resampling.LANCZOS))


@contextmanager
def common_statistics(stylizer: Stylizer, photos: Sequence[np.ndarray], **how: Any) -> Iterator[None]:
    """Normalize by the statistics of several frames as if they were one picture, within the context and this thread.

    So a fade stays a fade; by those of the first frame alone, it would end in white. Frames of one color have none, and
    do not count; where all are, each is painted on its own.
    """
    network = stylizer.normalizer
    if network is None:
        log.warning("this engine keeps no statistics over an animation, which may flicker; choose engine torch")
        yield
        return
    recorded = []
    for photo in _samples(photos, **how):
        images = _tensor(photo)[None].to(stylizer.device).contiguous(memory_format=torch.channels_last)
        with network.recording_statistics() as statistics, torch.no_grad():
            network(images)
        recorded.append(dict(statistics))
    if not recorded:
        yield
        return
    pooled = {name: _pool([statistics[name] for statistics in recorded]) for name in recorded[0]}
    with network.fixed_statistics(pooled):
        yield


def _samples(
    photos: Sequence[np.ndarray], stroke: float = 1.0, size: int | None = None, **_: Any
) -> Iterator[np.ndarray]:
    """Yield some frames, as large as they are painted, or of :data:`MEASURED` pixels; none of one color."""
    for number in np.linspace(0, len(photos) - 1, min(SAMPLES, len(photos))).round().astype(int):
        photo = photos[number]
        if (photo != photo[:1, :1]).any():
            height, width = photo.shape[:2]
            scale = (1.0 if size is None else size / max(height, width)) / stroke
            scale = min(scale, math.sqrt(MEASURED / (height * width)))
            yield resample(photo, *(max(1, round(scale * side)) for side in (height, width)))


def _pool(moments: Sequence[Tensor]) -> Tensor:
    """Return mean and variance ``(1, 2, C)`` of all values together, given those of parts of one size."""
    mean, variance = torch.stack(list(moments)).unbind(2)  # (N, 1, C)
    center = mean.mean(0)
    return torch.stack([center, (variance + (mean - center).square()).mean(0)], 1)
