"""Paint a clip plainly and steadily, and tell how fast that is and how much either flickers.

    python scripts/video.py photos --model starry_night --out video
    python scripts/video.py photos --model plain.safetensors --steady_model steady.safetensors --out video

Writes the clip (``video_clip.py``), the painted clips, ``report.md`` and ``frames.jpg``: the same moments of the
original and of every painting, side by side, and below each painting what is left of its difference to the frame
before when the motion is taken out.
"""

import argparse
import hashlib
import json
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from video_clip import Clip, read_photos, write_clip

from fastnst.atomic import replacing
from fastnst.images.sheet import contact_sheet
from fastnst.video import Flicker, VideoJob, VideoResult, run
from fastnst.video.clip import opened, probe
from fastnst.video.flicker import FlickerMeter
from fastnst.video.reader import Reader
from fastnst.video.steady import BLEND

WAYS = {"plain": (0.0, 0.0), "held": (0.0, 0.9), "steady": (BLEND, 0.9)}
"""Blend and hold of every way to paint."""


def jobs(
    clip: Path, out: Path, model: str | None, style: str | None, steady_model: str | None, chosen: Sequence[str]
) -> dict[str, VideoJob]:
    """Name the ways to paint, and make their jobs."""
    ways = {name: (model, *WAYS[name]) for name in chosen}
    if steady_model:
        ways |= {f"trained, {name}": (steady_model, *WAYS[name]) for name in chosen}
    return {
        name: VideoJob(clip, out / f"{name.replace(', ', '_')}.mp4", file, style=style, steady=blend, hold=hold)
        for name, (file, blend, hold) in ways.items()
    }


def painted(job: VideoJob) -> VideoResult:
    """Run a job, unless what it makes is there."""
    stored = job.out.with_suffix(".json")
    if not job.out.is_file() or not stored.is_file():
        job.out.unlink(missing_ok=True)
        result = run(job)
        with replacing(stored) as temporary:
            temporary.write_text(json.dumps(result.__dict__))
    return VideoResult(**json.loads(stored.read_text()))


def interrupted(job: VideoJob, at: Sequence[float]) -> bool:
    """Paint once more, stopped at shares of the clip, and say whether the same file comes of it."""
    whole = digest(job.out.read_bytes())
    aside = job.out.rename(job.out.with_suffix(".whole"))
    try:
        for share in at:
            start = time.perf_counter()
            result = run(job, lambda result, values, share=share: result.frames >= share * result.total)
            print(f"  stopped with {result.frames} frames kept, {time.perf_counter() - start:.0f} s", flush=True)
        run(job)
        return digest(job.out.read_bytes()) == whole
    finally:
        aside.replace(job.out)


def digest(data: bytes) -> str:
    """Return the SHA-256 of data."""
    return hashlib.sha256(data).hexdigest()


def sound(path: Path) -> str:
    """Return the SHA-256 of the packets of a sound track."""
    with opened(path) as container:
        return digest(b"".join(bytes(packet) for packet in container.demux(audio=0)))


def together(paths: Sequence[Path]) -> Iterator[list[np.ndarray]]:
    """Yield the frames of several videos of one timing."""
    for frames in zip(*(Reader(path, probe(path)) for path in paths), strict=True):
        yield [frame.values for frame in frames]


def measure(clip: Path, paintings: Mapping[str, Path], moments: Sequence[int]) -> tuple[dict[str, Flicker], list]:
    """Return the flicker of every painting, and labelled pictures of some moments."""
    meter, cells = FlickerMeter(len(paintings)), []
    before: list[np.ndarray] = []
    for number, frames in enumerate(together([clip, *paintings.values()])):
        meter.add(*frames)
        if number in moments:
            names = [f"original, frame {number}", *paintings]
            cells += [(name, Image.fromarray(values)) for name, values in zip(names, frames, strict=True)]
            cells += left_over(meter, before, frames, ["original, left over", *paintings])
        before = frames
    return dict(zip(paintings, meter.results(), strict=True)), cells


def left_over(
    meter: FlickerMeter, before: Sequence[np.ndarray], frames: Sequence[np.ndarray], names: Sequence[str]
) -> Iterator[tuple[str, Image.Image]]:
    """Show the difference to the frame before without the motion, four times enlarged in value; gray is none."""
    found = meter.flow.between(meter.flow.gray(before[0]), meter.flow.gray(frames[0]))
    assert found is not None
    for name, last, now in zip(names, before, frames, strict=True):
        difference = now.astype(np.float32) - meter.flow.move(last, found[0])
        shown = (128 + 4 * difference.mean(-1) * found[1]).clip(0, 255).astype(np.uint8)
        yield name, Image.fromarray(shown).convert("RGB")


def report(clip: Path, done: Mapping[str, VideoResult], found: Mapping[str, Flicker], same: bool | None) -> str:
    """Write what was found, in Markdown."""
    facts, first = probe(clip), next(iter(found.values()))
    processor = f"{torch.get_num_threads()} threads of {platform.processor() or platform.machine()}"
    lines = [
        f"{facts.width} x {facts.height}, {first.pairs + 1} frames and more, {processor}, torch {torch.__version__}.",
        "",
        f"Flicker of the original: {first.original:.2f} of 255; {first.covered:.0%} of the pixels have a sure flow.",
        "",
        "| painted | frames/s | flicker | excess | of the plain excess | sound is the original's |",
        "|---|---|---|---|---|---|",
    ]
    for name, flicker in found.items():
        rate = done[name].painted / done[name].seconds
        share = flicker.excess / first.excess
        heard = "yes" if sound(Path(done[name].target)) == sound(clip) else "NO"
        lines.append(f"| {name} | {rate:.2f} | {flicker.painted:.2f} | {flicker.excess:.2f} | {share:.0%} | {heard} |")
    if same is not None:
        lines += ["", f"Interrupted twice and continued: {'the same file' if same else 'ANOTHER FILE'}."]
    return "\n".join(lines) + "\n"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("photos", nargs="+", type=Path, help="photographs, or folders of them")
    add("--model")
    add("--style", help="where the model knows several, or paints like any picture")
    add("--steady_model", help="the same style, trained with --steady")
    add("--size", nargs=2, type=int, default=(1280, 720), metavar=("WIDTH", "HEIGHT"))
    add("--seconds", type=float, default=10.0)
    add("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="plain first: others are compared with the first")
    add("--interrupt", action="store_true", help="paint the last way once more, with two interruptions")
    add("--out", type=Path, required=True)
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    clip = Clip(*options.size, options.seconds)
    original = options.out / "original.mp4"
    if not original.is_file():
        write_clip(original, clip, read_photos(options.photos))
    made = jobs(original, options.out, options.model, options.style, options.steady_model, options.ways)
    done = {}
    for name, job in made.items():
        done[name] = painted(job)
        print(f"{name}: {done[name].frames} frames in {done[name].seconds:.0f} s", flush=True)
    moments = [round(share * clip.count) for share in (0.12, 0.45, 0.9)]
    found, cells = measure(original, {name: job.out for name, job in made.items()}, moments)
    sheet = contact_sheet(cells, columns=1 + len(made), width=480)
    with replacing(options.out / "frames.jpg") as temporary:
        sheet.save(temporary, format="JPEG", quality=90)
    same = interrupted(made[options.ways[-1]], (0.3, 0.7)) if options.interrupt else None
    text = report(original, done, found, same)
    (options.out / "report.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
