"""Paint the frames of a video so that they do not flicker: held statistics, a grid that moves along, and a blend."""

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fastnst.images import pad_to
from fastnst.inference import Stylizer
from fastnst.networks import paint_even
from fastnst.networks.norm import InstanceNorm, measure
from fastnst.video.flow import Flow, Motion
from fastnst.video.kinds import BLEND

HOLD = 0.9
"""Share of the statistics of the frames before, in the average by which a frame is normalized."""

THUMBNAIL = (64, 36)
"""Width and height of what cuts are found on."""

CUT_DIFFERENCE, CUT_HISTOGRAM = 20.0, 0.25
"""Of a cut at least: mean difference of thumbnails in levels of 255, and share of values in another sixteenth."""

EVEN = 3
"""Levels of 255 by which the pixels of a frame of one color, such as a black one, differ: codecs are not exact."""


class Held:
    """Apply norms by statistics averaged over frames; an :data:`~fastnst.networks.norm.Apply`.

    Args:
        names: The network's norms and their names.
        share: Of the frames before, in the average; 0 for each frame by its own.

    Attributes:
        moments: Mean and variance by the name of the norm, ``(1, 2, C)``; empty before the first frame.
    """

    def __init__(self, names: Mapping[InstanceNorm, str], share: float) -> None:
        self.names, self.share = names, share
        self.moments: dict[str, Tensor] = {}

    def __call__(self, norm: InstanceNorm, x: Tensor) -> Tensor:
        if not self.share:
            return norm(x)
        now, name = measure(x), self.names[norm]
        before = self.moments.get(name)
        self.moments[name] = now if before is None else torch.lerp(now, before, self.share)
        return norm(x, moments=self.moments[name])


class FramePainter:
    """Paint one frame after the other.

    Args:
        stylizer: Of one style.
        blend: Share of the frame before, moved along the flow, where the flow can be trusted; 0 for each frame alone.
        hold: Share of the statistics of the frames before; 0 for each frame by its own.

    Fine strokes of a network are locked to its grid, of 8 pixels for ``lite``: below a camera that pans they would
    stand still. So the grid goes along with the camera, in whole pixels. At a cut all is forgotten, and so are the
    statistics at a frame of one color, which has none. What is remembered is :attr:`state`; with it, another painter
    goes on as this one would have.

    Raises:
        ConfigError: The stylizer has several styles, and none was chosen.
    """

    def __init__(self, stylizer: Stylizer, blend: float = BLEND, hold: float = HOLD) -> None:
        if stylizer.network.styles is not None:
            stylizer = stylizer.styled()
        self.network, self.device = stylizer.network, stylizer.device
        self.blend = blend
        self.held = Held({norm: name for name, norm in self.network.named_norms()}, hold)
        self.flow = Flow()
        self._seen: dict[str, np.ndarray] = {}

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Paint upright RGB values ``(H, W, 3)`` of 8 bits; the result has their shape.

        Raises:
            FloatingPointError: The network returned values that are not finite.
        """
        small = thumbnail(self.flow, values)
        if "thumbnail" in self._seen and is_cut(self._seen["thumbnail"], small):
            self._forget()
        if not self.blend:
            self._seen = {"thumbnail": small}
            return self._paint(values, (0, 0))
        gray, drift, motion = self.flow.gray(values), self._seen.get("drift", np.zeros(2)), None
        if "gray" in self._seen:
            motion = self.flow.between(self._seen["gray"], gray)
        if motion is not None:
            drift = drift + camera_motion(motion) * (len(values) / len(gray))
        columns, rows = (round(float(pixels)) % self.network.size_multiple for pixels in drift)
        painted = self._blended(self._paint(values, (rows, columns)), motion)
        self._seen = {"thumbnail": small, "gray": gray, "drift": drift, "painted": painted}
        return painted

    @property
    def state(self) -> dict[str, np.ndarray]:
        """What is remembered, as arrays by name."""
        moments = {f"moments.{name}": values.cpu().numpy() for name, values in self.held.moments.items()}
        return {**self._seen, **moments}

    @state.setter
    def state(self, arrays: Mapping[str, np.ndarray]) -> None:
        self._seen = {name: values for name, values in arrays.items() if not name.startswith("moments.")}
        self.held.moments = {
            name.removeprefix("moments."): torch.from_numpy(values.copy()).to(self.device)
            for name, values in arrays.items()
            if name.startswith("moments.")
        }

    def _forget(self) -> None:
        self._seen, self.held.moments = {}, {}

    @torch.inference_mode()
    def _paint(self, values: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
        """Paint a frame whose grid begins so many rows and columns outside of it."""
        height, width = values.shape[:2]
        if (values.max((0, 1)) - values.min((0, 1))).max() <= EVEN:
            return self._evenly(values)
        above, left = min(grid[0], height - 1), min(grid[1], width - 1)
        images = torch.from_numpy(values).to(self.device).permute(2, 0, 1)[None].float() / 255
        images = images.contiguous(memory_format=torch.channels_last)
        images = F.pad(images, (left, 0, above, 0), mode="reflect")
        padded = pad_to(images, self.network.size_multiple, self.network.min_size)
        painted = self.network.transform(padded, self.held)[..., above:, left:][..., :height, :width].clamp(0, 1)
        if not torch.isfinite(painted).all():
            raise FloatingPointError("the network returned values that are not finite numbers; train it again")
        return (painted[0] * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy()

    def _evenly(self, values: np.ndarray) -> np.ndarray:
        """Paint a frame of one color in one, and forget the statistics: the next frames are not to be mixed with it."""
        self.held.moments = {}
        mean = torch.from_numpy(values.mean((0, 1), dtype=np.float32) / 255).view(1, 3, 1, 1)
        color = (paint_even(self.network, mean.to(self.device)) * 255).round().to(torch.uint8)
        return np.broadcast_to(color.flatten().cpu().numpy(), values.shape).copy()

    def _blended(self, painted: np.ndarray, motion: Motion | None) -> np.ndarray:
        """Mix a painting with the one before, moved along, where forward and backward flow agree."""
        if motion is None:
            return painted
        back, sure = motion
        height, width = painted.shape[:2]
        moved = self.flow.move(self._seen["painted"], self.flow.full(back, height, width))
        soft = self.flow.cv2.blur(sure.astype(np.float32), (5, 5))  # no edge where trust ends
        weight = self.flow.cv2.resize(soft, (width, height), interpolation=self.flow.cv2.INTER_LINEAR)[..., None]
        mixed = painted + self.blend * weight * (moved.astype(np.float32) - painted)
        return mixed.round().clip(0, 255).astype(np.uint8)


def camera_motion(motion: Motion) -> np.ndarray:
    """Return by how many columns and rows most of a frame was elsewhere before; in pixels of the flow."""
    back, sure = motion
    return np.median(back[sure], axis=0) if sure.any() else np.zeros(2)


def thumbnail(flow: Flow, values: np.ndarray) -> np.ndarray:
    """Reduce a frame to :data:`THUMBNAIL`."""
    return flow.cv2.resize(values, THUMBNAIL, interpolation=flow.cv2.INTER_AREA)


def is_cut(before: np.ndarray, now: np.ndarray) -> bool:
    """Say whether a scene ends between two thumbnails: pixels differ, as in any motion, and so do the colors at large.

    Source: Zhang, Kankanhalli, Smoliar. Automatic partitioning of full-motion video. Multimedia Systems 1, 1993.
    """
    if float(np.abs(before.astype(np.int16) - now).mean()) < CUT_DIFFERENCE:
        return False
    return float(np.abs(_histogram(before) - _histogram(now)).sum() / 2) > CUT_HISTOGRAM


def _histogram(values: np.ndarray) -> np.ndarray:
    """Return the share of the values of each channel in each sixteenth of the range, averaged over channels."""
    counts = [np.bincount(values[..., channel].ravel() >> 4, minlength=16) for channel in range(3)]
    return np.stack(counts) / values[..., 0].size / 3
