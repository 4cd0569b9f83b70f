"""What a page shows of models and their styles: names, titles, thumbnails."""

import io
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps

from fastnst.assets import find_style
from fastnst.assets.samples import draw_landscape
from fastnst.checkpoint import Metadata, describe
from fastnst.errors import ConfigError
from fastnst.images import pack_image, read_image, to_pil, unpack_image
from fastnst.images.geometry import fit
from fastnst.inference import Stylizer, load
from fastnst.inference.choice import is_picture
from fastnst.inference.export import known_license

SIDE = 160
"""Of a thumbnail, pixels."""

PICTURES = "pictures"
"""What the model that paints in the style of given pictures is called."""


def open_models(words: Iterable[str]) -> dict[str, Stylizer]:
    """Load models by names that serve as names of files.

    Pictures become the styles of one model together, by the shared network, which predicts their codes.

    Args:
        words: Bundled styles, trained files, and pictures.

    Raises:
        CheckpointError: A file is not a style of ours.
        ConfigError: No such style, a graph, or a network without styles.
        ImageError: A picture cannot be read.
    """
    words = list(dict.fromkeys(words))
    pictures = [word for word in words if is_picture(word)]
    models: dict[str, Stylizer] = {}
    for word in words:
        if word not in pictures:
            models[_free(safe_name(_stem(word)), models)] = _open(word)
    if pictures:
        models[_free(PICTURES, models)] = _of_pictures(pictures)
    return models


def _stem(word: str) -> str:
    """Name a file after itself, or after its folder where all are called alike."""
    path = Path(word)
    return path.parent.name if path.stem == "style" and path.parent.name else path.stem


def _open(word: str) -> Stylizer:
    file = find_style(word)
    if file.suffix == ".onnx":
        raise ConfigError(f"{file}: is a graph already; give the .safetensors that it was exported from")
    stylizer = load(file, "cpu", "float32", "torch")
    if stylizer.network.styles is not None and not stylizer.styles:
        raise ConfigError(f"{word}: paints in the style of any picture; give the pictures instead: fastnst web a.jpg")
    return stylizer


@torch.no_grad()
def _of_pictures(paths: list[str]) -> Stylizer:
    """Make a network of the styles of pictures."""
    shared = load("shared", "cpu", "float32", "torch")
    codes = [shared.styled(path).network.style_code() for path in paths]
    network = shared.styled(paths[0]).network
    assert shared.network.styles is not None, "a predictor stands in a table of styles"
    table = network.add_styles(len(paths))
    table.photograph.copy_(shared.network.styles.photograph)
    for row, code in zip(table.codes, codes, strict=True):
        row.copy_(code)
    names: dict[str, str] = {}
    for path in paths:
        names[_free(safe_name(Path(path).stem), names)] = path
    styles = [_style(name, path) for name, path in names.items()]
    metadata = Metadata(describe(network), styles=styles, origin={"license": "MIT"})
    return Stylizer(network, metadata, "cpu", "float32", "torch")


def _style(name: str, path: str) -> dict[str, Any]:
    picture = pack_image(fit(read_image(path), shorter=2 * SIDE))
    return {"name": name, "sha256": sha256(Path(path).read_bytes()).hexdigest(), "picture": picture}


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """Return a name that is not taken: itself, or with a number."""
    number, free = 2, name
    while free in taken:
        number, free = number + 1, f"{name}_{number}"
    return free


def safe_name(name: str) -> str:
    """Return a name of letters, digits, ``_`` and ``-`` alone, for files and addresses."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_-") or "style"


def describe_models(stylizers: Mapping[str, Stylizer]) -> list[dict[str, Any]]:
    """Say of each model what a page shows of it.

    Args:
        stylizers: By name, with all their styles.

    Returns:
        For each ``{"name", "title", "artist", "thumbnail", "styles", "strength", "license"}``; ``styles`` has a
        ``{"name", "title", "artist", "thumbnail"}`` for each, and is empty where there is but one. Thumbnails are
        addresses beside the page; :func:`thumbnail` makes them.
    """
    return [_entry(safe_name(name), stylizer) for name, stylizer in stylizers.items()]


def _entry(name: str, stylizer: Stylizer) -> dict[str, Any]:
    shown = [_shown(style) for style in _styles(stylizer)]
    several = len(shown) > 1
    own = {"title": _title(name), "artist": ""} if several or not shown else shown[0]
    addresses: dict[str, None] = {}
    for style in shown:
        addresses[_free(safe_name(style["name"]), addresses)] = None
    return {
        "name": name,
        "title": own["title"],
        "artist": own["artist"],
        "thumbnail": f"thumbnails/{name}.jpg",
        "styles": [
            style | {"thumbnail": f"thumbnails/{name}/{address}.jpg"}
            for style, address in zip(shown, addresses, strict=True)
        ]
        if several
        else [],
        "strength": stylizer.has_strength,
        "license": known_license(stylizer.metadata, stylizer.file) or "not stated",
    }


def _styles(stylizer: Stylizer) -> list[dict[str, Any]]:
    if stylizer.metadata is not None and stylizer.metadata.styles:
        return stylizer.metadata.styles
    return [{"name": name} for name in stylizer.styles]


def _shown(style: Mapping[str, Any]) -> dict[str, str]:
    name = str(style.get("name", "style"))
    artist = re.sub(r"\s*\([^)]*\)$", "", str(style.get("artist") or ""))  # without years of life
    return {"name": name, "title": str(style.get("title") or _title(name)), "artist": artist}


def _title(name: str) -> str:
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def thumbnail(stylizer: Stylizer, style: str | None = None) -> bytes:
    """Return a small square picture of a style as a JPEG file: what it imitates, or else a landscape painted in it.

    Args:
        stylizer: A model.
        style: One of its styles; the first by default.

    Raises:
        ConfigError: No such style.
    """
    known = _styles(stylizer)
    found = next((entry for entry in known if style in (None, str(entry.get("name")))), None)
    if found is not None and found.get("picture"):
        picture = to_pil(unpack_image(found["picture"]))
    else:
        several = len(stylizer.styles) > 1
        painter = stylizer.styled(style or stylizer.styles[0]) if several else stylizer
        picture = painter(draw_landscape(3 * SIDE, 2 * SIDE))
    data = io.BytesIO()
    ImageOps.fit(picture, (SIDE, SIDE), Image.Resampling.LANCZOS).save(data, "JPEG", quality=85)
    return data.getvalue()
