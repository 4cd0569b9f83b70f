"""Paint a picture of any size in bounded memory: tile by tile, with the statistics of the whole picture.

Windows extend beyond the tiles that are used by as much as the network sees, and norms use fixed statistics, so tiles
meet without a seam. Source of the idea: Chen et al. Towards Ultra-Resolution Neural Style Transfer via Thumbnail
Instance Normalization. AAAI 2022; there with the statistics of a reduced picture.
"""

import math
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, fx

from fastnst.devices import return_memory
from fastnst.errors import ConfigError
from fastnst.images import pad_to
from fastnst.inference.meter import bytes_per_pixel
from fastnst.inference.passes import Pass, Plan
from fastnst.inference.pixels import Canvas, Padded, Pixels
from fastnst.inference.store import Store
from fastnst.networks import TransformationNetwork
from fastnst.networks.norm import InstanceNorm, measure
from fastnst.tiles import Tile, plan_tiles

Statistics = Literal["exact", "thumbnail"]
"""Whose statistics norms use: those of the picture, or of a copy that is reduced to :data:`THUMBNAIL`."""

THUMBNAIL = 1024
"""Longer side of the reduced copy, pixels."""

MOST = 2**20
"""Pixels of a tile: more is slower, because features leave the processor's cache."""
FLAT = 4
"""Tiles are so many times as wide as they are high: bands of them are kept, and should not be high."""
LEAST = 64
"""Side of a small tile, pixels, for the advice how much memory to give."""


def paint_tiled(
    network: TransformationNetwork, pixels: Pixels, canvas: Canvas, memory: float, statistics: Statistics = "exact"
) -> None:
    """Paint a picture in tiles.

    Args:
        network: In the style to paint in, without gradients.
        pixels: The picture.
        canvas: What is painted on.
        memory: Bytes to work with, besides the picture and what is painted; approximate.
        statistics: ``exact``, which equals painting the picture at once, and takes a pass for every norm; or
            ``thumbnail``, which takes one.

    Raises:
        ConfigError: The memory does not suffice for a tile, or the network cannot be computed in tiles.
        FloatingPointError: The network returned values that are not finite.
        OSError: There is no room for temporary data.
    """
    padded = Padded(pixels, network.size_multiple, network.min_size)
    exact = statistics == "exact" and not network.holds_statistics
    paint = _paint_exactly if exact else _paint_by_thumbnail
    paint(network, padded, _Frame(canvas, pixels.height, pixels.width), memory)


@dataclass
class _Frame:
    """Hand on what lies inside the picture, checked."""

    canvas: Canvas
    height: int
    width: int

    def write(self, row: int, column: int, window: Tensor) -> None:
        if not torch.isfinite(window).all():
            raise FloatingPointError("the network returned values that are not finite numbers; train it again")
        inside = window[..., : max(0, self.height - row), : max(0, self.width - column)]
        if inside.numel():
            self.canvas.write(row, column, inside)


def _paint_by_thumbnail(network: TransformationNetwork, padded: Padded, frame: _Frame, memory: float) -> None:
    device = next(network.parameters()).device
    multiple, side = network.size_multiple, _up(max(64, network.min_size), network.size_multiple)
    with _reduced_statistics(network, padded), torch.no_grad():
        halo = network.halo
        size = bytes_per_pixel(lambda side: network.paint(torch.rand(1, 3, side, side, device=device)), side)
        core = tile_size(padded.width, halo, multiple, size, memory)
        for tile in plan_tiles(padded.height, padded.width, core, halo):
            window = padded.read(slice(*tile.rows), slice(*tile.columns)).to(device)
            painted = network.paint(window.contiguous(memory_format=torch.channels_last))
            frame.write(*tile.first(1), tile.core(painted, 1))


def _reduced_statistics(network: TransformationNetwork, padded: Padded) -> AbstractContextManager[None]:
    """Normalize by the statistics of a reduced picture, unless there are some to keep to, as for a frame of a film."""
    if network.holds_statistics:
        return nullcontext()
    with network.recording_statistics() as statistics, torch.no_grad():
        network.paint(_thumbnail(padded, network).to(next(network.parameters()).device))
    return network.fixed_statistics(statistics)


def _thumbnail(padded: Padded, network: TransformationNetwork) -> Tensor:
    """Reduce a picture, band by band, by the average over squares."""
    step = max(1, math.ceil(max(padded.height, padded.width) / THUMBNAIL))
    bands = []
    for first in range(0, padded.height, 64 * step):
        band = padded.read(slice(first, min(first + 64 * step, padded.height)), slice(0, padded.width))
        bands.append(F.avg_pool2d(band, step, ceil_mode=True, count_include_pad=False))
    return pad_to(torch.cat(bands, 2), network.size_multiple, network.min_size)


def _paint_exactly(network: TransformationNetwork, padded: Padded, frame: _Frame, memory: float) -> None:
    plan = Plan(network)
    with Store(memory / 3) as store, torch.no_grad():
        work = _Work(plan, padded, frame, store, next(network.parameters()).device)
        for part in plan.passes:
            work.run(part, memory)
            return_memory()  # tiles of the next pass have another size


@dataclass
class _Work:
    """What one pass leaves to the next: maps in the store, and the statistics of norms ``(1, 2, C)``."""

    plan: Plan
    padded: Padded
    frame: _Frame
    store: Store
    device: torch.device
    moments: dict[fx.Node, Tensor] = field(default_factory=dict)

    def run(self, part: Pass, memory: float) -> None:
        """Compute all tiles of one pass, band by band."""
        shares: dict[fx.Node, list[tuple[int, Tensor]]] = {node: [] for node in part.measures}
        maps = self.plan.maps
        kept = sum(maps[node].values * maps[node].dtype.itemsize for node in part.keeps)
        core = tile_size(self.padded.width, part.halo, part.multiple, part.pixel_bytes, memory, kept)
        tiles = plan_tiles(self.padded.height, self.padded.width, core, part.halo)
        for (top, bottom), band in groupby(tiles, key=lambda tile: tile.core_rows):
            bands = {node: self._band(node, bottom - top) for node in part.keeps}
            for tile in band:
                self._compute(part, tile, bands, shares)
            self._keep(bands, top)
            for node in part.drops & {*part.reads}:
                self.store.forget(node, max(0, bottom - part.halo) // maps[node].stride)
        for node in part.drops:
            self.store.forget(node)
        for node, found in shares.items():
            self.moments[node] = pooled(found).to(self.device)

    def _keep(self, bands: dict[fx.Node, Tensor], top: int) -> None:
        """Hand bands to the store, and hold none of them any more: the next are as large."""
        while bands:
            node, values = bands.popitem()
            self.store.put(node, top // self.plan.maps[node].stride, values)

    def _band(self, node: fx.Node, rows: int) -> Tensor:
        found = self.plan.maps[node]
        shape = rows // found.stride, self.padded.width // found.stride, found.channels
        return torch.empty(shape, dtype=found.dtype, device="cpu")

    def _compute(
        self,
        part: Pass,
        tile: Tile,
        bands: Mapping[fx.Node, Tensor],
        shares: Mapping[fx.Node, list[tuple[int, Tensor]]],
    ) -> None:
        entering = {node: norm for norm, node in part.measures.items()}
        output = self.plan.graph.output if not part.measures else None

        def emit(node: fx.Node, value: Tensor) -> None:
            if node in entering or node in bands or node is output:
                stride = self.plan.maps[node].stride
                core, (row, column) = tile.core(value, stride), tile.first(stride)
                if node in bands:
                    bands[node][:, column : column + core.shape[3]] = core[0].permute(1, 2, 0)
                if node in entering:
                    shares[entering[node]].append((core[0, 0].numel(), measure(core).cpu()))
                if node is output:
                    self.frame.write(row, column, core)

        given = {node: self._window(node, tile).to(self.device) for node in part.reads}
        self.plan.graph.compute(part.steps, given, self._normalize, emit)

    def _window(self, node: fx.Node, tile: Tile) -> Tensor:
        if node is self.plan.graph.image:
            window = self.padded.read(slice(*tile.rows), slice(*tile.columns))
            return window.contiguous(memory_format=torch.channels_last)
        stride = self.plan.maps[node].stride
        rows, columns = (slice(first // stride, last // stride) for first, last in (tile.rows, tile.columns))
        return self.store.read(node, rows, columns)

    def _normalize(self, node: fx.Node, norm: InstanceNorm, x: Tensor) -> Tensor:
        return norm(x, moments=self.moments[node])


def pooled(shares: Iterable[tuple[int, Tensor]]) -> Tensor:
    """Combine mean and variance ``(1, 2, C)`` of parts with so many values into those of the whole.

    Source: Chan, Golub, LeVeque. Updating Formulae and a Pairwise Algorithm for Computing Sample Variances. 1979.
    """
    counts, moments = zip(*shares, strict=True)
    means, variances = torch.cat(moments).double().unbind(1)
    weights = means.new_tensor(counts).view(-1, 1)
    mean = (weights * means).sum(0) / weights.sum()
    variance = (weights * (variances + (means - mean).square())).sum(0) / weights.sum()
    return torch.stack([mean, variance])[None].float()


def tile_size(
    width: int, halo: int, multiple: int, pixel_bytes: float, memory: float, kept_bytes: float = 0
) -> tuple[int, int]:
    """Choose the height and the width of tiles so that a third of the memory holds one, and another a band of them.

    Args:
        width: Of the picture, pixels.
        halo: Pixels around a tile.
        multiple: Sides are multiples of this.
        pixel_bytes: Memory per pixel of a tile with its halo.
        memory: Bytes.
        kept_bytes: Memory per pixel of a band.

    Raises:
        ConfigError: Not even the smallest tile fits.
    """
    area = min(MOST, memory / 3 / max(1.0, pixel_bytes))
    high = (memory / 3 / kept_bytes / width) if kept_bytes else math.inf
    rows = min(max(math.sqrt(area / FLAT), 4 * halo), math.sqrt(area) - 2 * halo, high)
    rows = int(rows) // multiple * multiple
    columns = int(area / (rows + 2 * halo) - 2 * halo) // multiple * multiple if rows > 0 else 0
    if rows < multiple or columns < multiple:
        least = 3 * max(pixel_bytes * (LEAST + 2 * halo) ** 2, kept_bytes * width * max(multiple, 16))
        raise ConfigError(
            f"{memory / 2**20:.0f} MB of memory are too little for a picture {width} pixels wide; give --memory "
            f"{math.ceil(least / 2**20)}MB or more"
        )
    return rows, columns


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
