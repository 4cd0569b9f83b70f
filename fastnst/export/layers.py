"""What networks are made of, as ONNX operators."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from fastnst.errors import ConfigError
from fastnst.export.graph import Graph
from fastnst.export.statistics import Held
from fastnst.networks import TransformationNetwork
from fastnst.networks.graph import Whole
from fastnst.networks.norm import InstanceNorm
from fastnst.networks.resize import AddPhotograph, BlockConv, ResizeConv

Affine = Mapping[InstanceNorm, tuple[str, str]]
"""By norm, the names of a scale and a shift ``(C,)`` that are computed in the graph."""

FUNCTIONS: dict[object, str] = {
    operator.add: "Add",
    operator.sub: "Sub",
    operator.mul: "Mul",
    operator.truediv: "Div",
    torch.relu: "Relu",
    F.relu: "Relu",
}
"""Functions that are one operator of the same arguments."""


def translate(
    network: TransformationNetwork, graph: Graph, images: str, affine: Affine, held: Held | None = None
) -> str:
    """Add what :meth:`TransformationNetwork.transform` computes to a graph, and return the name of the result.

    The network is followed symbolically, layer by layer; features are in the precision of its layers, norms in float32.
    Norms take the statistics of their picture, or those that are ``held``.

    Raises:
        ConfigError: The network has a layer, or calls a function, that is not known here.
    """
    root = Whole(network)
    layers = _Layers(graph, affine, held, next(network.parameters()).dtype)
    values: dict[fx.Node, Any] = {}
    for node in _Tracer().trace(root).nodes:
        arguments = fx.node.map_arg(node.args, lambda other: values[other])
        if node.op == "output":
            return str(arguments[0])
        if node.op == "placeholder":
            values[node] = images
        elif node.op == "get_attr":
            values[node] = graph.constant(_attribute(root, str(node.target)))
        elif node.op == "call_module":
            values[node] = layers(root.get_submodule(str(node.target)), *arguments)
        else:
            values[node] = layers.call(node.target, arguments, node.kwargs)
    raise AssertionError("a network returns what it painted")


class _Tracer(fx.Tracer):
    """Look into everything but layers that have operators of their own."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(
            m, InstanceNorm | ResizeConv | BlockConv | AddPhotograph | nn.Conv2d
        ) or super().is_leaf_module(m, module_qualified_name)

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        return attr_val  # a parameter itself, of which networks ask the precision


def _attribute(root: nn.Module, path: str) -> Tensor:
    owner, _, name = path.rpartition(".")
    found: Tensor = getattr(root.get_submodule(owner), name)
    return found


class _Layers:
    """Apply layers and functions to values of a graph; each returns the name of its result."""

    def __init__(self, graph: Graph, affine: Affine, held: Held | None, features: torch.dtype) -> None:
        self.graph, self.affine, self.held, self.features = graph, affine, held, features

    def __call__(self, layer: nn.Module, x: str, *others: str) -> str:
        add = self.graph.add
        match layer:
            case nn.Conv2d():
                return self._convolve(layer, x)
            case ResizeConv():
                return self._enlarge(layer, x)
            case BlockConv():
                return self._convolve_blocks(layer, x)
            case AddPhotograph():
                return self._add_photograph(layer.size, x, *others)
            case InstanceNorm():
                return self._normalize(layer, x)
            case nn.ReLU():
                return add("Relu", x)
            case nn.AvgPool2d(kernel_size=int(size)):
                return add("AveragePool", x, kernel_shape=[size, size], strides=[size, size])
            case nn.Upsample(mode="nearest"):
                return self._resize(x, layer.scale_factor, "nearest", "asymmetric", nearest_mode="floor")
            case nn.PixelShuffle():
                return add("DepthToSpace", x, blocksize=layer.upscale_factor, mode="CRD")
            case nn.PixelUnshuffle():
                return self._unshuffle(layer.downscale_factor, x)
        raise ConfigError(f"no translation of the layer {type(layer).__name__} into ONNX")

    def call(self, function: Callable[..., Any] | str, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> str:
        """Apply a function, or the method of a tensor by its name."""
        if function in FUNCTIONS:
            return self.graph.add(FUNCTIONS[function], *inputs)
        if function == "to":  # of another precision: the one way in which networks call it
            return inputs[0] if self.features == torch.float32 else self.graph.cast(*inputs)
        if function is torch.cat:
            return self.graph.add("Concat", *inputs[0], axis=inputs[1])
        if function is F.interpolate and options["mode"] == "bilinear" and not options["align_corners"]:
            return self._resize(inputs[0], options["scale_factor"], "linear", "half_pixel")
        raise ConfigError(f"no translation of the function {getattr(function, '__name__', function)} into ONNX")

    def _convolve(self, layer: nn.Conv2d, x: str) -> str:
        down, right = map(int, layer.padding)
        if down or right:
            x = self.graph.add("Pad", x, self.graph.integers(0, 0, down, right, 0, 0, down, right), mode="reflect")
        values = [self.graph.constant(tensor) for tensor in (layer.weight, layer.bias) if tensor is not None]
        return self.graph.add("Conv", x, *values, strides=layer.stride, group=layer.groups)

    def _enlarge(self, layer: ResizeConv, x: str) -> str:
        add, edge = self.graph.add, layer.border
        padded = add("Pad", x, self.graph.integers(0, 0, edge, edge, 0, 0, edge, edge), mode="edge")
        channels = layer.weight.shape[1]
        means = self.graph.constant(torch.full((channels, 1, 2, 2), 0.25, dtype=layer.weight.dtype))
        low = add("Conv", padded, means, group=channels)
        low = add("Conv", low, *map(self.graph.constant, layer.unfolded()))
        return low if layer.blocks else self._unfold(low)

    def _convolve_blocks(self, layer: BlockConv, blocks: str) -> str:
        """Convolve pixels: where features are counted channel by channel, that is faster than to convolve blocks."""
        blocks = blocks if self.features == layer.weight.dtype else self.graph.cast(blocks, layer.weight.dtype)
        pixels = self.graph.add(
            "Pad", self._unfold(blocks), self.graph.integers(0, 0, 1, 1, 0, 0, 1, 1), mode="reflect"
        )
        return self.graph.add("Conv", pixels, self.graph.constant(layer.weight), self.graph.constant(layer.bias))

    def _unfold(self, blocks: str) -> str:
        """Lay out blocks of 2x2 pixels, and cut off what lies beyond the border."""
        pixels = self.graph.add("DepthToSpace", blocks, blocksize=2, mode="DCR")
        inside = [self.graph.integers(*pair) for pair in ((1, 1), (-1, -1), (2, 3))]
        return self.graph.add("Slice", pixels, *inside)

    def _normalize(self, norm: InstanceNorm, x: str) -> str:
        channels = torch.ones(norm.channels)
        if norm in self.affine:
            scale, shift = self.affine[norm]
        elif norm.weight is None or norm.bias is None:
            scale, shift = self.graph.constant(channels), self.graph.constant(0 * channels)
        else:
            scale, shift = self.graph.constant(norm.weight.float()), self.graph.constant(norm.bias.float())
        x = x if self.features == torch.float32 else self.graph.cast(x, torch.float32)
        if self.held:
            normalized = self.held.normalize(norm, x, scale, shift)
        else:
            normalized = self.graph.add("InstanceNormalization", x, scale, shift, epsilon=norm.eps)
        return normalized if self.features == torch.float32 else self.graph.cast(normalized, self.features)

    def _add_photograph(self, size: int, painting: str, images: str, means: str) -> str:
        add, coarse = self.graph.add, self._resize(means, size, "linear", "half_pixel")
        painted, fine, rest = self.graph.split(painting, [3, 1, 1], axis=1)
        painted = add("Add", painted, add("Mul", fine, add("Sub", images, coarse)))
        return add("Add", painted, add("Mul", rest, coarse))

    def _resize(self, x: str, factor: Any, mode: str, coordinates: str, **attributes: Any) -> str:
        factors = self.graph.constant(torch.tensor([1, 1, factor, factor], dtype=torch.float32))
        attributes |= {"mode": mode, "coordinate_transformation_mode": coordinates}
        return self.graph.add("Resize", x, "", factors, **attributes)

    def _unshuffle(self, size: int, images: str) -> str:
        """Fold blocks of pixels into channels, by filters that pick one value each.

        The operator SpaceToDepth counts channels in another order, and runtimes on GPUs do without it.
        """
        filters = torch.eye(3 * size**2, dtype=self.features).view(-1, 3, size, size)
        return self.graph.add("Conv", images, self.graph.constant(filters), strides=[size, size])
