"""An interrupted run: all that is needed to go on, in memory and on disk."""

import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fastnst.atomic import replacing
from fastnst.devices import Precision
from fastnst.errors import ConfigError, first_line

FREE = {"steps", "time_budget"}
"""Settings that may differ when a run is resumed."""


@dataclass(frozen=True)
class RunState:
    """A run between two steps.

    Args:
        step: Steps taken.
        stage: Number of the stage.
        stage_step: Steps taken in it.
        seconds: Time spent.
        failures: How often the loss was not finite.
        caution: Factor on the step size because of that.
        precision: Of the backbone.
        averaged: Vectors in the average.
        lowest: Loss terms of the best vector.
        position: The present vector.
        average: Of the last vectors.
        best: The best vector.
        descent: Memory of the optimizer.
    """

    step: int
    stage: int
    stage_step: int
    seconds: float
    failures: int
    caution: float
    precision: Precision
    averaged: int
    lowest: dict[str, float]
    position: Tensor
    average: Tensor
    best: Tensor
    descent: dict[str, Tensor]

    def to(self, device: torch.device) -> "RunState":
        """Return the state with its tensors on a device."""
        descent = {key: value.to(device) for key, value in self.descent.items()}
        position, average, best = (vector.to(device) for vector in (self.position, self.average, self.best))
        return replace(self, position=position, average=average, best=best, descent=descent)

    def _tensors(self) -> dict[str, Tensor]:
        return {"position": self.position, "average": self.average, "best": self.best}

    def _numbers(self) -> dict[str, Any]:
        tensors = {"descent", *self._tensors()}
        return {item.name: getattr(self, item.name) for item in fields(self) if item.name not in tensors}


def save_state(state: RunState, path: Path, settings: dict[str, Any]) -> None:
    """Write a run, and the settings it depends on, to ``path``; complete or not at all."""
    tensors = state._tensors() | {f"descent.{key}": value for key, value in state.descent.items()}
    header = {"run": json.dumps(state._numbers()), "settings": json.dumps(settings)}
    with replacing(path) as temporary:
        # Copies, because several names may share memory, which the format refuses.
        save_file({key: value.detach().cpu().clone() for key, value in tensors.items()}, temporary, metadata=header)


def load_state(path: Path, settings: dict[str, Any]) -> RunState:
    """Read a run that was made with these settings.

    Raises:
        ConfigError: No such file, a broken one, or one of other settings.
    """
    before, numbers, tensors = _read(path)
    now = json.loads(json.dumps(settings))
    for key in sorted((before.keys() | now.keys()) - FREE):
        if before.get(key) != now.get(key):
            raise ConfigError(
                f"{path}: was made with {key} {before.get(key)}, not {now.get(key)}; use the same command"
            )
    descent = {key.removeprefix("descent."): tensors.pop(key) for key in list(tensors) if key.startswith("descent.")}
    try:
        return RunState(**numbers | tensors, descent=descent)
    except TypeError as error:
        raise ConfigError(f"{path}: cannot be resumed from ({first_line(error)})") from None


def read_settings(path: Path) -> dict[str, Any]:
    """Return the settings of an interrupted run.

    Raises:
        ConfigError: No such file, or a broken one.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
    if not path.is_file():
        raise ConfigError(f"{path}: nothing to resume; an interrupted run leaves this file")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata() or {}
            # A copy, because sums of numbers depend on how they lie in memory, and in the file they lie anywhere.
            tensors = {key: file.get_tensor(key).clone() for key in file.keys()}  # noqa: SIM118 (no mapping)
        settings, run = json.loads(header["settings"]), json.loads(header["run"])
        if not isinstance(settings, dict) or not isinstance(run, dict):
            raise ValueError("its settings are none")
        return settings, run, tensors
    except (SafetensorError, OSError, KeyError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: cannot be resumed from ({first_line(error)})") from None
