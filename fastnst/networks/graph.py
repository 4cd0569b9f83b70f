"""A network as a graph of layers with its norms among them, for whoever computes it piece by piece."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import reduce
from typing import Any

from torch import Tensor, fx, nn

from fastnst.errors import ConfigError, first_line
from fastnst.networks._base import TransformationNetwork
from fastnst.networks.layers import Block
from fastnst.networks.norm import InstanceNorm, own

Norms = Callable[[fx.Node, InstanceNorm, Tensor], Tensor]
"""How a norm at a node of the graph is applied."""

Emit = Callable[[fx.Node, Any], None]


class Graph:
    """The layers of a network in an order in which they can be computed.

    Modules without norms are one node each, whatever happens inside.

    Args:
        network: Computes without looking at the values or the sizes of its features.

    Attributes:
        image: The node that stands for the image.
        output: The node whose value is the painting.
        norms: The norms by their nodes.
        levels: How many norms, one behind another, a node needs the statistics of; ``norms`` count themselves.

    Raises:
        ConfigError: It looks.
    """

    def __init__(self, network: TransformationNetwork) -> None:
        root = Whole(network)
        try:
            graph = _Tracer().trace(root)
        # A network may look at features in any way, and each way fails by an error of its own.
        except (fx.proxy.TraceError, NotImplementedError, TypeError, ValueError, RuntimeError) as error:
            reason = f"looks at its own features ({first_line(error)})"
            raise ConfigError(f"network {type(network).__name__} {reason}; give --statistics thumbnail") from error
        self._graph, self._modules = graph, dict(root.named_modules())
        self.nodes = [node for node in graph.nodes if node.op != "output"]
        self.image = next(node for node in self.nodes if node.op == "placeholder")
        self.output = graph.output_node().all_input_nodes[0]
        self.norms = {
            node: module
            for node in self.nodes
            if node.op == "call_module" and isinstance(module := self._modules[str(node.target)], InstanceNorm)
        }
        self.levels: dict[fx.Node, int] = {}
        for node in self.nodes:
            above = max((self.levels[other] for other in node.all_input_nodes), default=0)
            self.levels[node] = above + (node in self.norms)

    def needed(self, wanted: Iterable[fx.Node], given: Collection[fx.Node]) -> list[fx.Node]:
        """List the nodes from which ``wanted`` are computed, in order, up to those that are ``given``."""
        found: set[fx.Node] = set()
        left = list(wanted)
        while left:
            node = left.pop()
            if node not in found:
                found.add(node)
                left += [] if node in given else node.all_input_nodes
        return [node for node in self.nodes if node in found]

    def compute(self, steps: Iterable[fx.Node], given: Mapping[fx.Node, Tensor], norms: Norms, emit: Emit) -> None:
        """Compute nodes one after another and hand each value to ``emit``; no value is kept longer than it is needed.

        Args:
            steps: From :meth:`needed`.
            given: Values of the nodes that are not computed.
            norms: How norms are applied.
            emit: Called with every node that was computed, before a layer behind it changes the value in place.
        """
        steps = list(steps)
        last = {other: node for node in steps if node not in given for other in node.all_input_nodes}
        values: dict[fx.Node, Any] = dict(given)
        for node in steps:
            if node not in given:
                values[node] = self._value(node, values, norms)
                emit(node, values[node])
                for other in {other for other in node.all_input_nodes if last[other] is node}:
                    values.pop(other, None)
                if node not in last:
                    del values[node]

    def _value(self, node: fx.Node, values: Mapping[fx.Node, Any], norms: Norms) -> Any:
        args: Any = fx.map_arg(node.args, values.__getitem__)
        kwargs: Any = fx.map_arg(node.kwargs, values.__getitem__)
        if node in self.norms:
            return norms(node, self.norms[node], args[0])
        if node.op == "call_module":
            return self._modules[str(node.target)](*args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        if node.op == "get_attr":
            return reduce(getattr, str(node.target).split("."), self._modules[""])
        assert callable(node.target)
        return node.target(*args, **kwargs)


class Whole(nn.Module):
    """A network without padding and cropping, to be followed."""

    def __init__(self, network: TransformationNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.transform(images, own)


class _Tracer(fx.Tracer):
    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        if isinstance(module, InstanceNorm):
            return True
        return not isinstance(module, Block) and not any(isinstance(part, InstanceNorm) for part in module.modules())
