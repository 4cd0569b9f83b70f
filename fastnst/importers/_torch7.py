"""Read files of Torch7 (``.t7``): tables, numbers, tensors and objects; functions are skipped, nothing is executed."""

import struct
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import as_strided

NIL, NUMBER, STRING, TABLE, OBJECT, BOOLEAN = range(6)
FUNCTIONS = (6, 7, 8)
ELEMENTS = {
    "Byte": "u1",
    "Char": "i1",
    "Short": "<i2",
    "Int": "<i4",
    "Long": "<i8",
    "Float": "<f4",
    "Double": "<f8",
    "Cuda": "<f4",
    "CudaByte": "u1",
    "CudaInt": "<i4",
    "CudaLong": "<i8",
    "CudaDouble": "<f8",
}
MOST_SHARED = 4
"""Tensors that are views of the same numbers hold together at most so many times what the file does."""

DEEPEST = 200
"""Objects within objects; a network has about a dozen."""


class Torch7Error(ValueError):
    """The bytes are not those of a whole Torch7 file."""


@dataclass
class LuaObject:
    """An object of a class such as ``nn.ReLU``: its name and its fields."""

    kind: str
    fields: dict[Any, Any] = field(default_factory=dict)


def read_torch7(path: Path) -> Any:
    """Return what a binary file of 64-bit Torch7 holds: dictionaries, numbers, strings, tensors, :class:`LuaObject`.

    Source: github.com/torch/torch7, File.lua and generic/Tensor.c, as far as data goes.

    Raises:
        Torch7Error: Truncated, nested too deep, or of another kind.
    """
    return _Reader(path.read_bytes()).value()


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.place, self.depth = memoryview(data), 0, 0
        self.known: dict[int, Any] = {}
        self.given = 0  # bytes of all tensors

    def bytes(self, count: int) -> memoryview:
        if count < 0 or self.place + count > len(self.data):
            raise Torch7Error("it ends in the middle, or is no Torch7 file")
        self.place += count
        return self.data[self.place - count : self.place]

    def numbers(self, kind: str, count: int = 1) -> tuple[Any, ...]:
        layout = f"<{count}{kind}"
        return struct.unpack(layout, self.bytes(struct.calcsize(layout)))

    def integer(self) -> int:
        return int(self.numbers("i")[0])

    def text(self) -> str:
        return bytes(self.bytes(self.integer())).decode("latin-1")

    def value(self) -> Any:
        kind = self.integer()
        if kind == NIL:
            return None
        if kind == NUMBER:
            return self.numbers("d")[0]
        if kind == STRING:
            return self.text()
        if kind == BOOLEAN:
            return self.integer() == 1
        if kind not in (TABLE, OBJECT, *FUNCTIONS):
            raise Torch7Error(f"it holds a value of unknown kind {kind}")
        index = self.integer()
        if index not in self.known:
            self.depth += 1
            if self.depth > DEEPEST:
                raise Torch7Error("its objects are nested too deep")
            self.known[index] = None
            self.known[index] = self.table(index) if kind == TABLE else self.object(index, kind)
            self.depth -= 1
        return self.known[index]

    def table(self, index: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        self.known[index] = found  # it may hold itself
        for _ in range(self.integer()):
            key, value = self.value(), self.value()
            if isinstance(key, str | float | bool):
                found[key] = value
        return found

    def object(self, index: int, kind: int) -> Any:
        if kind in FUNCTIONS:
            self.bytes(self.integer())
            self.value()
            return None
        name = self.text()
        name = self.text() if name.startswith("V ") else name
        family, _, element = name.partition(".")
        if family == "torch" and element.removesuffix("Tensor") in ELEMENTS and element.endswith("Tensor"):
            return self.tensor()
        if family == "torch" and element.removesuffix("Storage") in ELEMENTS and element.endswith("Storage"):
            return self.storage(ELEMENTS[element.removesuffix("Storage")])
        made = LuaObject(name)
        self.known[index] = made
        fields = self.value()
        made.fields = fields if isinstance(fields, dict) else {}
        return made

    def storage(self, element: str) -> np.ndarray:
        count, kind = self.numbers("q")[0], np.dtype(element)
        return np.frombuffer(self.bytes(count * kind.itemsize), kind)

    def tensor(self) -> torch.Tensor:
        dimensions = self.integer()
        if not 0 <= dimensions <= 8:
            raise Torch7Error(f"it holds a tensor of {dimensions} dimensions")
        size, stride = self.numbers("q", dimensions), self.numbers("q", dimensions)
        start, storage = self.numbers("q")[0] - 1, self.value()
        if storage is None or dimensions == 0:
            return torch.zeros(0)
        if not isinstance(storage, np.ndarray) or min(size) < 0 or min(stride) < 0 or start < 0:
            raise Torch7Error("it holds a damaged tensor")
        end = start + sum((count - 1) * step for count, step in zip(size, stride, strict=True)) + 1
        if min(size) > 0 and max(end, prod(size)) > len(storage):
            raise Torch7Error("it holds a tensor that is larger than its numbers")
        self.given += prod(size) * storage.itemsize
        if self.given > MOST_SHARED * len(self.data):
            raise Torch7Error("its tensors hold the same numbers more often than those of any network")
        steps = [step * storage.itemsize for step in stride]
        return torch.from_numpy(as_strided(storage[start:], size, steps).copy()).float()
