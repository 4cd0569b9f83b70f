"""Paint a video file: frame by frame, segment by segment."""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np

from fastnst import __version__
from fastnst.atomic import check_writable
from fastnst.devices import Precision, reuse_memory
from fastnst.errors import ConfigError
from fastnst.inference import Stylizer, load
from fastnst.inference.choice import find_model
from fastnst.video.clip import Facts, Frame, VideoError, probe
from fastnst.video.encode import Codec, Encoder, pick_codec
from fastnst.video.join import Joiner
from fastnst.video.kinds import BLEND
from fastnst.video.parts import Packet, Parts
from fastnst.video.reader import Reader
from fastnst.video.steady import HOLD, FramePainter

SEGMENT = 60
"""Frames that are painted anew after an interruption, at most, and from one key frame to the next."""


@dataclass(frozen=True)
class VideoJob:
    """A video to paint; plain data.

    Args:
        source: The video.
        out: The painted one; its extension says how it is written.
        model: A bundled style by name, or a trained file; told by the style where it is left out.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.
        precision: ``float32`` or ``bfloat16``; see :class:`~fastnst.Stylizer`.
        style: One of the model's styles by name, the path of a picture, or weights of such; see :func:`fastnst.load`.
        strength: 0 for the video as it is, 1 for all of the style.
        steady: Share of the frame before that is blended in along the flow; 0 for none.
        hold: Share of the frames before in the statistics of a frame; 0 for each frame by its own.
        crf: Quality of the picture, lower is better; the codec's own default.
        restart: Leave parts that were begun with other settings, in place of refusing to.
        keep_metadata: Keep the place where it was taken.
    """

    source: Path
    out: Path
    model: str | None
    device: str | None = None
    precision: Precision | None = None
    style: str | Mapping[str, float] | None = None
    strength: float = 1.0
    steady: float = BLEND
    hold: float = HOLD
    crf: int | None = None
    restart: bool = False
    keep_metadata: bool = False


@dataclass
class VideoResult:
    """What became of a video.

    Args:
        source, target: The video and the painted one.
        width, height: In pixels.
        frames: How many are painted, in this run and in those before.
        total: How many there are, as far as that is known before the end.
        painted: How many this run has painted.
        seconds: That this run took.
        done: Whether the painted video is there; else the same job goes on.
        notes: What is not as in the original, a line each.
    """

    source: str
    target: str
    width: int
    height: int
    frames: int = 0
    total: int = 0
    painted: int = 0
    seconds: float = 0.0
    done: bool = False
    notes: list[str] = field(default_factory=list)


OnFrame = Callable[[VideoResult, np.ndarray], bool | None]
"""Called behind every frame with what was done so far and the painted frame; a true result stops the job there."""


def run(job: VideoJob, on_frame: OnFrame | None = None) -> VideoResult:
    """Paint a video; go on where an earlier run of the same job was interrupted.

    The frames that are encoded are the same with and without interruptions, and so is the file, byte by byte, as far as
    the encoder repeats itself (x264 has been seen not to, in one run of a hundred).

    Raises:
        ConfigError: An extra is not installed; no such model, style or device; the output cannot hold the sound; or
            there are parts of another job.
        CheckpointError: The model cannot be used.
        VideoError: The video cannot be read.
        OSError: The output cannot be written.
    """
    codec, crf = pick_codec(job.out, job.crf)
    _check(job)
    facts = probe(job.source)
    joiner = Joiner(job.source, facts, codec, crf, job.out, note(job), job.keep_metadata)
    notes = joiner.check()
    reuse_memory()
    stylizer = load(job.model, job.device, job.precision, "torch", job.style, job.strength)
    parts = _parts(job, stylizer, codec, crf)
    result = _Painting(job, facts, stylizer, parts, on_frame).run(codec, crf)
    if result.done:
        joiner.write(parts)
        Parts.remove(job.out)
    result.notes = [*notes, *result.notes]
    return result


def _check(job: VideoJob) -> None:
    check_writable(job.out.parent)
    if job.out.exists() and job.source.exists() and job.out.samefile(job.source):
        raise ConfigError(f"{job.out}: would replace its own source; choose another --out")
    for name, share in (("steady", job.steady), ("hold", job.hold)):
        if not 0 <= share < 1:
            raise ConfigError(f"{name} must be at least 0 and below 1, got {share:g}")


def _parts(job: VideoJob, stylizer: Stylizer, codec: Codec, crf: int) -> Parts:
    model, _ = find_model(job.model, job.style)
    stat = job.source.stat()
    settings = {
        "version": __version__,
        "source": [stat.st_size, stat.st_mtime_ns],
        "model": hashlib.sha256(model.read_bytes()).hexdigest(),
        "style": [str(job.style), job.strength],
        "device": [stylizer.device.type, stylizer.precision],
        "steady": [job.steady, job.hold],
        "crf": [codec.name, crf],
    }
    try:
        return Parts(job.out, settings)
    except ConfigError:
        if not job.restart:
            raise
        Parts.remove(job.out)
        return Parts(job.out, settings)


class _Painting:
    """The frames of one run, from the first that is not painted."""

    def __init__(self, job: VideoJob, facts: Facts, stylizer: Stylizer, parts: Parts, on_frame: OnFrame | None) -> None:
        self.facts, self.parts, self.on_frame = facts, parts, on_frame
        self.painter = FramePainter(stylizer, job.steady, job.hold)
        self.painter.state = parts.state
        self.reader = Reader(job.source, facts, parts.frames)
        size = (facts.width, facts.height)
        self.result = VideoResult(str(job.source), str(job.out), *size, parts.frames, facts.frames)

    def run(self, codec: Codec, crf: int) -> VideoResult:
        """Paint segment by segment until the end, or until ``on_frame`` asks to stop."""
        start = time.perf_counter()
        frames, result = iter(self.reader), self.result
        result.done = True
        while result.done and (first := next(frames, None)):
            result.done = self._segment(chain([first], islice(frames, SEGMENT - 1)), Encoder(codec, self.facts, crf))
        if result.done and not self.parts.frames:
            raise VideoError(f"{result.source}: not one frame can be decoded")
        result.frames, result.notes = self.parts.frames, self.reader.notes()
        result.seconds = round(time.perf_counter() - start, 3)
        return result

    def _segment(self, frames: Iterable[Frame], encoder: Encoder) -> bool:
        """Paint a segment and keep it; say whether to go on. One that is cut short is not kept."""
        times = []
        for frame in frames:
            painted = self.painter(frame.values)
            encoder.add(painted)
            times.append((frame.pts, frame.duration))
            self.result.frames += 1
            self.result.painted += 1
            if self.on_frame and self.on_frame(self.result, painted):
                return False
        packets = [Packet(*packet, *when) for packet, when in zip(encoder.finish(), times, strict=True)]
        self.parts.add(packets, self.painter.state)
        return True


def note(job: VideoJob) -> dict[str, Any]:
    """Return how a video was made, for the file itself."""
    words = ["fastnst", "stylize", str(job.source)]
    settings: dict[str, Any] = {"steady": job.steady, "hold": job.hold}
    if job.model:
        words, settings["model"] = [*words, "--model", job.model], job.model
    if isinstance(job.style, Mapping):
        words += ["--mix", *(f"{name}:{weight:g}" for name, weight in job.style.items())]
        settings["mix"] = dict(job.style)
    elif job.style is not None:
        words, settings["style"] = [*words, "--style", str(job.style)], str(job.style)
    for name, value, usual in (("strength", job.strength, 1), ("steady", job.steady, BLEND), ("crf", job.crf, None)):
        if value != usual:
            words, settings[name] = [*words, f"--{name}", f"{value:g}"], value
    return {"fastnst": __version__, "command": [*words, "--out", str(job.out)], "settings": settings}
