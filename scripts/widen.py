"""Make a start for ``medium`` of that of ``lite``: the same pictures, by more channels, which then learn to differ.

    python scripts/widen.py --out medium.safetensors
    python scripts/pretrain.py --network medium --begin medium.safetensors --lr 1e-3 ...

Every new channel is a copy of an old one; whoever reads both takes a random share of each, so that their gradients
differ from the first step on. New blocks add nothing yet.

Source: Chen, Goodfellow, Shlens. Net2Net: Accelerating Learning via Knowledge Transfer. ICLR 2016.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from fastnst import __version__
from fastnst.assets import shared_network
from fastnst.checkpoint import Metadata, describe, load_checkpoint, save_checkpoint
from fastnst.networks import TransformationNetwork, build_network

NOISE = 0.02
"""Of new weights, as a share of their deviation: copies that got equal shares would differ by this alone."""


class Widened:
    """Which old channel every channel of a network copies.

    Args:
        old, new: Options of ``lite``: the narrow and the wide one.
    """

    def __init__(self, old: dict[str, int], new: dict[str, int]) -> None:
        self.old, self.new, self.copies = old, new, {}
        for group in ("detail", "width", "deep", "full"):
            self.copies[group] = torch.arange(new[group]) % old[group]
        for group in ("width", "deep"):  # the wide channels within an inverted residual: two for each of the block
            self.copies[f"{group} twice"] = torch.arange(2 * new[group]) % (2 * old[group])

    def groups(self, layer: str) -> tuple[str, str]:
        """Return what a layer writes and what it reads, as groups of channels; empty for colors and single channels."""
        part, _, rest = layer.partition(".")
        where = "deep" if part == "deep" else "width"
        if ".body." in layer:
            place = int(rest.split(".")[2])
            return {0: (f"{where} twice", where), 2: (f"{where} twice", ""), 3: (f"{where} twice", "")}.get(
                place, (where, f"{where} twice" if place == 5 else "")
            )
        first = rest in ("0", "1")
        tables = {
            "stem": ("detail", ""),
            "down": ("width", "detail"),
            "deep": ("deep", "width") if first else ("width", "deep"),
            "up": ("detail", "width"),
            "skip": ("detail", "detail"),
            "full": ("full", "detail"),
            "output": ("", "full"),
        }
        return tables[part]

    def origin(self, layer: str) -> str | None:
        """Return the old layer that a new one copies; none for a layer of a new block."""
        part, _, rest = layer.partition(".")
        if part not in ("deep", "blocks"):
            return layer
        before, count = (3, "deep_blocks") if part == "deep" else (0, "blocks")
        place, _, rest = rest.partition(".")
        number, rest = int(place) - before, f".{rest}" if rest else ""
        if number >= self.new[count]:
            return f"{part}.{int(place) - self.new[count] + self.old[count]}{rest}"
        return f"{part}.{place}{rest}" if number < self.old[count] else None

    def values(self, layer: str, value: Tensor) -> Tensor:
        """Widen the weights of a layer, or the scale, shift or bias of its channels."""
        written, read = self.groups(layer)
        if written:
            value = value[self.copies[written]]
        if read and value.dim() > 1:
            copies = self.copies[read]
            shares = torch.rand(len(value), len(copies)) + 0.5
            totals = torch.zeros(len(value), int(copies.max()) + 1).index_add_(1, copies, shares)
            value = value[:, copies] * (shares / totals[:, copies])[..., None, None]
            value = value + NOISE * value.std() * torch.randn_like(value)
        return value


@torch.no_grad()
def widen(old: TransformationNetwork, new: TransformationNetwork) -> None:
    """Fill a wide network, and a predictor of its codes."""
    widened, source = Widened(old.config, new.config), dict(old.named_parameters())
    for name, value in new.named_parameters():
        layer, _, kind = name.rpartition(".")
        if (origin := widened.origin(layer)) is not None:
            value.copy_(widened.values(layer, source[f"{origin}.{kind}"]))
    rows, fresh = code_rows(old, new, widened)
    assert old.styles is not None
    assert old.styles.predictor is not None
    before = old.styles.predictor
    styles = new.add_styles(statistics=len(before.center))
    assert styles.predictor is not None
    after = styles.predictor
    for part in ("center", "spread"):
        getattr(after, part).copy_(getattr(before, part))
    after.narrow.load_state_dict(before.narrow.state_dict())
    known = rows >= 0
    for filled, values in (
        (after.output.weight, before.output.weight),
        (after.output.bias, before.output.bias),
        (styles.photograph, old.styles.photograph),
    ):
        filled[known] = values[rows[known]]
    after.output.weight[~known] = 0.0
    after.output.bias[~known] = styles.photograph[~known] = fresh[~known]


def code_rows(old: TransformationNetwork, new: TransformationNetwork, widened: Widened) -> tuple[Tensor, Tensor]:
    """Return for every number of a new code which old one it copies, -1 for none, and what it is without one."""
    begins, at = {}, 0
    for name, norm in old.named_norms():
        begins[name], at = at, at + 2 * norm.channels
    rows, fresh = [], []
    for name, norm in new.named_norms():
        origin = widened.origin(name)
        if origin is None:
            rows += [torch.full((2 * norm.channels,), -1)]
            last = float(not name.endswith("6"))  # a block's last norm: nothing is added
            fresh += [torch.full((norm.channels,), last), torch.zeros(norm.channels)]
        else:
            copies, count = widened.copies[widened.groups(name)[0]], dict(old.named_norms())[origin].channels
            rows += [begins[origin] + copies, begins[origin] + count + copies]
            fresh += [torch.zeros(2 * norm.channels)]
    return torch.cat(rows), torch.cat(fresh)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--begin", type=Path, default=shared_network("lite"), help="the narrow start")
    parser.add_argument("--network", default="medium")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.manual_seed(0)
    old, facts = load_checkpoint(options.begin)
    new = build_network(options.network)
    widen(old.float(), new)
    metadata = Metadata(describe(new), training=facts.training, fastnst_version=__version__, loss=facts.loss)
    save_checkpoint(options.out, new, metadata)


if __name__ == "__main__":
    main()
