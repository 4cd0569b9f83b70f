"""The loss as named terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

Number = TypeVar("Number", float, Tensor)


@dataclass(frozen=True)
class LossReport:
    """Weighted loss terms by path; they add up to the loss.

    Paths are ``content/relu3_1``, ``style/relu1_1``, ``style/relu1_1@2`` on the picture at 1/2, and ``tv``.
    """

    terms: Mapping[str, Tensor]

    @property
    def total(self) -> Tensor:
        """The loss, a scalar."""
        return torch.stack(tuple(self.terms.values())).sum()

    def part(self, kind: str) -> Tensor:
        """Sum the terms of one kind: ``content``, ``style`` or ``tv``."""
        return by_kind(self.terms).get(kind, self.total.new_zeros(()))


def by_kind(terms: Mapping[str, Number]) -> dict[str, Number]:
    """Sum terms by the first part of their path: ``content``, ``style``, ``tv``."""
    sums: dict[str, Number] = {}
    for path, term in terms.items():
        kind = path.partition("/")[0]
        sums[kind] = sums[kind] + term if kind in sums else term
    return sums
