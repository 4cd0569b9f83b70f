"""Bundled styles and configs, found by name."""

import os
from pathlib import Path

from fastnst.assets import hub
from fastnst.errors import ConfigError
from fastnst.registry import unknown

PACKAGE = Path(__file__).parents[1]

SHARED = "shared"
"""What the network that paints in the style of any picture goes by, among the names of trained styles."""


def styles() -> dict[str, Path]:
    """List the trained styles by name."""
    return _listing("checkpoints", "*.safetensors")


def configs(command: str) -> dict[str, Path]:
    """List the configs of one command, ``train`` or ``optimize``, by name."""
    return _listing(f"configs/{command}", "*.yaml")


def style_path(name: str) -> Path:
    """Return where the style of this name is.

    Raises:
        ConfigError: No bundled style has this name.
    """
    known = styles()
    if name not in known:
        raise ConfigError(unknown("style", name, known))
    return known[name]


def starts() -> Path:
    """Return the folder of the shared starts, one for each network that has one: ``lite.safetensors``."""
    return PACKAGE / "networks" / "weights"


def shared_network(network: str = "lite") -> Path:
    """Return where the weights are that all styles begin from, and that paint in the style of any picture.

    Raises:
        ConfigError: This installation has none for ``network``.
    """
    path = starts() / f"{network}.safetensors"
    if not path.is_file():
        raise ConfigError(f"this installation has no shared {network} ({path}); give --model with a trained style")
    return path


def find_style(model: str | os.PathLike[str]) -> Path:
    """Return the path of a style given by path, by name, or by its address on the hub; a file wins over a name.

    A path that does not exist is returned unchanged; the caller reports the error.

    Raises:
        ConfigError: A bare word that is neither a path nor a name nor :data:`SHARED`.
        HubError: The style cannot be had from the hub.
    """
    if hub.is_address(model):
        return hub.fetch(model)
    path = Path(model)
    if str(model) == SHARED and not path.is_file():
        return shared_network()
    looks_like_path = path.is_file() or path.suffix or len(path.parts) > 1
    if looks_like_path or (path.is_dir() and str(model) not in styles()):
        return path
    return style_path(str(model))


def license_of(file: Path) -> str | None:
    """Return under what terms the weights in a file are that comes with this program; nothing for any other."""
    file = file.resolve()
    ours = {path.resolve() for path in styles().values()}
    return "MIT" if file in ours or file.parent == starts().resolve() else None


def find_config(name: str, command: str) -> Path:
    """Return the path of a config of one command, given by path or by name; a file wins over a name.

    Raises:
        ConfigError: Neither, or the name of another command's config.
    """
    if Path(name).is_file():
        return Path(name)
    known = configs(command)
    for other in {"train", "optimize"} - {command}:
        if name in configs(other):
            raise ConfigError(f"config {name!r} is for fastnst {other}, not for fastnst {command}")
    if name not in known:
        raise ConfigError(unknown("config", name, known) if known else f"config {name!r}: no such file")
    return known[name]


def _listing(folder: str, pattern: str) -> dict[str, Path]:
    """Look inside an installed package, or beside it in a checkout."""
    inside = PACKAGE / folder
    root = inside if inside.is_dir() else PACKAGE.parent / folder
    return {path.stem: path for path in sorted(root.rglob(pattern))}
