"""What a file says of itself: a style, a painted picture, or a run that can be resumed."""

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fastnst.assets import find_style
from fastnst.assets.hub import is_address
from fastnst.checkpoint import CheckpointError, Metadata, network_name, read_metadata, read_table
from fastnst.errors import first_line
from fastnst.images import EXTENSIONS, read_note
from fastnst.networks import TransformationNetwork
from fastnst.plain import load_plain
from fastnst.video.kinds import is_video


class NoNoteError(ValueError):
    """A file is whole, and says nothing of how it was made."""


def about(file: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what a file says of itself, as plain data.

    Args:
        file: A picture written by fastnst, any video, a trained style (a file, or a bundled one by name), an exported
            ``.onnx``, a ``.resume`` file of the optimizer or a ``.ckpt`` file of a training.

    Raises:
        NoNoteError: A picture without a note.
        ImageError: Not a picture, though it is called like one.
        VideoError: Not a video, though it is called like one.
        CheckpointError: Not a style, or a damaged one.
        ConfigError: No style of this name.
    """
    if is_address(file):
        return about_style(find_style(file))
    path = Path(file)
    if path.suffix == ".resume":
        from fastnst.optimize.state import read_settings

        return read_settings(path)
    if path.suffix == ".ckpt":
        return about_training(path)
    if path.is_file() and is_video(path):
        from fastnst.video.about import about_video

        return about_video(path)
    if path.suffix.lower() == ".onnx" and path.is_file():
        return about_graph(path)
    if path.suffix.lower() not in EXTENSIONS:
        return about_style(find_style(path))
    note = read_note(path)
    if note is None:
        raise NoNoteError(f"{file}: says nothing of how it was made; only pictures written by fastnst do")
    return note


def about_style(path: Path) -> dict[str, Any]:
    """Return the metadata of a trained style, without the picture that it holds, and what its style codes can do.

    Raises:
        CheckpointError: As :func:`~fastnst.checkpoint.read_metadata`.
    """
    metadata, table = read_metadata(path), read_table(path)
    names = [style.get("name", "") for style in metadata.styles]
    codes = {"table": {**asdict(table), "names": names}} if table else {}
    return {"file": str(path), "bytes": path.stat().st_size, **codes, **_without_picture(asdict(metadata))}


def about_graph(path: Path) -> dict[str, Any]:
    """Return what an exported graph says of itself.

    Raises:
        CheckpointError: Not a graph of fastnst.
    """
    from fastnst.inference.graphs import read_graph

    _, notes, _ = read_graph(path)
    return {"file": str(path), "bytes": path.stat().st_size, **asdict(notes)}


def about_training(path: Path) -> dict[str, Any]:
    """Return what a training's resume file holds besides numbers.

    Raises:
        CheckpointError: Not such a file.
    """
    try:
        state = load_plain(path, mmap=True)
        facts = {"step": state["global_step"], **_without_picture(state["fastnst"])}
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file") from None
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: not a resume file of a training ({first_line(error)})") from None
    return {"file": str(path), "bytes": path.stat().st_size, **facts}


def _without_picture(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out packed pictures, which are long and nothing to read."""
    found = {}
    for key, value in facts.items():
        if isinstance(value, Mapping):
            value = _without_picture(value)
        if isinstance(value, list):
            value = [_without_picture(item) if isinstance(item, Mapping) else item for item in value]
        if key != "picture":
            found[key] = value
    return found


def artwork(metadata: Metadata) -> list[str]:
    """Say what picture is imitated and who made it, as far as that is known; of several styles, their names."""
    if len(metadata.styles) > 1:
        return [f"{len(metadata.styles)} styles: {', '.join(str(style.get('name', '')) for style in metadata.styles)}"]
    style = metadata.styles[0] if metadata.styles else {}
    title = ", ".join(style[key] for key in ("title", "date") if style.get(key))
    return [line for line in (title, style.get("artist", "")) if line]


def network_line(network: TransformationNetwork, path: Path) -> str:
    """Say which network it is, and how large."""
    options = ", ".join(f"{key} {value}" for key, value in network.config.items())
    count = sum(parameter.numel() for parameter in network.parameters())
    return f"{network_name(network)} ({options}), {count:,} parameters, {path.stat().st_size / 1e6:.2f} MB"


def judged(metadata: Metadata) -> str:
    """Say how far held-out photographs were from content and style, by kind of term; nothing if it was not judged."""
    from fastnst.losses import by_kind

    kinds = by_kind(metadata.judged.get("terms", {}))
    shares = ", ".join(f"{kind} {value:.3g}" for kind, value in kinds.items() if kind != "loss")
    return f"{shares} on {metadata.judged['photos']} held-out photographs" if shares else ""
