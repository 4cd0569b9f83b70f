"""What ``adapt.py`` runs: trainings on the clock from the shared start and from random weights, judged alike."""

import argparse
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from bench_recipes import BATCH, preset
from torch import Tensor, nn

from fastnst.assets import find_style, starts
from fastnst.budget import Budget, parse_time
from fastnst.checkpoint import Metadata, describe
from fastnst.data import open_photos
from fastnst.data.module import ImageDataModule
from fastnst.data.photos import name_of
from fastnst.devices import best_precision
from fastnst.errors import ConfigError
from fastnst.images import fit, open_image, pack_image, to_tensor
from fastnst.losses import LossConfig
from fastnst.networks import TransformationNetwork
from fastnst.training import Clock, Recipe, Targets, Training, initial_network, judge, take_targets
from fastnst.training.module import FeedForwardModule
from fastnst.training.pictures import StylePicture, free_name
from fastnst.training.steps import SCALE_PHOTOS, mean_report

CHANNELS_LAST = torch.channels_last
DEFAULTS = {name: parameter.default for name, parameter in signature(FeedForwardModule).parameters.items()}
"""What ``fastnst train`` does where a config says nothing."""


@dataclass(frozen=True)
class Run:
    """A start, and what may be spent from there on; nothing paints at once.

    Args:
        start: ``shared`` or ``random``.
        amount: Of seconds, or of steps.
        unit: ``s`` or ``steps``.
    """

    start: str
    amount: float
    unit: str = "s"

    @classmethod
    def read(cls, text: str) -> "Run":
        """Read ``shared:instant``, ``random:10m`` or ``shared:5steps``."""
        start, _, budget = text.partition(":")
        if start not in ("shared", "random"):
            raise argparse.ArgumentTypeError(f"{text!r}: must be such as shared:instant, shared:20s or random:10m")
        if budget == "instant":
            return cls(start, 0)
        if steps := re.fullmatch(r"(\d+)steps", budget):
            return cls(start, int(steps[1]), "steps")
        try:
            return cls(start, parse_time(budget))
        except ConfigError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    @property
    def name(self) -> str:
        """Of its files: ``shared_instant``, ``random_600s``."""
        return f"{self.start}_{self.amount:g}{self.unit}" if self.amount else f"{self.start}_instant"

    @property
    def time(self) -> str:
        """What may be spent, in words."""
        if not self.amount:
            return "instant"
        minutes = self.unit == "s" and self.amount > 60
        return f"{self.amount / 60:g} min" if minutes else f"{self.amount:g} {self.unit}"

    @property
    def budget(self) -> Budget:
        return Budget(seconds=self.amount) if self.unit == "s" else Budget(steps=self.amount)


class Bench:
    """All that the trainings have in common: photographs, objective, recipe, start."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.model: dict[str, Any] = DEFAULTS | preset(options.preset)
        self.network, self.init = (self.model["network"], self.model["network_options"] or {}), options.init
        self.config = replace(LossConfig(**self.model["loss"]), weights=options.weights)
        self.loss = self.config.build().to(memory_format=CHANNELS_LAST)
        self.data = ImageDataModule(
            options.photos, options.val, size=options.size, batch_size=BATCH, val_count=options.count
        )
        self.data.setup()
        self.scales = self.loss.content_scales(self.data.held_out[:SCALE_PHOTOS])
        self.precision = best_precision(torch.device("cpu"))

    def train(self, run: Run, style: StylePicture) -> tuple[TransformationNetwork, dict[str, Any]]:
        """Return a trained network and what it is worth: one line of the results."""
        training = self.training(run.start, style)
        seconds = descend(training, self._batches(), run.budget) if run.amount else 0.0
        spent = {"steps": training.steps, "seconds": round(seconds, 1)}
        facts = {"style": style.name, "start": run.start, "amount": run.amount, "unit": run.unit}
        return training.network, {**facts, **spent, **objective(training.network, self.data.held_out, training.targets)}

    def training(self, start: str, style: StylePicture) -> Training:
        """Prepare a training as ``fastnst train`` does.

        Raises:
            ConfigError: There is no shared start for this network.
        """
        torch.manual_seed(0)
        name, options = self.network
        begun = initial_network(name, options, self.init if start == "shared" else start, [style.image])
        if (begun.init == "random") != (start == "random"):
            raise ConfigError(f"no start for {name}: {begun.note}")
        network = begun.network.to(memory_format=CHANNELS_LAST)
        targets = take_targets(self.loss, style.image, self.data.held_out, self.scales)
        return Training(network, targets, self.recipe(start), self.precision)

    def recipe(self, start: str) -> Recipe:
        """Return the recipe that ``fastnst train`` follows from a start."""
        return Recipe.beginning(start != "random", *(self.model[key] for key in ("lr", "grow", "steady")))

    def warm_up(self, style: StylePicture) -> None:
        """Make a step of each size: the first ones of a process are slow, and no run shall pay for all."""
        training, batches = self.training("random", style), self._batches()
        for share in (0.0, 0.0, 1.0, 1.0):
            training(next(batches), share)

    def metadata(self, network: TransformationNetwork, style: StylePicture, row: dict[str, Any]) -> Metadata:
        """Say what a file of results needs for ``fastnst stylize`` and ``compare``."""
        loss = {**self.config.describe(), "content_scales": dict(self.scales)}
        return Metadata(describe(network), [style.facts], loss, training={"init": row["start"], "steps": row["steps"]})

    def facts(self, started: bool) -> dict[str, Any]:
        """Return what all results must have in common; the start, if any run is from there."""
        name, options = self.network
        start = starts() / f"{name}.safetensors" if self.init == "shared" else find_style(self.init)
        weights = b"".join(value.numpy().tobytes() for value in self.loss.backbone.state_dict().values())
        recipe = {key: self.model[key] for key in ("style_size", "grow", "steady")}
        rates = {where: self.recipe(where).lr for where in ("shared", "random")}
        return {
            "network": {"name": name, **options},
            "start": _digest(start.read_bytes()) if started and start.is_file() else None,
            "loss": {**self.config.describe(), "scales": {str(k): v for k, v in self.config.scales.items()}},
            "backbone": _digest(weights),
            "recipe": {**recipe, "lr": rates, "precision": self.precision},
            "photographs": self.data.facts() | {"content_scales": {k: round(v, 4) for k, v in self.scales.items()}},
        }

    def _batches(self) -> Iterator[Tensor]:
        """Serve the same crops for every run."""
        for batch in self.data.train_dataloader():
            yield self.data.on_after_batch_transfer(batch, 0)


def descend(training: Training, batches: Iterator[Tensor], budget: Budget) -> float:
    """Train until the budget is used up, waiting for photographs included; return the seconds."""
    clock = Clock(budget)
    clock.start()
    clock.begin_steps()
    while (share := clock.share(training.steps)) < 1:
        training(next(batches), share)
    return clock.seconds()


@torch.no_grad()
def objective(network: nn.Module, photos: Tensor, targets: Targets) -> dict[str, float]:
    """Return the mean objective on photographs ``(N, 3, H, W)`` in float32, and its parts."""
    parts = [photo.contiguous(memory_format=CHANNELS_LAST) for photo in photos.split(1)]
    report = mean_report([report for part in parts for report in judge(network, part, targets)])
    kinds: dict[str, float] = {}
    for path, term in report.terms.items():
        kind = f"loss_{path.split('/')[0]}"
        kinds[kind] = kinds.get(kind, 0.0) + float(term)
    return {key: round(value, 4) for key, value in {"loss": float(report.total), **kinds}.items()}


def read_styles(sources: Iterable[str], size: int) -> list[StylePicture]:
    """Read style pictures from folders and parquet files, in such an order that any first ones are a fair sample."""
    rows = []
    for source in sources:
        opened = open_photos(source)
        rows += [((number + 0.5) / len(opened), source, row) for number, row in enumerate(opened)]
    found: list[StylePicture] = []
    for _, _, row in sorted(rows, key=lambda entry: entry[:2]):
        found.append(_read(row, size, [style.name for style in found]))
    return found


def _read(row: dict[str, Any], size: int, taken: list[str]) -> StylePicture:
    name = name_of(row, "style")
    data = row["image"]["bytes"] or Path(name).read_bytes()
    image = fit(to_tensor(open_image(data, name)), shorter=size)
    facts = {"name": free_name(Path(name).stem, taken), "sha256": hashlib.sha256(data).hexdigest()}
    return StylePicture(image, {**facts, "size": list(image.shape[-2:]), "picture": pack_image(image)})


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
