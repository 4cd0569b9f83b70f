"""Which model and which style a word means, and what the result is called."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from PIL import Image
from torch import Tensor

from fastnst.assets import find_style, shared_network
from fastnst.checkpoint import style_name
from fastnst.errors import ConfigError
from fastnst.images import EXTENSIONS

MODELS = (".safetensors", ".onnx", ".pt2")

Style = str | os.PathLike[str] | Image.Image | Mapping[str, float] | Tensor
"""A style of the model by name; a picture, or the path of one; weights of names and paths; a style code ``(K,)``."""


def find_model(model: str | os.PathLike[str] | None, style: Style | None) -> tuple[Path, Style | None]:
    """Return the file to paint with, and the style to paint in.

    Without a model, a picture, or a mix of pictures, is painted by the shared network, and a style given by a word is
    the model of that name.

    Raises:
        ConfigError: No such model, or nothing is given that tells it.
    """
    if model is not None:
        return find_style(model), style
    if style is None:
        raise ConfigError("missing a model or a style; give --model, --style or --mix")
    words = list(style) if isinstance(style, Mapping) else [style]
    names = [word for word in words if isinstance(word, str | os.PathLike) and not is_picture(word)]
    if not names:
        return shared_network(), style
    if isinstance(style, Mapping):
        raise ConfigError(f"{str(names[0])!r} is not a picture; mix pictures, or give the --model that knows it")
    try:
        return find_style(names[0]), None
    except ConfigError as error:
        raise ConfigError(f"{error}; any picture is a style as well") from None


def is_picture(word: str | os.PathLike[str]) -> bool:
    """Say whether a word means a picture: it has the extension of one, or is a file of another kind than a model."""
    path = Path(word)
    return path.suffix.lower() in EXTENSIONS or (path.suffix not in MODELS and path.is_file())


def name_result(model: Path, style: str | Mapping[str, float] | None = None, strength: float = 1.0) -> str:
    """Name what is painted in a style, for files: ``wave``, ``wave30_starry70``, ``wave_strength50``."""
    if isinstance(style, Mapping):
        total = sum(style.values()) or 1
        name = "_".join(f"{_plain(word)}{round(100 * weight / total)}" for word, weight in style.items())
    else:
        name = style_name(model) if style is None else _plain(style)
    return name if strength == 1 else f"{name}_strength{round(100 * strength)}"


def _plain(word: str) -> str:
    """Leave out what is no part of a file's name; a picture goes by its own."""
    return re.sub(r"[^\w-]+", "_", Path(word).stem if is_picture(word) else word).strip("_") or "style"
