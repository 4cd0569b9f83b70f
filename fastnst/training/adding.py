"""Teach a trained network one more style: a new row of codes, and nothing else."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from fastnst.assets import find_style
from fastnst.budget import Budget
from fastnst.checkpoint import Metadata, load_checkpoint, style_name
from fastnst.data.module import ImageDataModule
from fastnst.devices import Precision, best_precision, pick_device
from fastnst.losses import LossConfig, LossReport
from fastnst.networks import TransformationNetwork
from fastnst.training.clock import Clock
from fastnst.training.pictures import StylePicture, check_size, read_style
from fastnst.training.recipe import Recipe, Training
from fastnst.training.start import codes_for
from fastnst.training.steps import judge, mean_report, take_targets

STEPS = 200
"""A tenth of a training's."""

RATE = 2e-2
"""Learning rate: scales and shifts alone bear more than all weights do."""

HELD_OUT = 16
"""Photographs on which the new style is judged."""

CHECKED = 10
"""Steps between two looks at whether the loss is a number."""


@dataclass(frozen=True)
class AddJob:
    """A style to be added to a trained network; plain data.

    Args:
        model: A trained style, or several in one network, by name or path.
        style: The picture to imitate.
        photos: As for a training.
        steps: At most; :data:`STEPS` by default, unbounded where there are ``seconds``.
        seconds: At most.
        style_size: Pixels of the picture's shorter side; as the network's first style by default.
        size: Side of the crops; as in the network's training by default.
        batch_size: Crops of a step, likewise.
        lr: Learning rate at its highest.
        weights: File with the backbone's weights, in place of the usual places.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.
        precision: ``bfloat16`` by default where the hardware is fast at it.
        seed: Of everything random.
        workers: Processes that decode photographs.
    """

    model: str
    style: str
    photos: str
    steps: int | None = None
    seconds: float | None = None
    style_size: int | None = None
    size: int | None = None
    batch_size: int | None = None
    lr: float = RATE
    weights: str | None = None
    device: str | None = None
    precision: Precision | None = None
    seed: int = 0
    workers: int | None = None

    @property
    def budget(self) -> Budget:
        """What it may take."""
        steps = self.steps if self.steps is not None or self.seconds is not None else STEPS
        return Budget(steps or float("inf"), self.seconds or float("inf"))


@dataclass(frozen=True)
class Addition:
    """A network with one more style.

    Args:
        network: All that was there is as it was, and the new row is the last.
        metadata: The same of its file.
        steps: That were made.
        seconds: That they took, preparation included.
        judged: Loss terms of the new style on held-out photographs.
        interrupted: Stopped early.
    """

    network: TransformationNetwork
    metadata: Metadata
    steps: int
    seconds: float
    judged: Mapping[str, float]
    interrupted: bool


OnProgress = Callable[[float, LossReport], bool | None]
"""Takes the share that is over and the loss; returns whether to stop."""


def run(job: AddJob, on_progress: OnProgress = lambda share, report: None) -> Addition:
    """Train a code for one more style.

    Raises:
        ConfigError: A name or setting that is not there, or no photographs.
        CheckpointError: The file cannot be used.
        ImageError: The style is not a picture.
        FloatingPointError: The loss is not a finite number.
    """
    clock = Clock(job.budget)
    clock.start()
    torch.manual_seed(job.seed)
    file = find_style(job.model)
    network, metadata = load_checkpoint(file)
    metadata = replace(metadata, styles=named_styles(file, network, metadata))
    picture = read_style(job.style, _style_size(job, metadata), [style["name"] for style in metadata.styles])
    data = _data(job, metadata.training)
    training = _training(job, network, metadata, picture, data)
    steps, stopped = _train(training, _batches(data, pick_device(job.device)), clock, on_progress)
    pupil = cast(TransformationNetwork, training.network)
    judged = _judge(pupil, training, data.held_out)
    facts = {key: value for key, value in data.facts().items() if key != "held_out"}
    added = {"steps": steps, "seconds": round(clock.seconds()), "lr": job.lr, **facts}
    styles = [*metadata.styles, {**picture.facts, "judged": judged, "added": added}]
    grown = with_row(network, pupil.cpu())
    return Addition(grown, replace(metadata, styles=styles), steps, clock.seconds(), judged, stopped)


def named_styles(file: Path, network: TransformationNetwork, metadata: Metadata) -> list[dict[str, Any]]:
    """Return what is known of each style of a network, of which each has a name at least."""
    one = network.styles is None
    return (metadata.styles or [{"name": style_name(file)}])[:1] if one else metadata.styles


def learner(network: TransformationNetwork, code: Tensor) -> TransformationNetwork:
    """Return a copy of a network with a table of one code, which alone is trained; the rest is frozen.

    A network without a table has no code of the photograph either: that one is trained beside.
    """
    pupil = network.plain().requires_grad_(False).train()
    styles = pupil.add_styles(1)
    with torch.no_grad():
        styles.codes.copy_(code[None])
        if network.styles is not None:
            styles.photograph.copy_(network.styles.photograph)
    styles.photograph.requires_grad_(network.styles is None)
    return pupil


@torch.no_grad()
def with_row(network: TransformationNetwork, pupil: TransformationNetwork) -> TransformationNetwork:
    """Return a network with the code that a :func:`learner` of it has learned behind its own."""
    assert pupil.styles is not None
    grown, before = deepcopy(network), network.styles
    codes = network.style_code()[None] if before is None else before.codes
    styles = grown.add_styles(len(codes) + 1)
    styles.codes.copy_(torch.cat([codes, pupil.styles.codes]))
    styles.photograph.copy_(pupil.styles.photograph)
    styles.predictor = None if before is None else deepcopy(before.predictor)
    return grown


def _training(
    job: AddJob, network: TransformationNetwork, metadata: Metadata, picture: StylePicture, data: ImageDataModule
) -> Training:
    device = pick_device(job.device)
    config = LossConfig.from_metadata(metadata.loss, job.weights)
    loss = config.build()
    check_size(picture, loss, config.backbone)
    loss = loss.to(device).to(memory_format=torch.channels_last)
    pupil = learner(network, codes_for(network, metadata, [picture.image])[0])
    pupil = pupil.to(device).to(memory_format=torch.channels_last)
    scales = metadata.loss.get("content_scales")
    targets = take_targets(loss, [picture.image.to(device)], data.held_out.to(device), scales)
    return Training(pupil, targets, Recipe(job.lr, grow=0), job.precision or best_precision(device), job.seed)


def _train(training: Training, batches: Iterator[Tensor], clock: Clock, on_progress: OnProgress) -> tuple[int, bool]:
    """Make steps until the budget is used up; return their number and whether they were stopped early."""
    clock.begin_steps()
    while (share := clock.share(training.steps)) < 1:
        report = training(next(batches), share)
        if training.steps % CHECKED == 0 and not torch.isfinite(report.total):
            raise FloatingPointError(f"the loss is {float(report.total)} at step {training.steps}; lower --lr")
        if on_progress(clock.share(training.steps), report):
            return training.steps, True
    return training.steps, False


@torch.no_grad()
def _judge(pupil: TransformationNetwork, training: Training, photos: Tensor) -> dict[str, float]:
    """Return the mean of each term on photographs ``(N, 3, H, W)``, in float32.

    Raises:
        FloatingPointError: The loss is not a finite number.
    """
    device = next(pupil.parameters()).device
    parts = (photo.to(device) for photo in photos.split(1))
    mean = mean_report([report for photo in parts for report in judge(pupil, photo, training.targets)])
    if not torch.isfinite(mean.total):
        raise FloatingPointError(f"the loss is {float(mean.total)} after {training.steps} steps; lower --lr")
    return {path: float(term) for path, term in mean.terms.items()} | {"loss": float(mean.total)}


def _style_size(job: AddJob, metadata: Metadata) -> int:
    sizes = [min(style["size"]) for style in metadata.styles if style.get("size")]
    return job.style_size or (sizes[0] if sizes else 384)


def _data(job: AddJob, training: Mapping[str, Any]) -> ImageDataModule:
    size, batch_size = job.size or training.get("size", 256), job.batch_size or training.get("batch_size", 4)
    data = ImageDataModule(
        job.photos, size=size, batch_size=batch_size, val_count=HELD_OUT, workers=job.workers, seed=job.seed
    )
    data.setup()
    return data


def _batches(data: ImageDataModule, device: torch.device) -> Iterator[Tensor]:
    for batch in data.train_dataloader():
        yield data.on_after_batch_transfer(batch.to(device), 0)
