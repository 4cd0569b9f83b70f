"""Encode frames: which codec, in which format of pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fastnst.errors import ConfigError
from fastnst.video._extra import import_av
from fastnst.video.clip import Facts
from fastnst.video.kinds import CONTAINERS


@dataclass(frozen=True)
class Codec:
    """A codec and how its quality is set.

    Args:
        name: Of the encoder, as FFmpeg calls it.
        crf: The quality by default; lower is better.
        worst: The highest value of ``crf``.
        options: Makes the encoder's options from ``crf``.
        odd: Whether it halves the resolution of color for odd sides too.
    """

    name: str
    crf: int
    worst: int
    options: Callable[[int], dict[str, str]]
    odd: bool = True


X264 = Codec("libx264", 18, 51, lambda crf: {"crf": str(crf), "preset": "medium"}, odd=False)
VP9 = Codec(
    "libvpx-vp9", 24, 63, lambda crf: {"crf": str(crf), "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}
)
MPEG4 = Codec("mpeg4", 3, 31, lambda crf: {"qmin": str(max(1, crf)), "qmax": str(max(1, crf))})
"""Where FFmpeg was built without x264."""


def pick_codec(out: Path, crf: int | None) -> tuple[Codec, int]:
    """Return the codec for a file, by its extension, and the quality.

    Raises:
        ConfigError: Not the name of a video that we write, or a quality that the codec does not have.
    """
    container = CONTAINERS.get(out.suffix.lower())
    if container is None:
        raise ConfigError(f"--out {out}: a video is written as {', '.join(CONTAINERS)}")
    present = import_av().codecs_available
    codec = VP9 if container == "webm" else X264 if X264.name in present else MPEG4
    if codec.name not in present:
        raise ConfigError(f"--out {out}: this FFmpeg has no {codec.name}; choose .mp4 or .mkv")
    crf = codec.crf if crf is None else crf
    if not 0 <= crf <= codec.worst:
        raise ConfigError(f"crf {crf}: {codec.name} goes from 0 (best) to {codec.worst}")
    return codec, crf


def pixel_format(codec: Codec, width: int, height: int) -> str:
    """Return how pixels are stored: color at half the resolution, but for odd sides where the codec cannot halve."""
    return "yuv444p" if not codec.odd and (width % 2 or height % 2) else "yuv420p"


def settings(codec: Codec, facts: Facts, crf: int) -> tuple[dict[str, Any], dict[str, str]]:
    """Return an encoder's attributes and its options.

    The encoder counts frames and knows nothing of time stamps: packets come out in the order of the frames, one each,
    because there are no B frames, and each is given the time of its frame.
    """
    color = facts.color
    attributes = {
        "width": facts.width,
        "height": facts.height,
        "pix_fmt": pixel_format(codec, facts.width, facts.height),
        "bit_rate": 0,
        "max_b_frames": 0,
        "sample_aspect_ratio": facts.aspect,
        "color_range": color.range,
        "colorspace": color.matrix,
        "color_primaries": color.primaries,
        "color_trc": color.transfer,
    }
    return attributes, codec.options(crf)


def sensible(rate: Fraction) -> Fraction:
    """Bring a frame rate into what every encoder accepts."""
    return min(max(rate, Fraction(1)), Fraction(1000)).limit_denominator(1001)


class Encoder:
    """Encode the frames of one segment, which begins with a key frame and refers to nothing outside.

    Args:
        codec: What encodes.
        facts: Of the video.
        crf: The quality.
    """

    def __init__(self, codec: Codec, facts: Facts, crf: int) -> None:
        self.av, self.facts = import_av(), facts
        self.context = self.av.CodecContext.create(codec.name, "w")
        attributes, options = settings(codec, facts, crf)
        for name, value in attributes.items():
            setattr(self.context, name, value)
        self.context.framerate = sensible(facts.rate)
        self.context.time_base = 1 / self.context.framerate
        self.context.flags |= int(self.av.codec.context.Flags.global_header)
        self.context.options = options
        self.count = 0
        self.packets: list[tuple[bytes, bool]] = []

    def add(self, values: np.ndarray) -> None:
        """Encode upright RGB values ``(H, W, 3)`` of 8 bits."""
        matrix, values_range = self.facts.conversion
        rgb = self.av.VideoFrame.from_ndarray(np.ascontiguousarray(values), "rgb24")
        frame = rgb.reformat(format=self.context.pix_fmt, dst_colorspace=matrix, dst_color_range=values_range)
        frame.pts, frame.time_base = self.count, self.context.time_base
        frame.colorspace = self.facts.color.matrix
        frame.color_range = self.facts.color.range
        self.count += 1
        self._keep(self.context.encode(frame))

    def finish(self) -> list[tuple[bytes, bool]]:
        """Return the packets, one per frame, and whether each is a key frame."""
        self._keep(self.context.encode(None))
        assert len(self.packets) == self.count, "one packet per frame"
        return self.packets

    def _keep(self, packets: Any) -> None:
        self.packets += [(bytes(packet), bool(packet.is_keyframe)) for packet in packets]
