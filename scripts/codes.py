"""Are several styles in one network as good as one each? What does one more cost, and is strength monotone?

    python scripts/codes.py --styles wave.jpg scream.jpg udnie.jpg --photos photos_train.parquet \
        --val photos_val.parquet --steps 200 --out codes/

Trains each style alone for ``--steps``, all in one network for as many steps each, and a network of all but the last,
to which ``fastnst add-style`` adds the last in a tenth of its steps. All are judged by the default objective in float32
on the same held-out photographs. Then each style of the network of all paints at strengths from 0 to 1, and its
style term is told. What is trained already is not trained again.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from adapt_runs import Bench, objective
from torch import Tensor, nn

from fastnst.checkpoint import STYLE_FILE, load_checkpoint
from fastnst.images import fit, read_image
from fastnst.networks import TransformationNetwork
from fastnst.training import Targets, take_targets

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


class Coded(nn.Module):
    """A network that paints by one code ``(K,)``."""

    def __init__(self, network: TransformationNetwork, code: Tensor) -> None:
        super().__init__()
        self.network, self.code = network, code

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images, self.code.expand(len(images), -1))


def fastnst(words: Sequence[object]) -> None:
    """Run a command of this checkout.

    Raises:
        SystemExit: It failed.
    """
    if code := subprocess.run([sys.executable, "-m", "fastnst", *map(str, words)], check=False).returncode:
        raise SystemExit(code)


def trained(out: Path, styles: Sequence[Path], steps: int, options: argparse.Namespace) -> Path:
    """Train styles in one network; return its file."""
    file = out / STYLE_FILE
    if not file.exists():
        which = ["--styles", *styles] if len(styles) > 1 else ["--style", *styles]
        print(f"{out.name}: {steps} steps", flush=True)
        fastnst(["train", *which, *data(options), "--out", out, "--steps", steps, "--quiet"])
    return file


def added(base: Path, style: Path, options: argparse.Namespace) -> Path:
    """Add a style to a network in a tenth of the steps; return the file."""
    file = options.out / "added.safetensors"
    if not file.exists():
        steps = max(1, options.steps // 10)
        fastnst(["add-style", base, "--style", style, "--photos", options.photos, "--steps", steps, "--out", file])
    return file


def data(options: argparse.Namespace) -> list[str]:
    return ["--photos", options.photos, *(["--val", options.val] if options.val else [])]


def by_name(file: Path) -> tuple[TransformationNetwork, dict[str, Tensor]]:
    """Return a network and its codes by the names of the styles."""
    network, metadata = load_checkpoint(file)
    if network.styles is None:
        return network, {metadata.styles[0]["name"]: network.style_code()}
    return network, {facts["name"]: code for facts, code in zip(metadata.styles, network.styles.codes, strict=True)}


def losses(file: Path, bench: Bench, targets: Mapping[str, Targets]) -> dict[str, float]:
    """Return the objective of each style that a file knows."""
    network, codes = by_name(file)
    photos = bench.data.held_out
    return {name: objective(Coded(network, code), photos, targets[name])["loss"] for name, code in codes.items()}


def strengths(file: Path, bench: Bench, targets: Mapping[str, Targets]) -> dict[str, list[float]]:
    """Return the style term of each style at each of :data:`STRENGTHS`."""
    network, codes = by_name(file)
    assert network.styles is not None, "several styles were trained"
    ways = {
        name: [Coded(network, network.styles.weaken(code, share)) for share in STRENGTHS]
        for name, code in codes.items()
    }
    photos = bench.data.held_out
    return {name: [objective(one, photos, targets[name])["loss_style"] for one in way] for name, way in ways.items()}


@torch.no_grad()
def measure(options: argparse.Namespace) -> dict[str, object]:
    """Make the trainings that are not made yet, and judge all."""
    styles, out, steps = options.styles, options.out, options.steps
    alone = [trained(out / f"alone_{style.stem}", [style], steps, options) for style in styles]
    together = trained(out / "together", styles, steps * len(styles), options)
    base = trained(out / "without_last", styles[:-1], steps * (len(styles) - 1), options)
    more = added(base, styles[-1], options)
    bench = Bench(options)
    size = bench.model["style_size"]
    targets = {
        style.stem: take_targets(bench.loss, fit(read_image(style), shorter=size), bench.data.held_out, bench.scales)
        for style in styles
    }
    single = {name: value for file in alone for name, value in losses(file, bench, targets).items()}
    joined = losses(together, bench, targets)
    last = styles[-1].stem
    return {
        "steps": steps,
        "alone": single,
        "together": joined,
        "together / alone": {name: round(joined[name] / single[name], 3) for name in single},
        "added in a tenth / alone": round(losses(more, bench, targets)[last] / single[last], 3),
        "style term by strength": dict(zip(("strengths", *single), [list(STRENGTHS), *strengths(
            together, bench, targets).values()], strict=True)),
    }  # fmt: skip


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--styles", nargs="+", type=Path, required=True, help="two pictures or more")
    add("--photos", required=True, help="to train on")
    add("--val", help="held-out photographs; some of --photos are set apart by default")
    add("--steps", type=int, default=200, help="for each style")
    add("--count", type=int, default=24, help="held-out photographs")
    add("--out", type=Path, required=True)
    parser.set_defaults(preset="fast", init="shared", weights=None, size=256)
    options = parser.parse_args()
    if len(options.styles) < 2:
        parser.error("--styles needs two pictures or more")
    result = measure(options)
    (options.out / "codes.json").write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
