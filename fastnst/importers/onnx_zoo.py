"""The ONNX model zoo's fast_neural_style, and other exports of pytorch/examples and its relatives."""

from collections.abc import Callable

import torch
from torch import Tensor

from fastnst.importers._onnx import Graph, Node
from fastnst.importers._plan import Mismatch, Plan
from fastnst.networks.foreign import Foreign

PADDINGS = {"reflect": "reflect", "constant": "zeros", "edge": "replicate"}


def read(graph: Graph) -> Foreign:
    """Read a graph that is a chain of layers with residual blocks; 0 to 255 enters and leaves, as in the zoo.

    The graphs of the zoo are for 224x224 pixels; what is made of them here is for any size. Where the amounts of a
    padding are computed within the graph (exports of opset 11 and later), they are those that keep the size.

    Source: github.com/onnx/models, vision/style_transfer/fast_neural_style; github.com/onnx/onnx, docs/Operators.md.

    Raises:
        Mismatch: An operation, or an order of them, that such networks do not have.
    """
    return _Chain(graph).plan().build()


class _Chain:
    """Follow the picture through a graph; everything else in it is arithmetic with sizes."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.constants, self.written = graph, dict(graph.tensors), Plan()
        self.starts: dict[str, int] = {}  # how many layers stand before a value
        self.padding = ""  # whose amount is not known yet

    def plan(self) -> Plan:
        writers: dict[str, Callable[[Node], None]] = {
            "Pad": self.pad,
            "Conv": self.conv,
            "InstanceNormalization": self.norm,
            "Relu": lambda node: self.written.add("relu"),
            "Upsample": self.enlarge,
            "Resize": self.enlarge,
            "Add": self.sum,
            "Identity": lambda node: None,
        }
        pictures = [name for name in self.graph.inputs if name not in self.graph.tensors]
        if len(pictures) != 1:
            raise Mismatch(f"{len(pictures)} inputs")
        self.starts[pictures[0]] = 0
        for node in self.graph.nodes:
            if node.kind == "Constant":
                self.constants[node.outputs[0]] = node.attributes.get("value", torch.zeros(0))
            elif node.inputs and node.inputs[0] in self.starts and node.kind != "Shape":
                if node.kind not in writers:
                    raise Mismatch(f"an operation {node.kind}")
                writers[node.kind](node)
                self.starts[node.outputs[0]] = len(self.written)
        if self.graph.outputs[0] not in self.starts or self.starts[self.graph.outputs[0]] != len(self.written):
            raise Mismatch("an output that does not end the layers")
        return self.written

    def constant(self, node: Node, place: int) -> Tensor | None:
        return self.constants.get(node.inputs[place]) if place < len(node.inputs) else None

    def weight(self, node: Node, place: int) -> Tensor:
        value = self.constant(node, place)
        if value is None:
            raise Mismatch(f"a {node.kind} without its tensor")
        return value.float()

    def pad(self, node: Node) -> None:
        given = self.constant(node, 1)
        amounts = node.attributes.get("pads", None if given is None else given.tolist())
        mode = PADDINGS.get(node.attributes.get("mode", "constant"), "")
        if not mode or (amounts and len({*amounts[2:4], *amounts[6:8]}) > 1):
            raise Mismatch("a padding that differs among the sides")
        self.padding = mode if amounts is None else ""
        if amounts is not None:
            self.written.add(f"pad {mode} {amounts[2]}")

    def conv(self, node: Node) -> None:
        weight, bias, attributes = self.weight(node, 1), self.constant(node, 2), node.attributes
        pads, strides = attributes.get("pads", [0]), attributes.get("strides", [1])
        plain = (attributes.get("group", 1), *attributes.get("dilations", [1]), attributes.get("auto_pad", "NOTSET"))
        if weight.dim() != 4 or len({*pads}) > 1 or len({*strides}) > 1 or {*plain} != {1, "NOTSET"}:
            raise Mismatch("a convolution that is grouped, dilated or oblong")
        if self.padding:
            self.written.add(f"pad {self.padding} {weight.shape[-1] // 2}")
            self.padding = ""
        if pads[0]:
            self.written.add(f"pad zeros {pads[0]}")
        self.written.convolve(weight, None if bias is None else bias.float(), strides[0])

    def norm(self, node: Node) -> None:
        self.written.normalize(self.weight(node, 1), self.weight(node, 2), node.attributes.get("epsilon", 1e-5))

    def enlarge(self, node: Node) -> None:
        if node.attributes.get("mode", "nearest") != "nearest":
            raise Mismatch("an enlargement that is not to the nearest pixel")
        self.written.add("up 2")  # any other factor would not give back the picture's size

    def sum(self, node: Node) -> None:
        """Add an earlier value: a residual block ends."""
        begin, end = sorted(self.starts.get(name, -1) for name in node.inputs[:2])
        if begin < 0 or end != len(self.written):
            raise Mismatch("a sum with something else than an earlier layer")
        self.written.insert(begin, "keep 0")
        self.written.add("add 1")
        for name, start in self.starts.items():
            self.starts[name] = start + (start > begin)
