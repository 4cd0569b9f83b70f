"""What a video file says of itself."""

from pathlib import Path
from typing import Any

from fastnst.video.clip import opened, probe
from fastnst.video.join import note_in


def about_video(path: Path) -> dict[str, Any]:
    """Return what a video is and, if fastnst painted it, how; plain data.

    Raises:
        VideoError: It cannot be read.
    """
    facts = probe(path)
    with opened(path) as container:
        note = note_in(container)
        others = [f"{stream.type} {stream.codec_context.name}" for stream in container.streams if _is_other(stream)]
    return {
        "file": str(path),
        "bytes": path.stat().st_size,
        "width": facts.width,
        "height": facts.height,
        "frames": facts.frames,
        "rate": float(facts.rate),
        "seconds": facts.seconds,
        "codec": facts.codec,
        "other_tracks": others,
        **(note or {}),
    }


def _is_other(stream: Any) -> bool:
    return stream.type in ("audio", "subtitle") and stream.codec_context is not None
