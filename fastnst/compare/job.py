"""A comparison as a job: settings in, results out."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from fastnst.assets import find_style
from fastnst.checkpoint import Metadata, read_metadata, style_name
from fastnst.compare.case import Case, Contest
from fastnst.compare.judge import unseen_loss
from fastnst.compare.objective import Objective, read_objective, same_objective, style_facts
from fastnst.compare.summary import Summary, summarize
from fastnst.data.photos import center_crop, decode
from fastnst.data.sources import open_photos
from fastnst.devices import Precision, pick_device, reuse_memory
from fastnst.errors import ConfigError
from fastnst.images import ImageError, to_tensor
from fastnst.inference import load
from fastnst.optimize import OptimizeConfig

log = logging.getLogger(__name__)

SMALLEST = 32

OnProgress = Callable[[Case, int, int], bool | None]
"""Called with each case, its number from 1, and how many there will be; returns true to stop there."""


@dataclass(frozen=True)
class CompareJob:
    """What is compared, and on what; plain data.

    Args:
        models: Trained styles, by name or file; all are judged under the objective of the first.
        photos: A folder of photographs, a parquet file, or a set on the hub.
        count: Photographs at most.
        sizes: Sides of the centered squares, pixels.
        steps: Evaluations that each optimizer gets.
        style: The picture imitated, where the checkpoint does not hold it.
        weights: File with the weights of the loss's backbone, in place of the usual places.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.
        precision: Of networks and of ``fastnst optimize``; each one's own choice by default. The judge uses float32.
        seed: Of noise.

    Raises:
        ConfigError: A number is out of range.
    """

    models: tuple[str, ...]
    photos: str
    count: int = 5
    sizes: tuple[int, ...] = (256, 512, 1024)
    steps: int = 100
    style: str | None = None
    weights: str | None = None
    device: str | None = None
    precision: Precision | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.models or not self.sizes:
            raise ConfigError("a comparison needs at least one model and one size")
        if min(self.count, self.steps) < 1:
            raise ConfigError(f"count and steps must be at least 1, got {self.count} and {self.steps}")
        if min(self.sizes) < SMALLEST:
            raise ConfigError(f"sizes must be at least {SMALLEST} pixels, got {min(self.sizes)}")


@dataclass(frozen=True)
class Comparison:
    """The results of a job.

    Args:
        cases: Photograph by photograph, smallest size first.
        summaries: One per network.
        facts: Objective, photographs, machine and settings: whatever is needed to repeat it; plain data.
        content_scales: Of the objective; ``None`` if each photograph was scaled by itself.
        steps: Evaluations that each optimizer got.
        planned: Cases there would have been without an interruption.
    """

    cases: Sequence[Case]
    summaries: Sequence[Summary]
    facts: dict[str, Any]
    content_scales: Mapping[str, float] | None
    steps: int
    planned: int

    @property
    def headline(self) -> str:
        """One sentence about each network."""
        return " ".join(summary.headline() for summary in self.summaries)

    @property
    def interrupted(self) -> bool:
        """Whether cases are missing."""
        return len(self.cases) < self.planned


def run(job: CompareJob, on_progress: OnProgress | None = None) -> Comparison:
    """Let networks and optimizers paint every photograph at every size, and judge them all.

    Args:
        job: The settings.
        on_progress: Called after every case; a true result stops the job there.

    Raises:
        ConfigError: A checkpoint without loss or style, no photographs, no weights, no such device.
    """
    reuse_memory()
    device = pick_device(job.device)
    files = [find_style(model) for model in job.models]
    headers = dict(zip(name_models(files), map(read_metadata, files), strict=True))
    for file, header in zip(files, headers.values(), strict=True):
        if len(header.styles) > 1:
            names = ", ".join(style.get("name", "") for style in header.styles)
            raise ConfigError(
                f"{file}: holds {len(header.styles)} styles ({names}); compare judges networks of one style"
            )
    first, *others = headers
    objective = read_objective(files[0], headers[first], job.weights, job.style)
    for name in others:
        if not same_objective(headers[first], headers[name]):
            log.warning("%s: trained for another loss or style; judged by those of %s", name, first)
    photos = read_photos(job.photos, job.count)
    contest = make_contest(job, objective, dict(zip(headers, files, strict=True)), device)
    planned = [(size, name) for size in sorted(set(job.sizes)) for name in photos]
    cases: list[Case] = []
    for size, name in planned:
        photo = to_tensor(center_crop(photos[name], size)).to(device)
        cases.append(contest.hold(name, photo, keep=name == next(iter(photos))))
        if on_progress and on_progress(cases[-1], len(cases), len(planned)):
            break
    seconds = {name: header.training.get("seconds") for name, header in headers.items()}
    facts = _facts(job, objective, headers, list(photos), device)
    summaries = summarize(cases, seconds, job.steps)
    return Comparison(cases, summaries, facts, objective.content_scales, job.steps, len(planned))


def make_contest(job: CompareJob, objective: Objective, files: Mapping[str, Path], device: torch.device) -> Contest:
    """Load the loss and the networks."""
    loss, unseen = objective.loss.build().to(device), unseen_loss(objective.loss).to(device)
    loss.to(memory_format=torch.channels_last)
    networks = {name: load(file, str(device), job.precision) for name, file in files.items()}
    config = OptimizeConfig(steps=job.steps, precision=job.precision, seed=job.seed)
    return Contest(loss, unseen, objective.style.to(device), objective.content_scales, networks, config)


def name_models(files: Sequence[Path]) -> list[str]:
    """Name each network by its file, or by its folder where that is a run's; number those of the same name."""
    names = [style_name(file) for file in files]
    return [name if names.count(name) == 1 else f"{name} ({number})" for number, name in enumerate(names, 1)]


def read_photos(source: str, count: int) -> dict[str, Image.Image]:
    """Open the first photographs that can be opened, ``count`` at most, by a name that is unique.

    Raises:
        ConfigError: There is none.
    """
    found: dict[str, Image.Image] = {}
    for number, row in enumerate(open_photos(source), 1):
        try:
            picture = decode(row, SMALLEST)
        except ImageError as error:
            log.warning("%s", error)
            continue
        name = Path(str(row["image"].get("path") or f"photograph {number}")).name
        found[name if name not in found else f"{name} ({number})"] = picture
        if len(found) == count:
            break
    if not found:
        raise ConfigError(f"{source}: holds no photograph that can be used")
    return found


def _facts(
    job: CompareJob, objective: Objective, headers: Mapping[str, Metadata], photos: Sequence[str], device: torch.device
) -> dict[str, Any]:
    style = style_facts(next(iter(headers.values())))
    return {
        "loss": objective.loss.describe() | {"content_scales": objective.content_scales},
        "style": {key: value for key, value in style.items() if key != "picture"},
        "models": dict(zip(headers, job.models, strict=True)),
        "photographs": list(photos),
        "device": str(device),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "settings": asdict(job),
    }
