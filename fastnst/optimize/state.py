"""A run on disk: everything that is needed to go on."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fastnst.atomic import replacing
from fastnst.errors import ConfigError, first_line
from fastnst.optimize.run import Optimization

FREE = {"steps", "time_budget"}
"""Settings that may differ when a run is resumed."""


def save_state(run: Optimization, path: Path, settings: dict[str, Any]) -> None:
    """Write a run, and the settings it depends on, to ``path``; complete or not at all."""
    tensors, numbers = run.state()
    header = {"run": json.dumps(numbers), "settings": json.dumps(settings)}
    with replacing(path) as temporary:
        save_file({key: value.cpu().clone() for key, value in tensors.items()}, temporary, metadata=header)


def load_state(run: Optimization, path: Path, settings: dict[str, Any]) -> None:
    """Let a run go on from ``path``.

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
    run.load(tensors, numbers)


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
        return json.loads(header["settings"]), json.loads(header["run"]), tensors
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be resumed from ({first_line(error)})") from None
