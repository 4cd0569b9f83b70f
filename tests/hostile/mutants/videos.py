"""Videos: damaged, with headers that lie, playlists that name other files."""

import io
from collections.abc import Callable
from functools import cache

import numpy as np

from mutants.case import Case, Ground, Rng, one_of
from mutants.damage import EXTREMES, damaged

Made = tuple[str, bytes]


def encoded(suffix: str, codec: str, count: int = 5, width: int = 48, height: int = 32, rate: int = 10) -> bytes:
    import av

    file = io.BytesIO()
    with av.open(file, "w", format={"mkv": "matroska"}.get(suffix, suffix)) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "rgb8" if codec == "gif" else "yuv420p"
        for number in range(count):
            values = np.random.default_rng(number).integers(0, 256, (4, 6, 3), dtype=np.uint8)
            values = values.repeat(height // 4, 0).repeat(width // 6, 1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(values), "rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


@cache
def good() -> dict[str, bytes]:
    kinds = {"mp4": "libx264", "mkv": "libx264", "webm": "libvpx-vp9", "avi": "mpeg4", "mov": "mpeg4"}
    return {f"good.{suffix}": encoded(suffix, codec) for suffix, codec in kinds.items()}


def by_chance(rng: Rng) -> Made:
    name = list(good())[int(rng.integers(len(good())))]
    how, data = damaged(good()[name], rng)
    return f"{name}: {how}", data


def box_lies(rng: Rng) -> Made:
    """Change a size, a count or a time in the boxes of an MP4."""
    data = bytearray(good()["good.mp4"])
    marks = [
        m
        for m in (
            b"moov",
            b"tkhd",
            b"mdhd",
            b"stsd",
            b"avc1",
            b"avcC",
            b"stts",
            b"stsz",
            b"stco",
            b"stsc",
            b"ctts",
            b"elst",
            b"mvhd",
        )
        if m in data
    ]
    mark = marks[int(rng.integers(len(marks)))]
    place = data.find(mark) + int(rng.choice([-4, 4, 8, 12, 16, 20, 28]))
    data[max(0, place) : max(0, place) + 4] = EXTREMES[int(rng.integers(len(EXTREMES)))].to_bytes(4, "big")
    return f"MP4: {mark.decode()} lies", bytes(data)


def playlist(rng: Rng) -> Made:
    """A text that has a player open other files, or addresses."""
    texts = (
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXTINF:10,\nhttp://127.0.0.1:9/x.ts\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile /etc/passwd\n",
        "<?xml version='1.0'?><MPD><Period><BaseURL>file:///etc/passwd</BaseURL></Period></MPD>",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n",
    )
    return "playlist", texts[int(rng.integers(len(texts)))].encode()


def other(rng: Rng) -> Made:
    choices: dict[str, Callable[[], bytes]] = {
        "empty": lambda: b"",
        "text": lambda: b"not a video\n" * 50,
        "zeros": lambda: bytes(10_000),
        "random": lambda: rng.bytes(20_000),
        "header only": lambda: good()["good.mp4"][:32],
        "one frame": lambda: encoded("mp4", "libx264", 1),
        "thousand frames a second": lambda: encoded("mkv", "libx264", 4, rate=1000),
        "tiny": lambda: encoded("avi", "mpeg4", 2, 12, 8),
        "two videos": lambda: good()["good.mp4"] + good()["good.mkv"],
    }
    name = list(choices)[int(rng.integers(len(choices)))]
    return name, choices[name]()


WAYS = (by_chance, by_chance, by_chance, box_lies, box_lies, playlist, other)


def make(rng: Rng, ground: Ground) -> Case:
    """Make a bad video, and have it painted or described."""
    what, data = WAYS[int(rng.integers(len(WAYS)))](rng)
    name = f"bad.{one_of(rng, 'mp4', 'mkv', 'webm', 'avi', 'mov')}"
    if rng.random() < 0.2:
        return Case(f"{what} (info)", name, data, ("info", "{file}"))
    out = str(one_of(rng, "painted.mp4", "painted.mkv"))
    return Case(what, name, data, ("stylize", "{file}", "--model", str(ground.model), "--out", "{out}", "--quiet"), out)
