"""A training as a job: settings in, a trained style out."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnst.budget import parse_time
from fastnst.errors import ConfigError

if TYPE_CHECKING:
    from fastnst.inference import Stylizer

NAMES = {
    "style": "model.style",
    "photos": "data.photos",
    "val": "data.val",
    "out": "trainer.default_root_dir",
    "steps": "trainer.max_steps",
    "network": "model.network",
    "init": "model.init",
    "lr": "model.lr",
    "steady": "model.steady",
    "style_size": "model.style_size",
    "size": "data.size",
    "batch_size": "data.batch_size",
}
"""What settings of model, data and trainer are called for short."""

PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed"}
ACCELERATORS = {"cuda": "gpu", "mps": "mps", "cpu": "cpu"}


@dataclass(frozen=True)
class TrainJob:
    """A training; plain data.

    Args:
        settings: Of model, data and trainer by their full names, such as ``model.style``, and ``time_budget`` and
            ``seed_everything``; what is left out is the default of ``fastnst train``.
        words: More of them, which come first, as on the command line: ``--trainer.devices=2``.
        resume: ``auto`` goes on where the run's folder stands, a path from that ``.ckpt``.
        overwrite: Begin anew, in place of the run that the folder holds.
        device: ``cuda``, ``cuda:1`` and so on, ``mps`` or ``cpu``; the best there is by default.
        auto_batch: Halve the crops taken at once until memory holds them, and accumulate gradients.
    """

    settings: Mapping[str, Any]
    words: Sequence[str] = ()
    resume: str | None = None
    overwrite: bool = False
    device: str | None = None
    auto_batch: bool = False

    def __post_init__(self) -> None:
        if self.resume and self.overwrite:
            raise ConfigError("--resume goes on with a run, --overwrite begins it anew: give one of them")

    def all_words(self) -> list[str]:
        """Return all settings as Lightning's command line reads them."""
        return [*self.words, *(f"--{name}={_value(value)}" for name, value in self.settings.items())]


def make_job(
    given: Mapping[str, Any],
    words: Sequence[str] = (),
    *,
    loss: Mapping[str, Any] | None = None,
    time_budget: str | None = None,
    precision: str | None = None,
    seed: int | None = None,
    **run: Any,
) -> TrainJob:
    """Return the job that these options of ``fastnst train`` ask for; what was not given is ``None`` or left out.

    Args:
        given: By full names.
        words: As in the job.
        loss: Settings of :class:`~fastnst.losses.LossConfig`.
        time_budget: Such as ``5m``; without steps, time alone ends the training.
        precision: ``float32`` or ``bfloat16``.
        seed: Of everything random.
        run: ``resume``, ``overwrite``, ``device`` and ``auto_batch`` of the job.

    Raises:
        ConfigError: A time, a precision or a device that is none.
    """
    settings = {**given, **{f"model.loss.{name}": value for name, value in (loss or {}).items()}}
    if time_budget:
        parse_time(time_budget)
        settings = {"trainer.max_steps": -1, "time_budget": time_budget} | settings
    if seed is not None:
        settings |= {"seed_everything": seed, "data.seed": seed}
    if precision:
        if precision not in PRECISIONS:
            raise ConfigError(f"precision {precision!r}: must be {' or '.join(PRECISIONS)}")
        settings["trainer.precision"] = PRECISIONS[precision]
    if run.get("device"):
        settings |= _accelerator(run["device"])
    return TrainJob(settings, words, **run)


def _accelerator(device: str) -> dict[str, Any]:
    """Name a device such as ``cuda:1`` as Lightning does."""
    kind, _, index = device.partition(":")
    if kind not in ACCELERATORS or (index and not index.isdecimal()):
        raise ConfigError(f"--device {device}: must be cuda, cuda:1 and so on, mps or cpu")
    return {"trainer.accelerator": ACCELERATORS[kind]} | ({"trainer.devices": [int(index)]} if index else {})


def _value(value: Any) -> str:
    return "null" if value is None else json.dumps(value) if isinstance(value, dict | list | tuple) else str(value)


@dataclass(frozen=True)
class Trained:
    """What a training left.

    Args:
        folder: Of the run: the style, the file to go on from, every setting, and a log for TensorBoard.
        file: The style.
        steps: Trained in all, with those of earlier calls if it was resumed.
        seconds: Likewise.
        judged: Loss terms on held-out photographs at the end; empty where nothing was left to do.
        skipped: Photographs that could not be used.
        stopped: Number of the signal that ended it early; -1 if ``on_progress`` did, 0 if nothing.
        first: Whether this process is the only one, or the first of several that trained together.
    """

    folder: Path
    file: Path
    steps: int
    seconds: float
    judged: Mapping[str, float] = field(default_factory=dict)
    skipped: Sequence[str] = ()
    stopped: int = 0
    first: bool = True

    @property
    def interrupted(self) -> bool:
        """Whether it ended early; what there is was saved, and can be gone on with."""
        return bool(self.stopped)

    @cached_property
    def stylizer(self) -> "Stylizer":
        """What paints with it."""
        from fastnst.inference import load  # here, because a training does not paint

        return load(self.file)


@dataclass(frozen=True)
class Progress:
    """Where a training stands.

    Args:
        step: Steps taken.
        share: Of the budget that is over, from 0 to 1.
        seconds: Time spent.
        logged: The last value of whatever is logged, by name: ``train/loss``, ``val/content/relu2_1``, ``lr``.
    """

    step: int
    share: float
    seconds: float
    logged: Mapping[str, Any]

    @property
    def loss(self) -> float:
        """Of the last step; reading it waits for the device."""
        return float(self.logged["train/loss"])


OnProgress = Callable[[Progress], bool | None]
"""Called after every step; returns true to end the training in order there."""
