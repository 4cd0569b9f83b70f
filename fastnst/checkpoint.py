"""The published file: a network's weights as safetensors, with a header that says everything needed to use it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, get_origin

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from fastnst.atomic import replacing
from fastnst.errors import ConfigError, first_line
from fastnst.networks import NETWORKS, TransformationNetwork, rebuild
from fastnst.networks.older import present_network, present_weights

STYLE_FILE = "style.safetensors"
"""What training calls its result, in the folder of the run."""

SCHEMA = 2
"""The newest layout that is understood: 1 for a network of one style, 2 for one with a table of styles."""

IMAGE_RANGE = "RGB in [0, 1], sRGB; output around [0, 1], clamp it"

TEXTS = ("name", "title", "artist", "date", "sha256", "picture")
"""What is said of a style in words."""

FOREIGN = (".pth", ".pt", ".model", ".npz", ".onnx", ".t7")
"""Extensions of networks that :mod:`fastnst.importers` reads."""

ROUGH = ("styles.predictor.narrow.weight", "styles.predictor.output.weight")
"""Weights for which 8 bits do: the objective at once of the shared start of ``lite`` moves by less than a hundredth."""

IMPORT = (
    "not a style trained by fastnst; to paint with a network of another program, first make one of it: fastnst import"
)


class CheckpointError(ValueError):
    """A file cannot be used as a style checkpoint; the message names it and says why."""


@dataclass(frozen=True)
class Metadata:
    """How a checkpoint was made and judged; plain data, kept in the file's header as JSON.

    Args:
        network: ``{"name": ..., "config": {...}}``, enough to rebuild the network.
        styles: One ``{"name", "sha256", "size": [height, width]}`` per style, in the order of the table's rows; with
            ``"title"``, ``"artist"`` and ``"date"`` where they are known, and ``"picture"``, which
            :func:`~fastnst.images.unpack_image` turns back into what was imitated.
        loss: The :class:`~fastnst.losses.LossConfig` it was trained under, and the measured ``content_scales``.
        training: Steps, batch size, crop size, learning rate, precision, seed, photographs.
        judged: Loss terms on held-out photographs at the end: ``{"photos", "size", "terms": {path: value}}``.
        origin: Of a network that another program trained: ``{"program", "file", "sha256", "license"}``.
        image_range: What goes in and comes out.
        created: Date of the training, ISO 8601.
        fastnst_version: Version that wrote the file.
        schema: Version of this layout; set by :func:`save_checkpoint`.
    """

    network: dict[str, Any]
    styles: list[dict[str, Any]] = field(default_factory=list)
    loss: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    judged: dict[str, Any] = field(default_factory=dict)
    origin: dict[str, Any] = field(default_factory=dict)
    image_range: str = IMAGE_RANGE
    created: str = ""
    fastnst_version: str = ""
    schema: int = 1


@dataclass(frozen=True)
class Table:
    """What a file with style codes can do.

    Args:
        styles: Rows of the table.
        strength: Whether there is a code for the photograph as it is, to go from.
        predictor: Whether codes of other pictures can be predicted.
    """

    styles: int
    strength: bool
    predictor: bool


def describe(network: TransformationNetwork) -> dict[str, Any]:
    """Say which network this is, as :class:`Metadata` wants it."""
    return {"name": network_name(network), "config": network.config}


def network_name(network: TransformationNetwork) -> str:
    """Return the name a network is registered under."""
    return next(name for name in NETWORKS if NETWORKS[name] is type(network))


def style_name(path: str | os.PathLike[str]) -> str:
    """Return what the style of a file is called: the file's own name, or that of the run's folder it lies in."""
    path = Path(path).absolute()
    return path.parent.name if path.name == STYLE_FILE else path.stem


def save_checkpoint(
    path: str | os.PathLike[str],
    network: TransformationNetwork,
    metadata: Metadata,
    dtype: torch.dtype | None = None,
) -> None:
    """Write network and metadata to ``path``; complete or not at all.

    Args:
        path: Where to.
        network: What to write.
        metadata: How it was made.
        dtype: Precision of the weights in the file, their own by default. ``torch.float16`` halves the file, and leaves
            a predictor of codes a quarter: :data:`ROUGH` in 8 bits. Loading turns them back to float32.

    Raises:
        CheckpointError: The metadata has not one style for every row of the network's table.
    """
    metadata = replace(metadata, schema=1 if network.styles is None else 2)
    _check_rows(Path(path), None if network.styles is None else len(network.styles.codes), metadata)
    weights = {key: _stored(key, value.detach(), dtype) for key, value in network.state_dict().items()}
    header = {"format": "pt", "fastnst": json.dumps(asdict(metadata), sort_keys=True)}
    with replacing(path) as temporary:
        temporary.write_bytes(save(weights, metadata=header))  # save_file hides what the system says


def _stored(key: str, value: Tensor, dtype: torch.dtype | None) -> Tensor:
    """Return a weight as it stands in a file."""
    if dtype == torch.float16 and key in ROUGH:
        most = torch.finfo(torch.float8_e4m3fn).max
        return value.cpu().clamp(-most, most).to(torch.float8_e4m3fn).contiguous()
    return value.to("cpu", dtype).contiguous()


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[TransformationNetwork, Metadata]:
    """Rebuild a network, in eval mode on the CPU, and say how it was made.

    Raises:
        CheckpointError: Missing, truncated, foreign, newer than this program, or not what its header says.
    """
    path = Path(path)
    with _opened(path) as file:
        metadata = _parse(path, file.metadata() or {})
        weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (no mapping)
    try:
        name, config = metadata.network["name"], metadata.network["config"]
        network = rebuild(name, config, present_weights(config, weights))
    except ValueError as error:
        said = "its network cannot be rebuilt: " if isinstance(error, ConfigError) else ""
        raise CheckpointError(f"{path}: {said}{error}") from None
    _check_rows(path, None if network.styles is None else len(network.styles.codes), metadata)
    return network.eval(), metadata


def read_metadata(path: str | os.PathLike[str]) -> Metadata:
    """Say how a checkpoint was made; its weights are not looked at.

    Raises:
        CheckpointError: As :func:`load_checkpoint`, as far as the header tells.
    """
    with _opened(Path(path)) as file:
        return _parse(Path(path), file.metadata() or {})


def read_table(path: str | os.PathLike[str]) -> Table | None:
    """Say what style codes a checkpoint holds, without reading them; nothing for a network of one style.

    Raises:
        CheckpointError: As :func:`read_metadata`, and if header and table differ in length.
    """
    with _opened(Path(path)) as file:
        metadata, keys = _parse(Path(path), file.metadata() or {}), set(file.keys())
        if "styles.codes" not in keys:
            return None
        count = next(iter(file.get_slice("styles.codes").get_shape()), 0)
    _check_rows(Path(path), count, metadata)
    return Table(count, "styles.photograph" in keys, "styles.predictor.center" in keys)


def _check_rows(path: Path, count: int | None, metadata: Metadata) -> None:
    """Refuse a table whose rows are not those that the metadata names."""
    if count is not None and count != len(metadata.styles):
        raise CheckpointError(f"{path}: its table holds {count} styles, but its header names {len(metadata.styles)}")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a safetensors file and say plainly why it cannot be read."""
    try:
        with safe_open(path, framework="pt") as file:
            yield file
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such file") from None
    except (SafetensorError, OSError) as error:
        if path.suffix.lower() in FOREIGN:
            raise CheckpointError(f"{path}: {IMPORT} {path}") from None
        reason = "is a folder" if path.is_dir() else "is not a whole safetensors file"
        raise CheckpointError(f"{path}: {reason} ({first_line(error)})") from None


def _parse(path: Path, header: dict[str, str]) -> Metadata:
    if "fastnst" not in header:
        raise CheckpointError(f"{path}: {IMPORT} {path}")
    try:
        data = json.loads(header["fastnst"])
        schema = int(data["schema"])
        if schema > SCHEMA:
            raise CheckpointError(f"{path}: written by a newer fastnst (schema {schema}); upgrade fastnst")
        data["network"] = present_network(data["network"])
        metadata = Metadata(**{item.name: data[item.name] for item in fields(Metadata) if item.name in data})
        _check_types(metadata)
    except CheckpointError:
        raise
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise CheckpointError(f"{path}: its header is damaged ({first_line(error)})") from None
    return metadata


def _check_types(metadata: Metadata) -> None:
    """Refuse data of other types than is written, by a ``TypeError``."""
    for item in fields(Metadata):
        wanted = get_origin(item.type) or item.type
        if not isinstance(getattr(metadata, item.name), wanted):  # type: ignore[arg-type]  # a class: annotations are no text here
            raise TypeError(f"{item.name} is of another type")
    if not isinstance(metadata.network["name"], str) or not isinstance(metadata.network["config"], dict):
        raise TypeError("network has no name or no config")
    for style in metadata.styles:
        if not isinstance(style, dict) or any(not isinstance(style.get(key, ""), str) for key in TEXTS):
            raise TypeError("a style is no set of names")
