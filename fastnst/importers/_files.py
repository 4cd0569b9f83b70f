"""Read what a file holds, whatever program wrote it: tensors by name, an ONNX graph, or a Torch7 object."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from fastnst.errors import first_line
from fastnst.importers._onnx import Graph, OnnxError, read_onnx
from fastnst.importers._torch7 import Torch7Error, read_torch7
from fastnst.importers.lengstrom import EXPORT
from fastnst.plain import DAMAGE, PlainError, load_plain

TENSORFLOW = bytes.fromhex("57fb808b247547db")
"""Ends a checkpoint of TensorFlow, or its ``.index``."""

LARGEST_GAIN = 50
"""Filters shrink by a tenth when they are packed, those that are all zeros by a thousand."""

PREFIXES = ("module.", "_orig_mod.")
"""What parallel and compiled modules put before the names of tensors."""

Contents = dict[str, Tensor] | Graph | Any


class ImportFileError(ValueError):
    """A file cannot be imported; the message names it and says why."""


def read_contents(path: Path) -> Contents:
    """Return what a file holds; its kind is told by its first bytes, not by its name.

    Raises:
        ImportFileError: Missing, damaged, of an unknown kind, or one that would have to be executed.
    """
    try:
        with path.open("rb") as file:
            head = file.read(9)
            file.seek(-min(8, path.stat().st_size), 2)
            tail = file.read()
    except OSError as error:
        raise ImportFileError(f"{path}: {(error.strerror or first_line(error)).lower()}") from None
    if head[:4] in (b"\3\0\0\0", b"\4\0\0\0"):
        return _whole(path, read_torch7)
    if head[8:9] == b"{":
        return _safetensors(path)
    if head.startswith(b"PK") and _holds_arrays(path):
        return _arrays(path)
    if head.startswith((b"PK", b"\x80")):
        return _tensors(path, _torch(path))
    if head.startswith(b"\x08"):
        return _whole(path, read_onnx)
    if tail == TENSORFLOW or path.suffix in (".meta", ".index"):
        raise ImportFileError(f"{path}: a checkpoint of TensorFlow; with TensorFlow, write its variables by: {EXPORT}")
    raise ImportFileError(
        f"{path}: neither PyTorch (.pth, .pt, .model), safetensors, NumPy (.npz), ONNX nor binary Torch7 (.t7)"
    )


def _whole(path: Path, read: Any) -> Any:
    try:
        return read(path)
    except (OnnxError, Torch7Error) as error:
        raise ImportFileError(f"{path}: {error}") from None
    except DAMAGE as error:
        raise ImportFileError(f"{path}: is damaged ({first_line(error)})") from None


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            if "fastnst" in (file.metadata() or {}):
                raise ImportFileError(f"{path}: is a style of fastnst already; paint with it")
            return _named({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 (no mapping)
    except SafetensorError as error:
        raise ImportFileError(f"{path}: is not a whole safetensors file ({first_line(error)})") from None


def _holds_arrays(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _arrays(path: Path) -> dict[str, Tensor]:
    try:
        _check_unpacked(path)
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        return _named({name: torch.from_numpy(array) for name, array in arrays.items() if array.dtype.kind == "f"})
    except DAMAGE as error:
        raise ImportFileError(f"{path}: is not a whole file of plain arrays ({first_line(error)})") from None


def _check_unpacked(path: Path) -> None:
    """Refuse arrays that unpack to far more than filters of a network do."""
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
    if size > LARGEST_GAIN * path.stat().st_size:
        raise ValueError(f"it unpacks to {size / 10**6:.0f} MB, {LARGEST_GAIN} times its size or more")


def _torch(path: Path) -> Any:
    """Load tensors, on the CPU; anything that would have to be executed is refused."""
    try:
        return load_plain(path)
    except PlainError as error:
        if error.program:
            raise ImportFileError(
                f"{path}: holds program objects beside tensors; they are not loaded, since that may execute anything; "
                f"save the network's state_dict() with the program that wrote it"
            ) from None
        raise ImportFileError(f"{path}: is not a whole PyTorch file ({error})") from None


def _tensors(path: Path, loaded: Any) -> dict[str, Tensor]:
    found = _filters(loaded)
    if not found:
        raise ImportFileError(f"{path}: holds no filters of a network")
    return _named(found)


def _filters(loaded: Any, depth: int = 3) -> dict[str, Tensor]:
    """Return the first mapping that holds filters of convolutions: the whole, or what a program wrapped up."""
    if not isinstance(loaded, Mapping) or depth == 0:
        return {}
    tensors = {str(name): value for name, value in loaded.items() if isinstance(value, Tensor)}
    if any(value.dim() == 4 for value in tensors.values()):
        return tensors
    within = (_filters(value, depth - 1) for name, value in loaded.items() if "optim" not in str(name))
    return next((found for found in within if found), {})


def _named(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors in float32, under the names that the program itself gives them."""
    named = {}
    for name, value in tensors.items():
        while name.startswith(PREFIXES):
            name = name.partition(".")[2]
        named[name] = value.detach().float()
    return named
