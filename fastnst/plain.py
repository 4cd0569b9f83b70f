"""Read what ``torch.save`` wrote, as far as it is plain data and tensors; nothing in a file is executed."""

import pickle
import struct
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fastnst.errors import first_line

DAMAGE = (
    *(ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError, RuntimeError, MemoryError),
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error, struct.error),
)
"""What readers of whole files raise at damaged ones."""


class PlainError(ValueError):
    """A file is damaged, or holds more than plain data; the message does not name it.

    Attributes:
        program: Whether it holds what would have to be executed.
    """

    def __init__(self, message: str, program: bool = False) -> None:
        super().__init__(message)
        self.program = program


def load_plain(path: Path, mmap: bool = False) -> Any:
    """Load plain data and tensors, on the CPU.

    Args:
        path: A file of ``torch.save``.
        mmap: Leave tensors in the file until they are used.

    Raises:
        FileNotFoundError: No such file.
        PlainError: Damaged, made to take any amount of memory, or one that would have to be executed.
    """
    try:
        _check_packing(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old formats, and of kinds of tensors that are refused below
            loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=mmap)
    except (FileNotFoundError, PlainError):
        raise
    except pickle.UnpicklingError as error:
        program = "GLOBAL" in str(error)
        raise PlainError("its pickle is damaged, or holds more than tensors", program) from None
    except DAMAGE as error:
        raise PlainError(first_line(error), "TorchScript" in str(error)) from None
    _check_tensors(loaded, path.stat().st_size)
    return loaded


def _check_packing(path: Path) -> None:
    """Refuse an archive that is compressed: torch writes none, and a small one could fill any memory."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            if any(member.compress_type != zipfile.ZIP_STORED for member in archive.infolist()):
                raise PlainError("it is a compressed archive, which torch.save does not write")


def _check_tensors(loaded: Any, size: int) -> None:
    """Refuse tensors that are no plain table of numbers, or together larger than the file."""
    total = 0
    for tensor in _tensors(loaded):
        plain = tensor.layout == torch.strided and tensor.device.type == "cpu" and not tensor.is_quantized
        if not plain or tensor.is_complex():
            raise PlainError(f"it holds a tensor of a kind that no network has ({_kind(tensor)})")
        total += tensor.nbytes
    if total > 2 * size:  # a few may share their numbers
        raise PlainError("it holds tensors that are larger than what is stored of them")


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}, {str(tensor.layout).removeprefix('torch.')}, {tensor.device}"


def _tensors(loaded: Any) -> Iterator[Tensor]:
    """Give all tensors within mappings and sequences; each of these once, for they may hold themselves."""
    left, seen = [loaded], set()
    while left:
        thing = left.pop()
        if isinstance(thing, Tensor):
            yield thing
        elif isinstance(thing, Mapping | list | tuple | set) and id(thing) not in seen:
            seen.add(id(thing))
            left += thing.values() if isinstance(thing, Mapping) else thing
