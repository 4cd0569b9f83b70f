"""Tiles of a picture, whose windows overlap and whose cores do not; integers alone."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

Span = tuple[int, int]


@dataclass(frozen=True)
class Tile:
    """A window of a picture, and the core inside it that this tile answers for; ``(first, behind the last)`` pixels."""

    rows: Span
    columns: Span
    core_rows: Span
    core_columns: Span
    height: int
    width: int

    def cut(self, image: Tensor) -> Tensor:
        """Cut the window out of ``(B, C, H, W)``."""
        return image[..., slice(*self.rows), slice(*self.columns)]

    def first(self, stride: int) -> tuple[int, int]:
        """Return row and column of the core's first position in a layer of the whole picture."""
        return self.core_rows[0] // stride, self.core_columns[0] // stride

    def core(self, features: Tensor, stride: int) -> Tensor:
        """Take the positions that only this tile answers for out of a layer's ``(B, C, h, w)`` of the window."""
        rows = _positions(self.rows, self.core_rows, self.height, stride)
        columns = _positions(self.columns, self.core_columns, self.width, stride)
        return features[..., rows, columns]


def plan_tiles(height: int, width: int, core: int | tuple[int, int], halo: int) -> list[Tile]:
    """Cover a picture with tiles whose cores do not overlap, row by row.

    Args:
        height: Of the picture, pixels.
        width: Of the picture, pixels.
        core: Side of a core, pixels, or its height and width; a multiple of every layer's stride.
        halo: Pixels that a window extends beyond its core, unless the picture ends; likewise a multiple.
    """
    high, wide = (core, core) if isinstance(core, int) else core
    rows, columns = _spans(height, high, halo), _spans(width, wide, halo)
    return [Tile(r, c, core_r, core_c, height, width) for r, core_r in rows for c, core_c in columns]


def _spans(side: int, core: int, halo: int) -> list[tuple[Span, Span]]:
    starts = list(range(0, side, core))
    if len(starts) > 1 and side - starts[-1] <= halo:  # a last core too thin for the deeper layers
        starts.pop()
    ends = [*starts[1:], side]
    return [
        ((max(0, start - halo), min(side, end + halo)), (start, end)) for start, end in zip(starts, ends, strict=True)
    ]


def _positions(window: Span, core: Span, side: int, stride: int) -> slice:
    start = (core[0] - window[0]) // stride
    return slice(start, None if core[1] == side else start + (core[1] - core[0]) // stride)


def tiles_for(
    extents: Mapping[str, tuple[int, int]], height: int, width: int, side: int
) -> tuple[dict[str, int], list[Tile]]:
    """Plan tiles whose windows hold all that the deepest of some layers sees.

    Args:
        extents: Stride and margin of each layer, pixels; of no layer at all, windows see one pixel more than cores.
        height: Of the picture, pixels.
        width: Of the picture, pixels.
        side: Of a core, pixels; rounded up to a multiple of the largest stride.

    Returns:
        The stride of each layer, and the tiles.
    """
    strides = {layer: stride for layer, (stride, _) in extents.items()}
    step = max(strides.values(), default=1)
    halo = _up(max((margin for _, margin in extents.values()), default=1), step)
    return strides, plan_tiles(height, width, _up(side, step), halo)


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
