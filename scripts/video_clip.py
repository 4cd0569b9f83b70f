"""Make a clip to paint: pans and zooms over photographs, things that move before them, and a tone.

    python scripts/video_clip.py photos --out clip.mp4

Scenes follow each other with cuts. Every frame has a little noise and its own exposure, as those of a camera do: a
network that flickers should have something to flicker about.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from fastnst.images import open_image
from fastnst.video._extra import import_av, import_cv2

SOUND, TONE = 48_000, 440.0
"""Samples a second, and the tone in hertz."""

CHUNK = 1024
"""Samples of a frame of AAC."""

NOISE, EXPOSURE = 1.5, 0.01
"""Deviation of the noise in levels of 255, and by how much the exposure wanders."""


@dataclass(frozen=True)
class Clip:
    """What the clip is like.

    Args:
        width, height: In pixels.
        seconds: Its length.
        rate: Frames a second.
        scenes: With a cut between each and the next.
        seed: Of the ways that things move, and of the noise.
    """

    width: int = 1280
    height: int = 720
    seconds: float = 10.0
    rate: int = 25
    scenes: int = 3
    seed: int = 0

    @property
    def count(self) -> int:
        """Frames in all."""
        return round(self.seconds * self.rate)


def frames(clip: Clip, photos: Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the frames, RGB ``(H, W, 3)`` in 8 bits."""
    random = np.random.default_rng(clip.seed)
    length = -(-clip.count // clip.scenes)
    for number in range(clip.count):
        scene, step = divmod(number, length)
        if not step:
            way = np.random.default_rng((clip.seed, scene))
            draw = Scene(clip, photos[scene % len(photos)], photos[(scene + 1) % len(photos)], way)
        exposure = 1 + EXPOSURE * np.sin(1.7 * number) * np.sin(0.31 * number)
        noise = random.normal(0, NOISE, (clip.height, clip.width, 3)).astype(np.float32)
        yield (draw(step / length) * exposure + noise).round().clip(0, 255).astype(np.uint8)


Disk = tuple[np.ndarray, np.ndarray, float]
"""A patch, where it is at the beginning and at the end in shares of the frame, and by how many degrees it turns."""


class Scene:
    """A photograph that a camera moves over, and two disks of another that move before it."""

    def __init__(self, clip: Clip, photo: np.ndarray, other: np.ndarray, random: np.random.Generator) -> None:
        self.cv2, self.clip, self.photo = import_cv2(), clip, photo
        fill = max(clip.width / photo.shape[1], clip.height / photo.shape[0])
        self.zoom = fill * random.uniform(1.15, 1.3, 2)
        self.path = random.uniform(-1, 1, (2, 2))  # where the camera looks, in shares of the room that it has
        self.disks = [self._disk(other, random, side) for side in (0.3, 0.2)]

    def _disk(self, photo: np.ndarray, random: np.random.Generator, side: float) -> Disk:
        size = min(round(side * self.clip.height), *photo.shape[:2])
        top, left = (int(random.integers(0, length - size + 1)) for length in photo.shape[:2])
        return photo[top : top + size, left : left + size], random.uniform(0.1, 0.9, (2, 2)), random.uniform(-60, 60)

    def __call__(self, share: float) -> np.ndarray:
        """Draw the frame at a share of the scene, in float."""
        picture = self._camera(share)
        for patch, (begin, end), turn in self.disks:
            self._put(picture, patch, begin + (end - begin) * share, turn * share)
        return picture

    def _camera(self, share: float) -> np.ndarray:
        height, width = self.photo.shape[:2]
        zoom = self.zoom[0] * (self.zoom[1] / self.zoom[0]) ** share
        room = np.array([width - self.clip.width / zoom, height - self.clip.height / zoom]) / 2
        center = np.array([width, height]) / 2 + (self.path[0] + (self.path[1] - self.path[0]) * share) * room
        shift = np.array([self.clip.width, self.clip.height]) / 2 - zoom * center
        return self._warp(self.photo, np.array([[zoom, 0, shift[0]], [0, zoom, shift[1]]]))

    def _put(self, picture: np.ndarray, patch: np.ndarray, place: np.ndarray, turn: float) -> None:
        size = patch.shape[0]
        matrix = self.cv2.getRotationMatrix2D((size / 2, size / 2), turn, 1.0)
        matrix[:, 2] += place * [self.clip.width, self.clip.height] - size / 2
        rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
        disk = np.clip(size / 2 - 1 - np.hypot(rows, columns), 0, 1).astype(np.float32)
        cover = self._warp(disk, matrix, self.cv2.BORDER_CONSTANT)[..., None]
        picture += cover * (self._warp(patch, matrix, self.cv2.BORDER_CONSTANT) - picture)

    def _warp(self, picture: np.ndarray, matrix: np.ndarray, border: int | None = None) -> np.ndarray:
        border = self.cv2.BORDER_REFLECT if border is None else border
        size = (self.clip.width, self.clip.height)
        values = picture.astype(np.float32)
        return self.cv2.warpAffine(values, matrix, size, flags=self.cv2.INTER_CUBIC, borderMode=border)


def write_clip(path: Path, clip: Clip, photos: Sequence[np.ndarray]) -> None:
    """Write the clip with its tone."""
    av = import_av()
    with av.open(str(path), "w") as output:
        picture = output.add_stream("libx264", clip.rate, {"crf": "14", "preset": "veryfast"})
        picture.width, picture.height, picture.pix_fmt = clip.width, clip.height, "yuv420p"
        sound = output.add_stream("aac", SOUND)
        for values in frames(clip, photos):
            output.mux(picture.encode(av.VideoFrame.from_ndarray(values, "rgb24")))
        output.mux(picture.encode(None))
        for block in tone(av, clip.seconds):
            output.mux(sound.encode(block))
        output.mux(sound.encode(None))


def tone(av: Any, seconds: float) -> Iterator[Any]:
    """Yield a tone in two channels."""
    samples = np.arange(round(seconds * SOUND))
    wave = (0.2 * np.sin(2 * np.pi * TONE * samples / SOUND)).astype(np.float32)
    for start in range(0, len(wave), CHUNK):
        block = av.AudioFrame.from_ndarray(np.repeat(wave[None, start : start + CHUNK], 2, 0), "fltp", "stereo")
        block.sample_rate, block.pts, block.time_base = SOUND, start, Fraction(1, SOUND)
        yield block


def read_photos(paths: Sequence[Path]) -> list[np.ndarray]:
    """Read the photographs of files and folders, in the order of their names."""
    files = [file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    return [np.asarray(open_image(file)) for file in files]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", nargs=2, type=int, default=(1280, 720), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args(argv)
    write_clip(options.out, Clip(*options.size, options.seconds), read_photos(options.photos))


if __name__ == "__main__":
    main()
