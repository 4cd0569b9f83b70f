"""What every transformation network declares, and the names by which checkpoints refer to them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from fastnst.errors import ConfigError
from fastnst.images import pad_to
from fastnst.networks._conditions import NOTHING_HELD, Conditioned, Held, Statistics
from fastnst.networks.norm import Apply, InstanceNorm, own
from fastnst.networks.styles import Styles
from fastnst.registry import Registry

_HELD: ContextVar[Mapping["TransformationNetwork", Held] | None] = ContextVar("_HELD", default=None)
"""Networks whose statistics are fixed or recorded; by thread, since one network may serve several."""


class TransformationNetwork(nn.Module, ABC):
    """Paint images in one forward pass.

    Images are ``(B, 3, H, W)``, RGB in [0, 1]; the result has exactly their size and lies *around* [0, 1]. It is not
    clamped here, so that there are gradients outside the range.

    A style code holds the scales and shifts of all norms, in the order of :meth:`named_norms`, for each norm the scale
    before the shift: ``(B, K)`` with a code per image, ``(1, K)`` or ``(K,)`` with one for all. Codes may be added and
    weighted; gradients flow to them.

    Attributes:
        size_multiple: Sides the network works at are multiples of this; :meth:`forward` pads and crops.
        min_size: Shortest side it works at, in pixels.
        receptive_field: Side of the square, centered on an output pixel, outside which no pixel matters to it, apart
            from the statistics of normalization.
        config: Keyword arguments that rebuild the network; plain data.
        output: The last layer, whose weights stay in float32 when those of the rest do not.
        styles: The codes of several styles, and a predictor of more; ``None`` for a network of one style.
    """

    size_multiple: int
    min_size: int
    receptive_field: int
    config: dict[str, Any]
    output: nn.Module
    styles: Styles | None

    @property
    def halo(self) -> int:
        """Pixels around a tile that matter to it, rounded up to a multiple of ``size_multiple``."""
        return -(-(self.receptive_field // 2) // self.size_multiple) * self.size_multiple

    def __init__(self) -> None:
        super().__init__()
        self.styles = None

    @abstractmethod
    def transform(self, images: Tensor, norms: Apply) -> Tensor:
        """Compute what :meth:`paint` returns; every norm is applied as ``norms(norm, x)``."""

    def forward(self, images: Tensor, style: Tensor | None = None) -> Tensor:
        """Transform images of any size, in the style of a code or, by default, in the network's own."""
        height, width = images.shape[-2:]
        painted = self.paint(pad_to(images, self.size_multiple, self.min_size), style)
        return painted[..., :height, :width]

    def paint(self, images: Tensor, style: Tensor | None = None) -> Tensor:
        """Transform images whose sides are multiples of ``size_multiple`` and at least ``min_size``."""
        held = self._held
        if style is None and held is NOTHING_HELD:
            return self.transform(images, own)
        names = {norm: name for name, norm in self.named_norms()}
        norms = Conditioned(names, self._checked(style, images.shape[0]), held)
        painted = self.transform(images, norms)
        norms.check_all_were_applied()
        return painted

    def compute_in(self, dtype: torch.dtype) -> None:
        """Convert all layers but the output to ``dtype``; :meth:`paint` converts images and features accordingly."""
        for name, child in self.named_children():
            child.to(torch.float32 if name in ("output", "styles") else dtype)

    def named_norms(self) -> Iterator[tuple[str, InstanceNorm]]:
        """Yield the norms by name, in the order of their definition."""
        return ((name, module) for name, module in self.named_modules() if isinstance(module, InstanceNorm))

    @property
    def code_size(self) -> int:
        """K, the length of a style code: twice the channels of all norms that have a scale and shift."""
        return sum(2 * norm.channels for _, norm in self.named_norms() if norm.weight is not None)

    def style_code(self) -> Tensor:
        """Return the network's own scales and shifts as a style code ``(K,)``, with gradients to them."""
        pairs = [(norm.weight, norm.bias) for _, norm in self.named_norms()]
        own_values: list[Tensor] = [values for pair in pairs for values in pair if values is not None]
        return torch.cat(own_values) if own_values else torch.zeros(0)

    def add_styles(self, count: int = 0, statistics: int = 0) -> Styles:
        """Give the network a table of ``count`` codes, each its own to begin with; see :class:`Styles`.

        Raises:
            ConfigError: No norm of the network has a scale and shift, so it has no codes.
        """
        if count and not self.code_size:
            raise ConfigError(f"{type(self).__name__}: its norms have no scales and shifts, so it holds one style only")
        self.styles = Styles(self.code_size, count, statistics)
        self.styles.begin(self.style_code())
        return self.styles

    @torch.no_grad()
    def set_code(self, code: Tensor) -> None:
        """Make a style code ``(K,)`` the network's own scales and shifts."""
        pairs = [(norm.weight, norm.bias) for _, norm in self.named_norms()]
        own_values = [values for pair in pairs for values in pair if values is not None]
        for values, given in zip(own_values, code.split([len(values) for values in own_values]), strict=True):
            values.copy_(given)

    def plain(self, code: Tensor | None = None) -> "TransformationNetwork":
        """Return a copy of one style: that of a code ``(K,)``, or its own, without the table of styles."""
        copied = deepcopy(self, {id(self.styles): None})  # the table, which is larger than the rest, is not copied
        if code is not None:
            copied.set_code(code)
        return copied

    @contextmanager
    def recording_statistics(self) -> Iterator[Statistics]:
        """Write mean and variance of what enters every norm into the dictionary that is returned.

        A later pass within the context overwrites those of an earlier one. Applies to this thread.
        """
        statistics: Statistics = {}
        with self._holding(replace(self._held, record=statistics)):
            yield statistics

    @contextmanager
    def fixed_statistics(self, statistics: Mapping[str, Tensor]) -> Iterator[None]:
        """Normalize by given statistics instead of those of the picture, e.g. of the picture that a tile is from.

        Norms that are not named keep using the picture's. Applies to this thread.

        Raises:
            ValueError: There is no such norm, or its statistics have another shape.
        """
        norms = dict(self.named_norms())
        for name, moments in statistics.items():
            if name not in norms:
                raise ValueError(f"no norm {name!r} in {type(self).__name__}; known: {', '.join(norms)}")
            if moments.dim() != 3 or moments.shape[1:] != (2, norms[name].channels):
                wanted = f"(B, 2, {norms[name].channels})"
                raise ValueError(f"statistics of {name} are {tuple(moments.shape)}, but {wanted} is wanted")
        with self._holding(replace(self._held, fixed={**self._held.fixed, **statistics})):
            yield

    @property
    def holds_statistics(self) -> bool:
        """Whether statistics are fixed or being recorded, in this thread."""
        return self._held is not NOTHING_HELD

    @property
    def _held(self) -> Held:
        return (_HELD.get() or {}).get(self, NOTHING_HELD)

    @contextmanager
    def _holding(self, held: Held) -> Iterator[None]:
        before = _HELD.get()
        _HELD.set({**(before or {}), self: held})
        try:
            yield
        finally:
            _HELD.set(before)

    def _checked(self, style: Tensor | None, count: int) -> Tensor | None:
        """Return a style code as ``(B, K)`` or ``(1, K)``."""
        if style is None:
            return None
        code = style[None] if style.dim() == 1 else style
        if code.dim() != 2 or code.shape[1] != self.code_size or code.shape[0] not in (1, count):
            raise ValueError(
                f"a style code is {tuple(style.shape)}, but ({self.code_size},) or one such row per image is wanted, "
                f"for {count} images"
            )
        return code


NETWORKS: Registry[type[TransformationNetwork]] = Registry("network")
"""Transformation networks by the name that configs and checkpoints use."""


MOST_CHANNELS = 4096
"""Of any layer that a network is asked for."""

MOST = {"blocks": 256, "deep_blocks": 256}
"""Of what else it is asked for."""


def build_network(name: str, **config: Any) -> TransformationNetwork:
    """Make the network ``name`` with random weights.

    Raises:
        ConfigError: An unknown name, or options it does not take.
    """
    numbers = {key: value for key, value in config.items() if isinstance(value, int)}
    if too_large := [key for key, value in numbers.items() if value > MOST.get(key, MOST_CHANNELS)]:
        key = too_large[0]
        raise ConfigError(f"network {name} takes a {key} of at most {MOST.get(key, MOST_CHANNELS)}, got {numbers[key]}")
    try:
        return NETWORKS[name](**config)
    except ConfigError:
        raise
    except (TypeError, ValueError) as error:
        raise ConfigError(f"network {name} does not take {str(config)[:200]}: {error}") from None
