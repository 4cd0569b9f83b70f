"""The options of the loss, which mean the same in every command."""

import argparse
from typing import Any


def layer_weights(word: str) -> dict[str, float]:
    """Read ``relu3_1``, ``relu3_1:4`` or ``{relu1_1: 1, relu3_1: 4}`` as layers with their weights."""
    import yaml

    from fastnst.options import read_layers

    try:
        if word.startswith("{"):
            return {str(name): float(weight) for name, weight in yaml.safe_load(word).items()}
        return read_layers(word)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError, yaml.YAMLError):
        given = repr(word[:80])
        raise argparse.ArgumentTypeError(f"{given}: give layers as relu1_1 relu3_1, or relu1_1:1 relu3_1:4") from None


def scale_weights(word: str) -> dict[str, float]:
    """Read ``1:1``, ``4`` or ``{1: 1, 2: 0.9}`` as reductions of the picture with their weights."""
    weights = layer_weights(word)
    if not all(factor.isdecimal() and int(factor).bit_count() == 1 for factor in weights):
        raise argparse.ArgumentTypeError(f"{word!r}: give powers of two as 1 2 4, or 1:1 2:0.9 4:0.8")
    return weights


LOSS: dict[str, tuple[Any, str, str]] = {
    "style_weight": (float, "W", "more is more painting and less photograph (default: 10; 3 to optimize with hrnet)"),
    "tv": (float, "W", "weight of the total variation, which smooths (default: 5)"),
    "backbone": (str, "NAME", "frozen network whose features are compared (default: compact)"),
    "content": (layer_weights, "LAYER[:W]", "layers compared with the photograph (default: the backbone's own choice)"),
    "style": (layer_weights, "LAYER[:W]", "layers compared with the style (default: the backbone's own choice)"),
    "style_loss": (str, "NAME", "gram, moments, wasserstein or sliced (default: gram)"),
    "weights": (str, "FILE", "the backbone's weights, in place of the usual places"),
    "units": (str, "UNITS", "relative: weights mean the same everywhere; raw: as papers' weights (default: relative)"),
    "scales": (
        scale_weights,
        "FACTOR[:W]",
        "reductions of the picture at which style is compared (default: 1:1 2:0.9 4:0.8)",
    ),
    "content_scale": (int, "FACTOR", "reduction at which content is compared; 1 keeps outlines exactly (default: 2)"),
    "pooling": (str, "KIND", "of the backbone: max or average (default: max)"),
    "padding": (str, "KIND", "of the backbone: reflect or zeros (default: reflect)"),
}
"""Settings of a :class:`~fastnst.losses.LossConfig`: type, metavar, help."""

SHORT = {"content": "content_layers", "style": "style_layers"}
"""Where the name of a setting alone would be ambiguous."""

SEVERAL = {*SHORT, "scales"}
"""Settings of several parts, each with its weight."""


def add_loss(parser: argparse.ArgumentParser, *without: str, several_weights: bool = False) -> None:
    """Add what is compared; ``--tv``, ``--loss.tv`` and ``--model.loss.tv`` are one option.

    Args:
        parser: Gets the options.
        without: Settings that this command does not offer.
        several_weights: ``--style_weight`` takes one or more.
    """
    group = parser.add_argument_group("what is compared")
    for name, (kind, metavar, text) in LOSS.items():
        if name not in without:
            several = name in SEVERAL or (name == "style_weight" and several_weights)
            count: dict[str, Any] = {"nargs": "+"} if several else {}
            names = (f"--{SHORT.get(name, name)}", f"--loss.{name}", f"--model.loss.{name}")
            group.add_argument(*names, dest=f"loss_{name}", type=kind, metavar=metavar, help=text, **count)


def loss_settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of the loss that were given, by their name in :class:`~fastnst.losses.LossConfig`."""
    given: dict[str, Any] = {name: getattr(options, f"loss_{name}", None) for name in LOSS}
    given |= {name: {k: v for part in given[name] for k, v in part.items()} for name in SEVERAL if given[name]}
    return {name: value for name, value in given.items() if value is not None}
