"""In how many passes over a picture a network is computed when every norm wants the statistics of all of it.

A pass computes, tile by tile, all that needs no statistics but those of earlier passes. What later passes build on is
either kept, as a map of the whole picture, or computed again.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx

from fastnst.errors import ConfigError
from fastnst.inference.meter import Meter, bytes_per_pixel
from fastnst.networks import TransformationNetwork
from fastnst.networks.graph import Emit, Graph
from fastnst.networks.norm import InstanceNorm

WORTH = 64
"""Multiplications that cost as much as keeping a value and reading it back, for maps of reduced resolution."""
WORTH_WHOLE = 256
"""The same at full resolution, where a map is many times as large as the picture."""

FARTHEST = 700
"""Pixels beyond a window that a pass may look at."""

PROBE = 4
"""Side of the smallest picture that a pass is tried on, in multiples of the network's."""


@dataclass(frozen=True)
class Map:
    """What a node yields: channels, pixels of the picture per position, and the multiplications per pixel."""

    channels: int
    stride: int
    dtype: torch.dtype
    macs: float

    @property
    def values(self) -> float:
        """Values per pixel of the picture."""
        return self.channels / self.stride**2


@dataclass(frozen=True)
class Pass:
    """One pass over all tiles.

    Attributes:
        steps: Nodes of the graph, in order.
        reads: Those that are kept from earlier passes, or the image.
        measures: Norms whose statistics are taken, and the nodes that enter them.
        keeps: Nodes whose values later passes read.
        drops: Kept nodes that no later pass reads.
        multiple: Windows begin and end at multiples of this, pixels.
        halo: Pixels by which a window extends beyond its core; a multiple of ``multiple``.
        pixel_bytes: Memory per pixel of a window.
    """

    steps: tuple[fx.Node, ...]
    reads: tuple[fx.Node, ...]
    measures: Mapping[fx.Node, fx.Node]
    keeps: tuple[fx.Node, ...]
    drops: frozenset[fx.Node]
    multiple: int
    halo: int
    pixel_bytes: float


class Plan:
    """The passes of a network, the last of which paints.

    Raises:
        ConfigError: The network cannot be cut at its norms, or looks at all of a picture elsewhere.
    """

    def __init__(self, network: TransformationNetwork) -> None:
        self.network, self.graph = network, Graph(network)
        self.maps = _measure(self.graph, network)
        self._multiple = network.size_multiple
        self.passes = [self._complete(*parts) for parts in self._cut()]

    def _cut(self) -> list[tuple[list[fx.Node], dict[fx.Node, fx.Node], list[fx.Node], frozenset[fx.Node]]]:
        graph, parts = self.graph, []
        kept: set[fx.Node] = set()
        for level in range(1, max(graph.levels[node] for node in graph.norms) + 1 if graph.norms else 1):
            measures = {n: n.all_input_nodes[0] for n in graph.norms if graph.levels[n] == level}
            known = [node for node in self.maps if graph.levels[node] < level and node is not graph.image]
            crossing = [node for node in known if any(graph.levels.get(user, 0) >= level for user in node.users)]
            keeps: list[fx.Node] = []
            for node in crossing:
                if node not in kept and self._worth_keeping(node, {*kept, *keeps}):
                    keeps.append(node)
            steps = graph.needed([*measures.values(), *keeps], {*kept, graph.image})
            later = self._sources(crossing, {*kept, *keeps})
            parts.append((steps, measures, keeps, frozenset((kept | {*keeps}) - later)))
            kept = later
        parts.append((graph.needed([graph.output], {*kept, graph.image}), {}, [], frozenset(kept)))
        return parts

    def _sources(self, nodes: Collection[fx.Node], kept: Collection[fx.Node]) -> set[fx.Node]:
        return {node for node in self.graph.needed(nodes, {*kept, self.graph.image}) if node in kept}

    def _worth_keeping(self, node: fx.Node, kept: Collection[fx.Node]) -> bool:
        """Weigh a map against the maps it is computed from, which would be kept in its place, and the arithmetic."""
        steps = self.graph.needed([node], {*kept, self.graph.image})
        macs = sum(self.maps[step].macs for step in steps if step in self.maps and step not in kept)
        sources = sum(self.maps[step].values for step in steps if step in kept)
        found = self.maps[node]
        return sources + macs / (WORTH_WHOLE if found.stride == 1 else WORTH) > found.values

    def _complete(
        self,
        steps: list[fx.Node],
        measures: dict[fx.Node, fx.Node],
        keeps: list[fx.Node],
        drops: frozenset[fx.Node],
    ) -> Pass:
        reads = tuple(node for node in steps if not set(node.all_input_nodes) & set(steps) and node in self.maps)
        multiple = math.lcm(*(self.maps[node].stride for node in steps if node in self.maps))
        wanted = [*measures.values(), *keeps] or [self.graph.output]

        device = next(self.network.parameters()).device

        def compute(side: int, hole: slice | None, emit: Emit) -> None:
            given = {node: _probe(self.maps[node], side, hole).to(device) for node in reads}
            self.graph.compute(steps, given, normalize_by_nothing, emit)

        strides = {node: self.maps[node].stride for node in wanted}
        with torch.no_grad():
            halo = reach(compute, strides, multiple, type(self.network).__name__)
        size = bytes_per_pixel(lambda side: compute(side, None, lambda node, value: None), _up(64, multiple))
        entering = [self.maps[node] for node in measures.values()]  # measuring copies them, and returns as many values
        size += max((2 * found.values * found.dtype.itemsize for found in entering), default=0)
        return Pass(tuple(steps), reads, measures, tuple(keeps), drops, multiple, halo, size)


def normalize_by_nothing(node: fx.Node, norm: InstanceNorm, x: Tensor) -> Tensor:
    """Apply a norm as if the statistics were known: mean 0 and variance 1."""
    moments = torch.zeros(1, 2, norm.channels, device=x.device)
    moments[:, 1] = 1
    return norm(x, moments=moments)


def reach(
    compute: Callable[[int, slice | None, Emit], None], strides: Mapping[fx.Node, int], multiple: int, name: str
) -> int:
    """Return how far beyond a window's core a computation looks, pixels, as a multiple of ``multiple``.

    A block of values that are not numbers is put into the middle of a picture: whatever depends on it is none either.

    Args:
        compute: Called with the side of a picture, which rows and columns are no numbers, and what takes the results.
        strides: Nodes whose values are looked at, and pixels per position.
        multiple: Side of the block.
        name: Of the network, for messages.

    Raises:
        ConfigError: Some value depends on all of the picture.
        FloatingPointError: Some value is no number, whatever the picture.
    """
    around = multiple * PROBE
    while around <= FARTHEST:
        side, found = 2 * around + multiple, 0

        def look(node: fx.Node, value: Any) -> None:
            nonlocal found
            if node in strides:
                spoilt = value.isnan().any(1)[0]  # (h, w)
                for lines in (spoilt.any(0), spoilt.any(1)):
                    places = lines.nonzero()
                    if len(places):
                        first, last = int(places[0]) * strides[node], (int(places[-1]) + 1) * strides[node]
                        found = max(found, around - first, last - around - multiple)  # noqa: B023

        compute(side, slice(around, around + multiple), look)
        if found < around:
            return _up(found, multiple)
        around *= 4
    found = 0
    compute(side, None, look)
    if found:
        raise FloatingPointError("the network computes values that are not finite numbers; train it again")
    raise ConfigError(f"network {name} looks at all of a picture outside its norms, and cannot paint it in tiles")


def _probe(found: Map, side: int, hole: slice | None) -> Tensor:
    length = side // found.stride
    values = torch.rand(1, found.channels, length, length, device="cpu").to(found.dtype)
    if hole is not None:
        place = slice(hole.start // found.stride, -(-hole.stop // found.stride))
        values[..., place, place] = torch.nan
    return values.contiguous(memory_format=torch.channels_last)


def _measure(graph: Graph, network: TransformationNetwork) -> dict[fx.Node, Map]:
    """Find the nodes whose values are maps of the picture by computing a small one."""
    side = network.size_multiple * PROBE
    while side < network.min_size:
        side *= 2
    maps: dict[fx.Node, Map] = {}
    meter = Meter()
    of_image = {graph.image}
    counted = 0

    def note(node: fx.Node, value: Any) -> None:
        nonlocal counted
        macs, counted = (meter.macs - counted) / side**2, meter.macs
        if of_image & set(node.all_input_nodes):
            of_image.add(node)
            if isinstance(value, Tensor) and value.dim() == 4 and side % value.shape[2] == 0:
                maps[node] = Map(value.shape[1], side // value.shape[2], value.dtype, macs)

    image = torch.rand(1, 3, side, side, device=next(network.parameters()).device)
    steps = graph.needed([graph.output], [graph.image])
    maps[graph.image] = Map(3, 1, torch.float32, 0)
    with meter, torch.no_grad():
        graph.compute(steps, {graph.image: image}, normalize_by_nothing, note)
    return maps


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
