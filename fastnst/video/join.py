"""Put painted frames and the untouched tracks of the original into one file."""

import heapq
import io
import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from fastnst.atomic import replacing
from fastnst.errors import ConfigError
from fastnst.video._extra import import_av
from fastnst.video.clip import Facts, VideoError, opened, picture_stream, reason
from fastnst.video.encode import Codec, sensible, settings
from fastnst.video.kinds import CONTAINERS
from fastnst.video.parts import Parts

OF_CONTAINER = ("major_brand", "minor_version", "compatible_brands", "encoder", "creation_time", "duration")
"""Metadata that a file has because of how it was written."""

WHERE = "location"
"""Part of the names of metadata that say where a video was taken."""

BITEXACT = {"fflags": "+bitexact"}
"""No random numbers in the file, so that a repetition is equal."""


class Joiner:
    """Write the video.

    Args:
        source: The original.
        facts: What it is.
        codec: Of the painted frames.
        crf: Their quality.
        out: The file.
        note: How it was made; plain data.
        keep_metadata: Whether the place where it was taken is kept.
    """

    def __init__(
        self,
        source: Path,
        facts: Facts,
        codec: Codec,
        crf: int,
        out: Path,
        note: Mapping[str, Any],
        keep_metadata: bool,
    ) -> None:
        self.av = import_av()
        self.source, self.facts, self.codec, self.crf, self.out = source, facts, codec, crf, out
        self.note, self.keep_metadata = note, keep_metadata
        self.dropped: list[str] = []

    def check(self) -> list[str]:
        """Find out, before anything is painted, which tracks the file can hold; return notes on those it cannot.

        Raises:
            ConfigError: It cannot hold a sound track, or not this picture.
        """
        with opened(self.source) as original, self._muxer(io.BytesIO(), BITEXACT) as output:
            self._tracks(original, output)
            try:
                output.start_encoding()
            except (self.av.error.FFmpegError, ValueError) as error:
                raise ConfigError(f"--out {self.out}: cannot hold these tracks ({reason(error)}); try .mkv") from None
        return [f"{self.source}: its track of {kind} is left out, which {self.out.suffix} does not hold"
                for kind in self.dropped]  # fmt: skip

    def write(self, parts: Parts) -> None:
        """Write the file from all parts.

        Raises:
            VideoError: It cannot be written.
        """
        with replacing(self.out) as temporary:
            try:
                with (
                    opened(self.source) as original,
                    self._muxer(f"file:{temporary.absolute()}", self._options()) as output,
                ):
                    picture, copied = self._tracks(original, output)
                    for packet in self._packets(original, picture, copied, parts):
                        output.mux_one(packet)
            except self.av.error.FFmpegError as error:
                raise VideoError(f"{self.out}: cannot be written ({reason(error)})") from error

    def _muxer(self, file: Any, options: dict[str, str]) -> Any:
        return self.av.open(file, "w", format=CONTAINERS[self.out.suffix.lower()], container_options=options)

    def _options(self) -> dict[str, str]:
        """Choose exact time stamps, and the index in front, so that a player may begin before it has all."""
        if CONTAINERS[self.out.suffix.lower()] not in ("mp4", "mov"):
            return BITEXACT
        timescale = str(_timescale(self.facts.time_base))
        return {**BITEXACT, "movflags": "+faststart", "video_track_timescale": timescale}

    def _tracks(self, original: Any, output: Any) -> tuple[Any, dict[int, Any]]:
        """Add the picture track and a copy of every other; return it and them, by their index in the original."""
        attributes, options = settings(self.codec, self.facts, self.crf)
        rate = sensible(self.facts.rate)
        picture = output.add_stream(self.codec.name, rate, options, time_base=1 / rate, **attributes)
        self.dropped = []
        main = picture_stream(original, self.source)
        others = [stream for stream in original.streams if stream.index != main.index]
        copied = {stream.index: track for stream in others if (track := self._copy(stream, output))}
        self._describe(original, output)
        return picture, copied

    def _copy(self, stream: Any, output: Any) -> Any:
        try:
            if stream.type not in ("audio", "subtitle"):
                raise ValueError
            track = output.add_stream_from_template(stream)
        except ValueError:
            if stream.type == "audio":
                name = getattr(stream.codec_context, "name", "unknown")
                raise ConfigError(
                    f"--out {self.out}: {self.out.suffix} does not hold {name} sound; .mkv does"
                ) from None
            self.dropped.append("further pictures" if stream.type == "video" else stream.type)
            return None
        track.metadata.update(stream.metadata)
        track.disposition = stream.disposition
        return track

    def _describe(self, original: Any, output: Any) -> None:
        output.metadata.update(
            {
                name: text
                for name, text in original.metadata.items()
                if name.lower() not in (*OF_CONTAINER, "comment") and (self.keep_metadata or WHERE not in name.lower())
            }
        )
        before = comment(original)
        output.metadata["comment"] = json.dumps({**self.note, **({"comment": before} if before else {})})
        output.set_chapters(original.chapters())

    def _packets(self, original: Any, picture: Any, copied: Mapping[int, Any], parts: Parts) -> Iterator[Any]:
        """Yield all packets by time."""
        tracks = [self._painted(picture, parts), self._untouched(original, copied)]
        return (packet for _, packet in heapq.merge(*tracks, key=lambda timed: timed[0]))

    def _painted(self, picture: Any, parts: Parts) -> Iterator[tuple[Fraction, Any]]:
        for part in parts:
            packet = self.av.Packet(part.data)
            packet.stream, packet.time_base = picture, self.facts.time_base
            packet.pts = packet.dts = part.pts
            packet.duration, packet.is_keyframe = part.duration, part.key
            yield part.pts * self.facts.time_base, packet

    def _untouched(self, original: Any, copied: Mapping[int, Any]) -> Iterator[tuple[Fraction, Any]]:
        if not copied:
            return
        now = Fraction(0)
        packets = original.demux([original.streams[index] for index in copied])
        while True:
            try:
                packet = next(packets, None)
            except self.av.error.FFmpegError:  # the file ends early; what was read is kept
                return
            if packet is None:
                return
            if not packet.size:
                continue
            when = packet.pts if packet.dts is None else packet.dts
            now = now if when is None else when * packet.time_base
            packet.stream = copied[packet.stream.index]
            yield now, packet


def _timescale(time_base: Fraction) -> int:
    """Return units per second in which an MP4 holds the time stamps exactly, of a size that players are used to."""
    scale = time_base.denominator
    while scale < 10_000:
        scale *= 2
    return scale


def note_in(container: Any) -> dict[str, Any] | None:
    """Return how a video was made, as fastnst wrote it into the file; ``None`` if it did not."""
    try:
        note = json.loads(comment(container))
    except (ValueError, RecursionError):
        return None
    return note if isinstance(note, dict) and "fastnst" in note else None


def comment(container: Any) -> str:
    """Return the comment of a file, which Matroska writes in capitals."""
    return {name.lower(): text for name, text in container.metadata.items()}.get("comment", "")
