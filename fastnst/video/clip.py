"""What a video file is, as its header and its first frame tell."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fastnst.errors import first_line
from fastnst.video._extra import import_av

BT709, SMPTE170M = 1, 6
"""Color matrices by their numbers in ITU-T H.273; what has no tag is taken for the first from 720 lines on."""

MATRICES = {1: "ITU709", 4: "FCC", 5: "ITU624", 6: "SMPTE170M", 7: "SMPTE240M", 9: "BT2020", 10: "BT2020"}
"""Names by which PyAV converts, by their numbers."""

LIMITED, FULL = 1, 2
"""Ranges of values: 16 to 235, or 0 to 255."""

HIGH_DYNAMIC = (16, 18)
"""Transfer functions PQ and HLG."""

LIMIT = 178_000_000
"""Pixels of a frame; a header that claims more is refused."""


class VideoError(ValueError):
    """A file cannot be used as a video; the message names it and states the reason."""


@dataclass(frozen=True)
class Color:
    """How values stand for colors, as numbers of ITU-T H.273; 2 is unspecified, and so is range 0."""

    range: int
    matrix: int
    primaries: int
    transfer: int


@dataclass(frozen=True)
class Facts:
    """What a video is.

    Args:
        width, height: Of the upright picture, in pixels.
        time_base: The unit of time stamps, in seconds.
        rate: Frames per second, on average.
        aspect: Width of a pixel by its height, upright.
        color: As the file says.
        codec: Of the picture.
        matrix: Of the display: how the stored picture is turned upright, ``(a, b, c, d)``.
        stored: Width and height before that.
        frames: How many there are about; 0 if nobody knows.
        seconds: The length; 0 if nobody knows.
    """

    width: int
    height: int
    time_base: Fraction
    rate: Fraction
    aspect: Fraction
    color: Color
    codec: str
    matrix: tuple[int, int, int, int] = (1, 0, 0, 1)
    stored: tuple[int, int] = (0, 0)
    frames: int = 0
    seconds: float = 0.0

    @property
    def conversion(self) -> tuple[str, int]:
        """The matrix and the range by which values are colors, where nothing is said as players assume it."""
        assumed = BT709 if self.height >= 720 else SMPTE170M
        matrix = MATRICES.get(self.color.matrix, MATRICES[assumed])
        return matrix, FULL if self.color.range == FULL else LIMITED


@dataclass(frozen=True)
class Frame:
    """A frame: upright RGB values ``(H, W, 3)`` of 8 bits, with time stamp and duration in units of the time base."""

    pts: int
    duration: int
    values: np.ndarray


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a video file with PyAV; a file may not make the reader open another one, nor an address.

    Raises:
        VideoError: It cannot be read.
    """
    av = import_av()
    if not path.exists():
        raise VideoError(f"{path}: no such file")
    if not path.is_file():
        raise VideoError(f"{path}: is not a file")
    if not path.stat().st_size:
        raise VideoError(f"{path}: the file is empty")
    try:
        container = av.open(f"file:{path.absolute()}", container_options={"protocol_whitelist": "file"})
    except (av.error.FFmpegError, ValueError) as error:
        raise VideoError(f"{path}: cannot be read as a video ({reason(error)})") from None
    with container:
        yield container


def reason(error: Exception) -> str:
    """Say in words what FFmpeg found."""
    return getattr(error, "strerror", None) or first_line(error)


def picture_stream(container: Any, path: Path) -> Any:
    """Return the track of the picture; cover art is none.

    Raises:
        VideoError: There is none.
    """
    av = import_av()
    art = av.stream.Disposition.attached_pic
    for stream in container.streams.video:
        if stream.codec_context is not None and not stream.disposition & art:
            stream.thread_type = "AUTO"
            return stream
    raise VideoError(f"{path}: holds no picture track that can be decoded")


def probe(path: Path) -> Facts:
    """Tell what a video is, from its header and its first frame.

    Raises:
        VideoError: It cannot be read, or not one frame of it can be decoded.
    """
    with opened(path) as container:
        stream = picture_stream(container, path)
        first = next(decoded(container, stream, Counter()), None)
        if first is None:
            raise VideoError(f"{path}: not one frame can be decoded")
        if first.width * first.height > LIMIT:
            raise VideoError(f"{path}: {first.width}x{first.height} is more than {LIMIT // 10**6} megapixels")
        return _facts(container, stream, first)


def _facts(container: Any, stream: Any, first: Any) -> Facts:
    matrix = display_matrix(first)
    turned = bool(matrix[1])
    width, height = (first.height, first.width) if turned else (first.width, first.height)
    aspect = stream.sample_aspect_ratio or Fraction(1)
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    seconds = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
    return Facts(
        width=width,
        height=height,
        time_base=stream.time_base,
        rate=rate,
        aspect=1 / aspect if turned else aspect,
        color=_color(first),
        codec=stream.codec_context.name,
        matrix=matrix,
        stored=(first.width, first.height),
        frames=stream.frames or round(seconds * rate),
        seconds=seconds,
    )


def _color(frame: Any) -> Color:
    if frame.format.name.startswith("yuvj"):
        return Color(FULL, frame.colorspace, frame.color_primaries, frame.color_trc)
    if frame.format.is_rgb:  # it is written as YUV
        return Color(LIMITED, BT709 if frame.height >= 720 else SMPTE170M, frame.color_primaries, frame.color_trc)
    return Color(frame.color_range, frame.colorspace, frame.color_primaries, frame.color_trc)


def display_matrix(frame: Any) -> tuple[int, int, int, int]:
    """Return by which quarter turn and mirroring a frame is shown: ``x' = a x + c y``, ``y' = b x + d y``."""
    found = [data for data in frame.side_data if data.type.name == "DISPLAYMATRIX"]
    if not found:
        return 1, 0, 0, 1
    a, b, _, c, d = np.frombuffer(bytes(found[0])[:20], "<i4").tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return _sign(a), 0, 0, _sign(d)
    return 0, _sign(b), _sign(c), 0


def _sign(value: int) -> int:
    return -1 if value < 0 else 1


def decoded(container: Any, stream: Any, troubles: Counter[str]) -> Iterator[Any]:
    """Yield the frames of a track; packets that give none are counted as ``broken``.

    A decoder may say that a packet is broken, or hold its tongue: packets and frames are counted.
    """
    error = import_av().error
    packets = container.demux(stream)
    missing = 0
    while True:
        packet, frames = None, []  # what the decoder still holds is asked for at the end, and where reading fails
        try:
            packet = next(packets, None)
            missing += bool(packet is not None and packet.size and not packet.is_discard)
            frames = stream.decode(None) if packet is None else packet.decode()
        except error.EOFError:  # the decoder was emptied already
            pass
        except error.FFmpegError:
            missing += packet is None
        yield from frames
        missing -= len(frames)
        if packet is None:
            troubles["broken"] += max(0, missing)
            return
