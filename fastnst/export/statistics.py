"""Statistics of norms as an input and an output of a graph, for parts of a picture and frames of a film."""

from fastnst.export.graph import Graph
from fastnst.networks import TransformationNetwork
from fastnst.networks.norm import InstanceNorm


class Held:
    """Normalize by statistics that are between those of the picture and given ones.

    Inputs of the graph: ``statistics`` ``(1, M)``, mean and variance of what enters every norm, in the order of
    ``named_norms``; and ``held``, a number: 0 for the statistics of each picture, 1 for those that are given, and
    between them their mean. Output: ``measured`` ``(N, M)``, those of each picture.

    Source: Chen et al. Towards Ultra-Resolution Neural Style Transfer via Thumbnail Instance Normalization. AAAI 2022.
    """

    def __init__(self, network: TransformationNetwork, graph: Graph) -> None:
        self.graph = graph
        norms = [norm for _, norm in network.named_norms()]
        self.size = 2 * sum(norm.channels for norm in norms)
        parts = iter(graph.split("statistics", [norm.channels for norm in norms for _ in range(2)], axis=1))
        self._given = {norm: (self._map(next(parts)), self._map(next(parts))) for norm in norms}
        self._measured: dict[InstanceNorm, tuple[str, str]] = {}

    def normalize(self, norm: InstanceNorm, x: str, scale: str, shift: str) -> str:
        """Return the name of ``x``, normalized, with the scale and the shift ``(C,)``."""
        add = self.graph.add
        mean = self._mean(x)
        apart = add("Sub", x, mean)
        variance = self._mean(add("Mul", apart, apart))
        self._measured[norm] = mean, variance
        given_mean, given_variance = self._given[norm]
        center = self._between(mean, given_mean)
        spread = add("Add", self._between(variance, given_variance), self.graph.constant(norm.eps))
        factor = add("Div", self._map(scale, 0, 2, 3), add("Sqrt", spread))
        offset = add("Sub", self._map(shift, 0, 2, 3), add("Mul", center, factor))
        return add("Add", add("Mul", x, factor), offset)

    def leave(self) -> None:
        """Write the output, once all norms have been applied."""
        parts = [part for norm in self._given for part in self._measured[norm]]
        vectors = [self.graph.add("Squeeze", part, self.graph.integers(2, 3)) for part in parts]
        self.graph.join(vectors, 1, "measured")

    def _mean(self, x: str) -> str:
        """Take the mean of rows before that of columns: a sum of a million values in float32 keeps three digits."""
        rows = self.graph.add("ReduceMean", x, axes=[3], keepdims=1)
        return self.graph.add("ReduceMean", rows, axes=[2], keepdims=1)

    def _between(self, own: str, given: str) -> str:
        add = self.graph.add
        return add("Add", own, add("Mul", "held", add("Sub", given, own)))

    def _map(self, values: str, *axes: int) -> str:
        return self.graph.add("Unsqueeze", values, self.graph.integers(*(axes or (2, 3))))
