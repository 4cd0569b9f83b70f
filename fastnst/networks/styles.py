"""The styles of a network: a table of codes, the code of the photograph as it is, and a predictor for any picture."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

HIDDEN = 80
"""Width of the predictor."""


class Predictor(nn.Module):
    """Predict a style code from the statistics of a style picture.

    Args:
        statistics: How many numbers describe a picture.
        code_size: K, the length of a code.

    Shapes:
        statistics: ``(B, M)``; see :func:`~fastnst.backbones.picture_statistics`.
        result: ``(B, K)``.

    Source: Ghiasi, Lee, Kudlur, Dumoulin, Shlens. Exploring the structure of a real-time, arbitrary neural artistic
    stylization network. BMVC 2017; there from a classifier's features.
    """

    center: Tensor
    spread: Tensor

    def __init__(self, statistics: int, code_size: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(statistics))
        self.register_buffer("spread", torch.ones(statistics))
        self.narrow, self.output = nn.Linear(statistics, HIDDEN), nn.Linear(HIDDEN, code_size)

    @torch.no_grad()
    def begin(self, statistics: Tensor, code: Tensor) -> None:
        """Standardize by the statistics of many pictures ``(N, M)``, and predict one code ``(K,)`` for all."""
        self.center.copy_(statistics.mean(0))
        self.spread.copy_(statistics.std(0).clamp_min(1e-4))
        nn.init.normal_(self.narrow.weight, std=0.5)
        nn.init.zeros_(self.narrow.bias)
        nn.init.normal_(self.output.weight, std=0.01)
        self.output.bias.copy_(code)

    def forward(self, statistics: Tensor) -> Tensor:
        # Both layers see vectors of length one or so: by the steps of Adam a sum over many inputs moves too far.
        standard = ((statistics - self.center) / self.spread).clamp(-5, 5) / self.center.numel() ** 0.5
        hidden = torch.tanh(self.narrow(standard)) / HIDDEN**0.5
        code: Tensor = self.output(hidden)
        return code


class Styles(nn.Module):
    """The styles that one network knows, as codes.

    Args:
        code_size: K, the length of a code.
        count: N, the styles of the table.
        statistics: How many numbers describe a picture to the predictor; 0 for none.

    Attributes:
        codes: ``(N, K)``.
        photograph: ``(K,)``, the code by which a photograph stays as it is.

    Source: Dumoulin, Shlens, Kudlur. A Learned Representation for Artistic Style. ICLR 2017, section 2.
    """

    def __init__(self, code_size: int, count: int = 0, statistics: int = 0) -> None:
        super().__init__()
        self.codes = nn.Parameter(torch.zeros(count, code_size))
        self.photograph = nn.Parameter(torch.zeros(code_size))
        self.predictor = Predictor(statistics, code_size) if statistics else None

    @torch.no_grad()
    def begin(self, code: Tensor) -> None:
        """Set all codes to one ``(K,)``, such as the network's own."""
        self.codes.copy_(code)
        self.photograph.copy_(code)

    def mix(self, shares: Tensor) -> Tensor:
        """Return the weighted sum of the codes for ``(N,)``, or of each row of ``(B, N)``."""
        return shares.to(self.codes) @ self.codes

    def weaken(self, code: Tensor, strength: Tensor | float) -> Tensor:
        """Go from the photograph's code towards ``(K,)`` or ``(B, K)``; the strength is 0 to 1, or ``(B,)`` of them."""
        share = strength[:, None] if isinstance(strength, Tensor) and strength.dim() else strength
        return self.photograph + share * (code - self.photograph)


def shares(names: Sequence[str], mix: Mapping[str, float]) -> Tensor:
    """Turn weights by name into shares ``(N,)`` of one, in the order of ``names``.

    Raises:
        KeyError: No such name.
        ValueError: A negative weight, or none above zero.
    """
    total = sum(mix.values())
    if min(mix.values(), default=0) < 0 or not 0 < total < float("inf"):
        raise ValueError(f"a mix needs weights of at least 0 and one above, got {dict(mix)}")
    places = {name: place for place, name in enumerate(names)}
    row = torch.zeros(len(names))
    for name, weight in mix.items():
        row[places[name]] += weight / total
    return row
