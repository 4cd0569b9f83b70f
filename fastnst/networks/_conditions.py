"""What the norms of a network are given in one forward pass: a style code, fixed statistics."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from fastnst.networks.norm import InstanceNorm, measure

Statistics = dict[str, Tensor]
"""Mean and variance of what enters a norm, ``(B, 2, C)`` or ``(1, 2, C)``, by the norm's name in its network."""


@dataclass(frozen=True)
class Held:
    """Statistics that a network's norms are held to, and where they write those they normalize by."""

    fixed: Mapping[str, Tensor] = field(default_factory=dict)
    record: Statistics | None = None


NOTHING_HELD = Held()


class Conditioned:
    """Apply every norm with its part of a style code and with fixed statistics; an :data:`Apply`.

    Args:
        names: The network's norms and their names, in the order of the style code.
        style: ``(B, K)`` or ``(1, K)``: for every norm with a scale and shift of its own, its scale and its shift.
        held: Fixed statistics, and where to record.
    """

    def __init__(self, names: Mapping[InstanceNorm, str], style: Tensor | None, held: Held) -> None:
        self.names, self.held = names, held
        affine = [norm for norm in names if norm.weight is not None]
        self.parts: dict[InstanceNorm, tuple[Tensor, ...]] = {}
        if style is not None:
            codes = style.split([2 * norm.channels for norm in affine], dim=1)
            self.parts = {norm: code.chunk(2, dim=1) for norm, code in zip(affine, codes, strict=True)}
        self._left = set(names)

    def __call__(self, norm: InstanceNorm, x: Tensor) -> Tensor:
        self._left.discard(norm)
        name = self.names[norm]
        moments = self.held.fixed.get(name)
        if moments is not None and moments.shape[0] not in (1, x.shape[0]):
            raise ValueError(f"statistics of {name} are of {moments.shape[0]} images, but {x.shape[0]} are painted")
        if self.held.record is not None:
            moments = measure(x) if moments is None else moments
            self.held.record[name] = moments.detach()
        scale, shift = self.parts.get(norm, (None, None))
        return norm(x, scale, shift, moments)

    def check_all_were_applied(self) -> None:
        """Refuse a network that does not hand this object to all its norms: it would silently ignore a style."""
        if self._left:
            names = ", ".join(sorted(self.names[norm] for norm in self._left))
            raise RuntimeError(f"the norms {names} were not applied by the function that transform() was given")
