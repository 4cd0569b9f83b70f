"""A graph of ONNX operators under construction."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

OPSET = 17
"""The newest set of operators that runtimes of the last years know, those of browsers included."""

FEW = 8
"""Arrays that one operator takes."""

KINDS = {
    torch.uint8: TensorProto.UINT8,
    torch.float16: TensorProto.FLOAT16,
    torch.float32: TensorProto.FLOAT,
}


class Graph:
    """Operators in the order of their computation, and the constants they take; values go by name."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[tuple[str, bytes, tuple[int, ...]], onnx.TensorProto] = {}

    def add(self, operator: str, *inputs: str, name: str | None = None, **attributes: Any) -> str:
        """Apply an operator, and return the name of its result, which is told from others by a number."""
        name = name or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name, **attributes))
        return name

    def split(self, values: str, sizes: Sequence[int], axis: int = 0) -> list[str]:
        """Cut a vector, or the rows of a matrix with ``axis`` 1, into parts of these lengths.

        Each part is an operator of its own: runtimes on GPUs bind ten arrays at a time, and one of all parts more.
        """
        ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
        return [
            self.add("Slice", values, self.integers(end - size), self.integers(end), self.integers(axis))
            for size, end in zip(sizes, ends, strict=True)
        ]

    def join(self, parts: Sequence[str], axis: int, name: str) -> str:
        """Put any number of parts behind one another, a few at a time for the same reason."""
        while len(parts) > FEW:
            groups = [parts[first : first + FEW] for first in range(0, len(parts), FEW)]
            parts = [self.add("Concat", *group, axis=axis) if len(group) > 1 else group[0] for group in groups]
        return self.add("Concat", *parts, axis=axis, name=name)

    def cast(self, x: str, kind: torch.dtype, name: str | None = None) -> str:
        """Convert numbers to another type."""
        return self.add("Cast", x, to=KINDS[kind], name=name)

    def constant(self, values: Tensor | float) -> str:
        """Return the name of constant numbers; those of a tensor keep their type."""
        tensor = values if isinstance(values, Tensor) else torch.tensor(values, dtype=torch.float32)
        return self._keep(tensor.detach().cpu().numpy())

    def integers(self, *values: int) -> str:
        """Return the name of a constant vector of whole numbers."""
        return self._keep(np.array(values, np.int64))

    def _keep(self, array: np.ndarray) -> str:
        key = (array.dtype.name, array.tobytes(), array.shape)
        if key not in self.constants:
            name = f"constant_{len(self.constants)}"
            self.constants[key] = numpy_helper.from_array(np.ascontiguousarray(array), name)
        return str(self.constants[key].name)

    def finish(self, inputs: Sequence[onnx.ValueInfoProto], *outputs: onnx.ValueInfoProto) -> onnx.ModelProto:
        """Return the model, checked for form; operators must have written the outputs under their names."""
        graph = helper.make_graph(self.nodes, "fastnst", inputs, outputs, list(self.constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


def value(name: str, kind: torch.dtype, *shape: int | str) -> onnx.ValueInfoProto:
    """Declare an input or output; a side of any length goes by a name."""
    return helper.make_tensor_value_info(name, KINDS[kind], shape)
