"""Read the graph of an ONNX file: its nodes, and the tensors among its inputs; the package onnx is not needed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

ELEMENTS = {1: "<f4", 6: "<i4", 7: "<i8", 10: "<f2", 11: "<f8"}
"""Kinds of numbers that are read, by ONNX's ``TensorProto.DataType``."""


class OnnxError(ValueError):
    """The bytes are not those of a whole ONNX file."""


@dataclass(frozen=True)
class Node:
    """One operation of a graph."""

    kind: str
    inputs: list[str]
    outputs: list[str]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class Graph:
    """Operations in the order of their computation, and constant tensors by name."""

    nodes: list[Node] = field(default_factory=list)
    tensors: dict[str, Tensor] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)


def read_onnx(path: Path) -> Graph:
    """Return the graph of a file whose tensors lie within it.

    Source: github.com/onnx/onnx, onnx/onnx.proto, for the numbers of fields; protobuf.dev, the wire format.

    Raises:
        OnnxError: Truncated, of another kind, or with tensors in other files.
    """
    graphs = [value for number, value in _fields(memoryview(path.read_bytes())) if number == 7]
    if len(graphs) != 1 or not isinstance(graphs[0], memoryview):
        raise OnnxError("it holds no graph, or is no ONNX file")
    graph = Graph()
    for number, value in _fields(graphs[0]):
        if number == 1:
            graph.nodes.append(_node(value))
        elif number == 5:
            graph.tensors.update([_tensor(value)])
        elif number in (11, 12):
            (graph.inputs if number == 11 else graph.outputs).append(_text(dict(_fields(value))[1]))
    return graph


def _fields(data: Any) -> Iterator[tuple[int, Any]]:
    """Yield number and value of each field: an integer, or the bytes of anything else."""
    if not isinstance(data, memoryview):
        raise OnnxError("a field is of another type than expected")
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, place = _varint(data, place)
            yield number, value
            continue
        if wire == 2:
            size, place = _varint(data, place)
        elif wire in (1, 5):
            size = {1: 8, 5: 4}[wire]
        else:
            raise OnnxError(f"it holds a field of unknown type {wire}")
        if place + size > len(data):
            raise OnnxError("it ends in the middle")
        yield number, data[place : place + size]
        place += size


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise OnnxError("it ends in the middle")
        value |= (data[place] & 127) << shift
        place += 1
        if data[place - 1] < 128:
            return value, place
    raise OnnxError("it holds a damaged number")


def _text(data: Any) -> str:
    return bytes(data).decode("utf-8", "replace") if isinstance(data, memoryview) else ""


def _node(data: Any) -> Node:
    node, kind = Node("", [], [], {}), ""
    for number, value in _fields(data):
        if number in (1, 2):
            (node.inputs if number == 1 else node.outputs).append(_text(value))
        elif number == 4:
            kind = _text(value)
        elif number == 5:
            node.attributes.update([_attribute(value)])
    return Node(kind, node.inputs, node.outputs, node.attributes)


def _attribute(data: Any) -> tuple[str, Any]:
    """Return name and value: a number, a text, a tensor, or whole numbers or fractions."""
    name = ""
    value: Any = None
    many: list[Any] = []
    for number, part in _fields(data):
        if number == 1:
            name = _text(part)
        elif number == 2:
            value = float(np.frombuffer(part, "<f4")[0])
        elif number == 3:
            value = _signed(part)
        elif number == 4:
            value = _text(part)
        elif number == 5:
            value = _tensor(part)[1]
        elif number in (7, 8):
            many += _numbers(part, "<f4" if number == 7 else "")
    return name, many or value


def _numbers(part: Any, element: str) -> list[Any]:
    """Return one number, or those that are packed."""
    if isinstance(part, int):
        return [_signed(part)]
    if element:
        return np.frombuffer(part, element).tolist()
    found, place = [], 0
    while place < len(part):
        value, place = _varint(part, place)
        found.append(_signed(value))
    return found


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value


def _tensor(data: Any) -> tuple[str, Tensor]:
    """Return name and values; of kinds that no network computes with, none."""
    shape: list[int] = []
    kind, name, raw, listed = 0, "", None, []
    packed = {4: "<f4", 5: "", 7: "", 10: "<f8"}  # float_data, int32_data, int64_data, double_data
    for number, value in _fields(data):
        if number == 1:
            shape += _numbers(value, "")
        elif number == 2:
            kind = value
        elif number == 8:
            name = _text(value)
        elif number == 9:
            raw = value
        elif number in packed:
            listed += _numbers(value, packed[number])
        elif number == 14 and value:
            raise OnnxError("its tensors lie in other files; put them into one, or export it without external data")
    if kind not in ELEMENTS or (kind == 10 and raw is None):
        return name, torch.zeros(0)
    values = np.frombuffer(raw, ELEMENTS[kind]).copy() if raw is not None else np.array(listed, ELEMENTS[kind])
    if values.size != np.prod(shape, dtype=int):
        raise OnnxError(f"its tensor {name} has {values.size} numbers for the shape {shape}")
    return name, torch.from_numpy(values.reshape(shape))
