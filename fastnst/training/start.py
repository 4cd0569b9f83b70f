"""Where a training begins: the shared start, random weights, or a trained style."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fastnst.assets import find_style, starts
from fastnst.backbones import StyleStatistics
from fastnst.checkpoint import Metadata, describe, load_checkpoint, style_name
from fastnst.errors import ConfigError
from fastnst.networks import TransformationNetwork, build_network


@dataclass(frozen=True)
class Start:
    """A network that is about to be trained.

    Args:
        network: Of one style, or with a table of codes.
        init: What it begins from: ``shared``, ``random``, or the name of a style.
        note: What the user should know of it; mostly nothing.
    """

    network: TransformationNetwork
    init: str
    note: str = ""


def initial_network(
    name: str,
    options: Mapping[str, Any],
    init: str,
    pictures: Sequence[Tensor],
    table: bool = False,
    digests: Sequence[str] = (),
    folder: Path | None = None,
) -> Start:
    """Return the network that a training begins with.

    Args:
        name: Of the network.
        options: What it takes.
        init: ``shared``: the weights that are bundled for this network and the codes that they predict for the
            pictures, or random weights where there are none; ``random``; or a trained style by name or path.
        pictures: The styles, each ``(1, 3, H, W)``, RGB in [0, 1].
        table: Whether the network gets a table with a code for each; otherwise there is one picture.
        digests: SHA-256 of the pictures' files, by which a start of several styles knows its own.
        folder: Where shared starts are, in place of the bundled ones.

    Raises:
        ConfigError: An unknown network or style, or a style trained with another network or other options.
        CheckpointError: The file cannot be read.
    """
    network = build_network(name, **options)
    count = len(pictures) if table else 0
    if init == "random":
        return Start(_with_table(network, count), init)
    shared = init == "shared"
    file = (folder or starts()) / f"{name}.safetensors" if shared else find_style(init)
    if shared and not file.is_file():
        return Start(_with_table(network, count), "random", f"random weights: there is no shared start for {name}")
    found, metadata = load_checkpoint(file)
    wanted, there = describe(network), metadata.network
    if wanted != describe(found):
        if shared:
            note = f"random weights: the shared start is for {_say(there)}, not {_say(wanted)}"
            return Start(_with_table(network, count), "random", note)
        raise ConfigError(f"--init {init}: is {_say(there)}, but {_say(wanted)} is to be trained")
    codes = codes_for(found, metadata, pictures, digests)
    return Start(_begun(found, codes, table), init if shared else style_name(file))


@torch.no_grad()
def codes_for(
    network: TransformationNetwork, metadata: Metadata, pictures: Sequence[Tensor], digests: Sequence[str] = ()
) -> list[Tensor]:
    """Return a code ``(K,)`` for each picture: its own, the predicted one, the mean of the table, the network's own."""
    styles = network.styles
    if styles is None:
        return [network.style_code()] * len(pictures)
    describe_style = StyleStatistics() if styles.predictor is not None else None
    places = {facts.get("sha256"): row for row, facts in enumerate(metadata.styles)}
    codes = []
    for number, picture in enumerate(pictures):
        row = places.get(digests[number]) if number < len(digests) else None
        if row is not None and row < len(styles.codes):
            codes.append(styles.codes[row].clone())
        elif styles.predictor is not None and describe_style is not None:
            codes.append(styles.predictor(describe_style(picture))[0])
        else:
            codes.append(styles.codes.mean(0) if len(styles.codes) else network.style_code())
    return codes


def _with_table(network: TransformationNetwork, count: int) -> TransformationNetwork:
    """Give a network a table of its own code; for none, leave it as it is."""
    return _begun(network, [network.style_code().detach()] * count, True) if count else network


@torch.no_grad()
def _begun(start: TransformationNetwork, codes: Sequence[Tensor], table: bool) -> TransformationNetwork:
    """Return a network with the weights of another, of one code or with a table of codes; all is to be trained."""
    network = start.plain(codes[0]).train()
    if table:
        styles = network.add_styles(len(codes))
        styles.codes.copy_(torch.stack(list(codes)))
        if start.styles is not None:
            styles.photograph.copy_(start.styles.photograph)
        for _, norm in network.named_norms():  # the codes stand in for them
            norm.requires_grad_(False)
    return network


def _say(network: Mapping[str, Any]) -> str:
    options = ", ".join(f"{key} {value}" for key, value in sorted(network["config"].items()))
    return f"{network['name']} with {options}"
