from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

av = pytest.importorskip("av", reason="needs the extra video (PyAV)")
pytest.importorskip("cv2", reason="needs the extra video (OpenCV)")

MS = Fraction(1, 1000)


def texture(width: int, height: int, seed: int = 0) -> np.ndarray:
    """A picture with structure in every place, at several scales."""
    rng = np.random.default_rng(seed)
    small = [Image.fromarray(rng.integers(0, 256, (height // s, width // s, 3), dtype=np.uint8)) for s in (4, 8)]
    layers = [np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC)) for picture in small]
    return (sum(layer.astype(float) for layer in layers) / 2).round().astype(np.uint8)


def moving(
    count: int, width: int = 64, height: int = 48, seed: int = 0, step: tuple[int, int] = (2, 1)
) -> list[np.ndarray]:
    """Frames of a camera that moves over a picture by whole pixels."""
    wide = texture(width + count * step[0] + 8, height + count * step[1] + 8, seed)
    return [wide[n * step[1] :, n * step[0] :][:height, :width].copy() for n in range(count)]


@pytest.fixture(scope="session")
def make_frames() -> Callable[..., list[np.ndarray]]:
    return moving


def write(
    path: Path,
    frames: Sequence[np.ndarray],
    times: Sequence[int] | None = None,
    sound: str | None = None,
    rotation: tuple[float, bool] | None = None,
    fmt: str = "yuv420p",
    **attributes: Any,
) -> Path:
    """Write a video with PyAV; times are milliseconds, 40 apart by default."""
    with av.open(str(path), "w") as output:
        height, width = frames[0].shape[:2]
        track = output.add_stream("libx264", 25, {"crf": "4", "preset": "ultrafast"}, time_base=MS)
        track.width, track.height, track.pix_fmt = width, height, fmt
        for name, value in attributes.items():
            setattr(track.codec_context, name, value)
        if rotation:
            track.set_display_rotation(*rotation)
        tone = output.add_stream(sound, 48_000) if sound else None
        if tone:
            tone.metadata["language"] = "deu"
        output.metadata.update({"title": "a clip", "location": "+48.2+16.4/"})
        packets = []
        for number, values in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(values, "rgb24")
            matrix = {1: "ITU709", 6: "SMPTE170M"}[attributes.get("colorspace", 6)]
            frame = frame.reformat(format=fmt, dst_colorspace=matrix, dst_color_range=attributes.get("color_range", 1))
            frame.pts, frame.time_base = times[number] if times else 40 * number, MS
            packets += track.encode(frame)
        packets += track.encode(None)
        output.mux(packets)
        if tone:
            output.mux(sounded(tone, len(frames) * 0.04))
    return path


def broken(path: Path) -> Path:
    """Overwrite the data of the last packet of the picture."""
    with av.open(str(path)) as container:
        last = [bytes(packet) for packet in container.demux(video=0) if packet.size][-1]
    path.write_bytes(path.read_bytes().replace(last, b"\xff" * len(last)))
    return path


def sounded(track: Any, seconds: float) -> list[Any]:
    """A tone, encoded."""
    wave = (0.3 * np.sin(np.arange(round(48_000 * seconds)) * 0.06)).astype(np.float32)
    packets = []
    for start in range(0, len(wave) - 1023, 1024):
        block = av.AudioFrame.from_ndarray(np.repeat(wave[None, start : start + 1024], 2, 0), "fltp", "stereo")
        block.sample_rate, block.pts, block.time_base = 48_000, start, Fraction(1, 48_000)
        packets += track.encode(block)
    return packets + track.encode(None)


@pytest.fixture
def break_last() -> Callable[[Path], Path]:
    return broken


@pytest.fixture(name="sounded")
def _sounded() -> Callable[..., list[Any]]:
    return sounded


@pytest.fixture(scope="session")
def make_clip() -> Callable[..., Path]:
    return write


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fourteen frames of 64 x 48 with sound, at uneven times."""
    times = [40 * n + 7 * (n % 3) for n in range(14)]
    return write(tmp_path_factory.mktemp("clip") / "clip.mp4", moving(14), times, sound="aac")


def packets_of(path: Path, kind: str) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(**{kind: 0}) if packet.size]


def times_of(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


@pytest.fixture
def packets() -> Callable[[Path, str], list[bytes]]:
    return packets_of


@pytest.fixture
def times() -> Callable[[Path], list[Fraction]]:
    return times_of
