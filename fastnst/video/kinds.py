"""What a word on the command line means: a video, a camera, or neither; and its defaults. Imports nothing heavy."""

import os
import re
from pathlib import Path

CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
}
"""What is written, by extension, and the muxer's name for it."""

EXTENSIONS = frozenset(CONTAINERS) | {
    *(".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".mts", ".wmv", ".flv", ".3gp", ".ogv", ".vob", ".mxf", ".y4m"),
}
"""What is taken for a video by its name."""

STILL_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1")
"""Pictures in the container of MP4."""

BLEND = 0.7
"""Share of the frame before in a painted frame, where flow can be trusted."""


def is_video(path: str | os.PathLike[str]) -> bool:
    """Say whether a path means a video: by its extension, or by the first bytes of a file that has none."""
    path = Path(path)
    if path.suffix:
        return path.suffix.lower() in EXTENSIONS
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except OSError:
        return False
    movie = head[4:8] == b"ftyp" and head[8:12] not in STILL_BRANDS
    return movie or head[:4] == b"\x1a\x45\xdf\xa3" or (head[:4] == b"RIFF" and head[8:11] == b"AVI")


def camera_index(word: str) -> int | None:
    """Return the number of the camera that ``camera`` or ``camera:1`` means; ``None`` for a file."""
    found = re.fullmatch(r"camera(?::(\d+))?", word)
    return int(found[1] or 0) if found and not Path(word).exists() else None
