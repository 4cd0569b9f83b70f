"""Recognize a network of another program and make a style of it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fastnst import __version__
from fastnst.checkpoint import Metadata, describe
from fastnst.errors import first_line
from fastnst.importers import (
    eriklindernoren,
    gordicaleksa,
    igreat,
    jcjohnson,
    lengstrom,
    onnx_zoo,
    pytorch_examples,
    rrmina,
    yakhyo,
)
from fastnst.importers._files import DAMAGE, Contents, ImportFileError, read_contents
from fastnst.importers._onnx import Graph
from fastnst.importers._plan import Mismatch
from fastnst.networks import TransformationNetwork
from fastnst.networks.foreign import Foreign

BY_TENSORS: Mapping[str, Callable[[Mapping[str, Tensor]], Foreign]] = {
    "pytorch/examples fast_neural_style": pytorch_examples.read,
    "gordicaleksa/pytorch-neural-style-transfer-johnson": gordicaleksa.read,
    "rrmina/fast-neural-style-pytorch": rrmina.read,
    "yakhyo/fast-neural-style-transfer": yakhyo.read,
    "eriklindernoren/Fast-Neural-Style-Transfer": eriklindernoren.read,
    "igreat/fast-style-transfer": igreat.read,
    "lengstrom/fast-style-transfer": lengstrom.read,
}
ONNX, TORCH7 = "ONNX model zoo fast_neural_style", "jcjohnson/fast-neural-style"
ORIGINS = (*BY_TENSORS, ONNX, TORCH7)
"""Programs whose networks are known."""

SHOWN = 4
"""Tensors that are named where none of the programs fits."""


@dataclass(frozen=True)
class ImportJob:
    """What to import.

    Args:
        source: A file of another program: PyTorch, safetensors, NumPy, ONNX or Torch7.
        name: What the style is called; the file's own name by default.
        license: Terms under which the source gives its weights; no file says them.
    """

    source: str
    name: str = ""
    license: str = ""


@dataclass(frozen=True)
class Imported:
    """A network of another program, and what is known of it."""

    network: TransformationNetwork
    metadata: Metadata


def run(job: ImportJob) -> Imported:
    """Read a file and make of it a network that paints as the program it is from.

    Raises:
        ImportFileError: Missing, damaged, not a network of a known program, or one whose weights are no finite numbers.
    """
    path = Path(job.source)
    contents = read_contents(path)
    program, network = recognize(path, contents)
    if not all(torch.isfinite(value).all() for value in network.state_dict().values()):
        raise ImportFileError(f"{path}: holds weights that are not finite numbers")
    origin = {
        "program": program,
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "license": job.license or "unknown",
    }
    style = {"name": job.name or path.stem}
    return Imported(network, Metadata(describe(network), [style], origin=origin, fastnst_version=__version__))


def recognize(path: Path, contents: Contents) -> tuple[str, Foreign]:
    """Name the program whose network this is, and rebuild the network.

    Raises:
        ImportFileError: No known program's; says what the file holds.
    """
    if isinstance(contents, Graph):
        return _only(path, ONNX, onnx_zoo.read, contents)
    if not _is_tensors(contents):
        return _only(path, TORCH7, jcjohnson.read, contents)
    for program, read in BY_TENSORS.items():
        try:
            return program, read(contents)
        except Mismatch:
            continue
    raise ImportFileError(f"{path}: not a network of a known program; {_seen(contents)}. Known: {', '.join(ORIGINS)}")


def _only(path: Path, program: str, read: Callable[[Any], Foreign], contents: Contents) -> tuple[str, Foreign]:
    try:
        return program, read(contents)
    except Mismatch as error:
        raise ImportFileError(f"{path}: not a network like those of {program}; it has {error}") from None
    except DAMAGE as error:
        raise ImportFileError(f"{path}: is damaged ({first_line(error)})") from None


def _is_tensors(contents: Contents) -> bool:
    return isinstance(contents, dict) and all(isinstance(value, Tensor) for value in contents.values())


def _seen(tensors: Mapping[str, Tensor]) -> str:
    first = [f"{name} {tuple(value.shape)}" for name, value in list(tensors.items())[:SHOWN]]
    more = ", ..." if len(tensors) > SHOWN else ""
    return f"it holds {len(tensors)} tensors: {', '.join(first)}{more}" if tensors else "it holds no tensors"
