"""What an unfinished video has: its finished segments, and the state in which the next one begins."""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from fastnst.atomic import replacing
from fastnst.errors import ConfigError

STATE = "state.safetensors"


@dataclass(frozen=True)
class Packet:
    """A frame as encoded, with its time stamp and duration in units of the video's time base."""

    data: bytes
    key: bool
    pts: int
    duration: int


class Parts:
    """A folder beside the video, gone when the video is there.

    A segment is written before the state that follows it, each under a temporary name first: the state alone says what
    is finished, and an interruption loses the segment that was being painted and no more.

    Args:
        out: The video.
        settings: Everything that the frames depend on, plain data; parts made with others are not used.

    Attributes:
        segments: How many are finished.
        frames: How many frames those hold.
        state: Arrays by name, as given with the last segment.

    Raises:
        ConfigError: There are parts made with other settings.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any]) -> None:
        self.folder = out.with_name(out.name + ".parts")
        self.settings = dict(settings)
        self.segments, self.frames = 0, 0
        self.state: dict[str, np.ndarray] = {}
        if (self.folder / STATE).is_file():
            self._read()

    def _read(self) -> None:
        try:
            with safe_open(self.folder / STATE, "numpy") as file:
                facts = json.loads(file.metadata()["fastnst"])
                self.segments, self.frames = facts["segments"], facts["frames"]
            self.state = load_file(self.folder / STATE)
        except (SafetensorError, OSError, ValueError, KeyError, TypeError):
            raise ConfigError(f"{self.folder}: is damaged; --overwrite begins anew") from None
        kept = facts.get("settings", {})
        if other := [name for name in {**kept, **self.settings} if kept.get(name) != self.settings.get(name)]:
            raise ConfigError(
                f"{self.folder}: was begun with another {', '.join(sorted(other))}; repeat that command to go on, or "
                f"give --overwrite to begin anew"
            )

    def add(self, packets: Sequence[Packet], state: Mapping[str, np.ndarray]) -> None:
        """Keep a segment, and the state of the painter behind it."""
        data = np.frombuffer(b"".join(packet.data for packet in packets), np.uint8)
        rows = [(len(packet.data), packet.key, packet.pts, packet.duration) for packet in packets]
        with replacing(self._file(self.segments)) as temporary:
            save_file({"data": data, "rows": np.array(rows, np.int64)}, temporary)
        self.segments, self.frames = self.segments + 1, self.frames + len(packets)
        facts = {"segments": self.segments, "frames": self.frames, "settings": self.settings}
        arrays = {name: np.ascontiguousarray(values) for name, values in state.items()}
        with replacing(self.folder / STATE) as temporary:
            save_file(arrays, temporary, {"fastnst": json.dumps(facts)})

    def __iter__(self) -> Iterator[Packet]:
        """Yield the packets of all segments, one segment in memory at a time."""
        for number in range(self.segments):
            segment = load_file(self._file(number))
            data, rows = segment["data"].tobytes(), segment["rows"].tolist()
            start = 0
            for size, key, pts, duration in rows:
                yield Packet(data[start : start + size], bool(key), pts, duration)
                start += size

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06d}.safetensors"

    @staticmethod
    def remove(out: Path) -> None:
        """Remove the parts of a video."""
        shutil.rmtree(out.with_name(out.name + ".parts"), ignore_errors=True)
