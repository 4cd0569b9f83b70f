"""Paint many pictures: which there are, what each becomes, and carrying on behind a broken one."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fastnst import __version__
from fastnst.atomic import check_writable
from fastnst.devices import Precision, reuse_memory
from fastnst.errors import ConfigError
from fastnst.images import EXTENSIONS, WRITABLE, ImageError, open_image, write_image
from fastnst.images.listing import find_files
from fastnst.inference.engines import Engine
from fastnst.inference.stylizer import Stylizer, load
from fastnst.inference.tiled import Statistics


@dataclass(frozen=True)
class StylizeJob:
    """Pictures to paint with one model; plain data.

    Args:
        tasks: The picture and the file it becomes, one pair per picture; see :func:`plan`.
        model: A bundled style by name, or a trained file; told by the style where it is left out.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.
        precision: ``float32`` or ``bfloat16``; see :class:`Stylizer`.
        engine: ``torch`` or ``openvino``; see :class:`Stylizer`.
        skip_existing: Leave out pictures whose result exists.
        style: One of the model's styles by name, the path of a picture, or weights of such; see :func:`load`.
        strength: 0 for the photograph as it is, 1 for all of the style.
        memory: Bytes to work with; see :meth:`Stylizer.paint`, as of what follows.
        statistics: ``exact`` or ``thumbnail``.
        stroke: Size of the strokes.
        size: Longer side of the results, pixels.
    """

    tasks: Sequence[tuple[Path, Path]]
    model: str | None
    device: str | None = None
    precision: Precision | None = None
    engine: Engine = "torch"
    skip_existing: bool = False
    style: str | Mapping[str, float] | None = None
    strength: float = 1.0
    memory: int | None = None
    statistics: Statistics = "exact"
    stroke: float = 1.0
    size: int | None = None

    def paint(self, stylizer: Stylizer, image: Image.Image) -> Image.Image:
        """Paint an upright RGB picture as the job wants it."""
        values = np.asarray(image)
        del image  # a large one takes half as much memory again as its values
        how: dict[str, Any] = {"memory": self.memory, "statistics": self.statistics}
        return Image.fromarray(stylizer.paint(values, stroke=self.stroke, size=self.size, **how))

    def load(self) -> Stylizer:
        """Load the model in its style."""
        return load(self.model, self.device, self.precision, self.engine, self.style, self.strength)


@dataclass(frozen=True)
class Painted:
    """A picture that was painted, and how long reading, painting and writing took."""

    source: str
    target: str
    width: int
    height: int
    seconds: float


@dataclass
class StylizeResult:
    """What became of the pictures of a job; ``failed`` holds pairs of a picture and what is wrong with it."""

    painted: list[Painted] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


def run(job: StylizeJob, on_progress: Callable[[StylizeResult], bool | None] | None = None) -> StylizeResult:
    """Paint every picture of a job; one that cannot be read is noted, and the others are painted.

    Args:
        job: What to paint.
        on_progress: Called after every picture; a true result stops the job there.

    Raises:
        CheckpointError: The model cannot be used.
        ConfigError: No such model, style, device or engine.
        ImageError: The style picture cannot be read.
        OSError: A folder takes no files.
    """
    for folder in {target.parent for _, target in job.tasks}:
        check_writable(folder)
    reuse_memory()
    stylizer, result = job.load(), StylizeResult()
    for source, target in job.tasks:
        if job.skip_existing and target.exists():
            result.skipped.append(str(source))
        else:
            _paint(stylizer, source, target, job, result)
        if on_progress and on_progress(result):
            break
    return result


def _paint(stylizer: Stylizer, source: Path, target: Path, job: StylizeJob, result: StylizeResult) -> None:
    start = time.perf_counter()
    try:
        image = job.paint(stylizer, open_image(source))
    except (ImageError, FloatingPointError) as error:
        result.failed.append((str(source), str(error)))
        return
    write_image(image, target, note(job, source, target))
    result.painted.append(Painted(str(source), str(target), *image.size, round(time.perf_counter() - start, 3)))


def note(job: StylizeJob, source: Path, target: Path) -> dict[str, Any]:
    """Return how a picture was made, for the file itself."""
    words = ["fastnst", "stylize", *(["--model", job.model] if job.model else []), str(source)]
    settings: dict[str, Any] = {"model": job.model} if job.model else {}
    if isinstance(job.style, Mapping):
        words += ["--mix", *(f"{name}:{weight:g}" for name, weight in job.style.items())]
        settings["mix"] = dict(job.style)
    elif job.style is not None:
        words += ["--style", job.style]
        settings["style"] = job.style
    if job.strength != 1:
        words += ["--strength", f"{job.strength:g}"]
        settings["strength"] = job.strength
    for name, default in (("statistics", "exact"), ("stroke", 1.0), ("size", None)):
        if (value := getattr(job, name)) != default:
            words += [f"--{name}", str(value)]
            settings[name] = value
    return {"fastnst": __version__, "command": [*words, "--out", str(target)], "settings": settings}


def expand(inputs: Sequence[str]) -> list[tuple[Path, Path]]:
    """List the pictures meant by files, folders and patterns, each with its path below the folder it was found in.

    Raises:
        ConfigError: A folder or a pattern without pictures.
    """
    found: list[tuple[Path, Path]] = []
    for text in inputs:
        path = Path(text)
        files = [path] if path.is_file() else find_files(text, EXTENSIONS)
        if files is None:
            files = [path]  # it does not exist; reading it reports the error
        if not files:
            raise ConfigError(f"{text}: holds no pictures ({', '.join(sorted(EXTENSIONS))})")
        found += [(file, file.relative_to(path) if path.is_dir() else Path(file.name)) for file in files]
    return found


def plan(inputs: Sequence[str], out: str | None, name: str) -> list[tuple[Path, Path]]:
    """Pair each picture with the file it becomes.

    One picture goes to the file ``out``, or into ``out`` if that has no known extension; several go into the folder
    ``out`` under their own names, as PNG where the original's format is not written. Without ``out``, one picture is
    named after itself and the style, in the current folder, and several go into a folder named after the style.

    Args:
        inputs: Files, folders and patterns.
        out: A file or a folder.
        name: Of the style; see :func:`~fastnst.inference.choice.name_result`.

    Raises:
        ConfigError: No pictures, several for one file, two of one name, or one that would replace itself.
    """
    found = expand(inputs)
    tasks = _pair(found, out or _default_out(found, inputs, name))
    seen: dict[Path, Path] = {}
    for source, target in tasks:
        if target in seen:
            raise ConfigError(f"{seen[target]} and {source} would both become {target}; paint them in two calls")
        if target.exists() and source.exists() and target.samefile(source):
            raise ConfigError(f"{target}: would replace its own source; choose another --out")
        seen[target] = source
    return tasks


def _pair(found: Sequence[tuple[Path, Path]], out: str) -> list[tuple[Path, Path]]:
    suffix = Path(out).suffix.lower()
    if suffix and not Path(out).is_dir() and len(found) == 1:
        if suffix not in WRITABLE:
            raise ConfigError(f"--out {out}: write {', '.join(WRITABLE)}, or name a folder")
        return [(found[0][0], Path(out))]
    if suffix in WRITABLE:
        raise ConfigError(f"--out {out}: {len(found)} pictures want a folder, not a file")
    return [(s, Path(out) / (b if b.suffix.lower() in WRITABLE else b.with_suffix(".png"))) for s, b in found]


def _default_out(found: Sequence[tuple[Path, Path]], inputs: Sequence[str], name: str) -> str:
    if len(found) > 1 or Path(inputs[0]).is_dir():
        return name
    picture = found[0][0]
    suffix = picture.suffix if picture.suffix.lower() in WRITABLE else ".png"
    return f"{picture.stem}_{name}{suffix}"
