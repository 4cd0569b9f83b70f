"""What comes along with fastnst, found by name: trained styles and configs."""

import os
from pathlib import Path

from fastnst.errors import ConfigError
from fastnst.registry import unknown

PACKAGE = Path(__file__).parent


def styles() -> dict[str, Path]:
    """List the trained styles by name."""
    return _listing("checkpoints", "*.safetensors")


def configs() -> dict[str, Path]:
    """List the configs by name."""
    return _listing("configs", "*.yaml")


def style_path(name: str) -> Path:
    """Return where the style of this name is.

    Raises:
        ConfigError: No style of this name comes along.
    """
    known = styles()
    if name not in known:
        raise ConfigError(unknown("style", name, known))
    return known[name]


def find_style(model: str | os.PathLike[str]) -> Path:
    """Return the path of a style given by path or by name; a file wins over a name.

    A path that leads nowhere is returned as it is: who opens it says what is wrong.

    Raises:
        ConfigError: A bare word that is neither a path nor a name.
    """
    path = Path(model)
    looks_like_path = path.is_file() or path.suffix or len(path.parts) > 1
    if looks_like_path or (path.is_dir() and str(model) not in styles()):
        return path
    return style_path(str(model))


def find_config(name: str) -> str:
    """Return the path of a config given by path or by name; a file wins over a name.

    Raises:
        ConfigError: Neither.
    """
    if Path(name).is_file():
        return name
    known = configs()
    if name not in known:
        raise ConfigError(unknown("config", name, known))
    return str(known[name])


def _listing(folder: str, pattern: str) -> dict[str, Path]:
    """Look inside an installed package, or beside it in a checkout."""
    inside = PACKAGE / folder
    root = inside if inside.is_dir() else PACKAGE.parent / folder
    return {path.stem: path for path in sorted(root.rglob(pattern))}
