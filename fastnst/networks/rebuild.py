"""Rebuild a network from its weights and what a file says of it, which may be anything."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from fastnst.networks._base import TransformationNetwork, build_network


def rebuild(name: str, config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> TransformationNetwork:
    """Make the network ``name`` of these weights, on the CPU, in float32.

    It is made without memory first: only a network whose weights are all there, in their shapes, is made in earnest.

    Raises:
        ConfigError: An unknown name, or options that the network does not take.
        ValueError: The weights are those of another network, or no finite numbers.
    """
    with torch.device("meta"):
        _check_shapes(_with_styles(build_network(name, **config), weights), weights)
    network = _with_styles(build_network(name, **config), weights)
    own = network.state_dict()
    given = {key: value.to(own[key].dtype) for key, value in weights.items()}
    if not all(torch.isfinite(value).all() for value in given.values()):
        raise ValueError("holds weights that are not finite numbers; train it again")
    network.load_state_dict(given)
    return network


def _with_styles(network: TransformationNetwork, weights: Mapping[str, Tensor]) -> TransformationNetwork:
    """Make place for the table of styles and the predictor that a file holds."""
    codes, center = weights.get("styles.codes"), weights.get("styles.predictor.center")
    if codes is not None and codes.dim() == 2 and codes.shape[1] == network.code_size > 0:
        network.add_styles(len(codes), 0 if center is None else center.numel())
    return network


def _check_shapes(network: TransformationNetwork, weights: Mapping[str, Tensor]) -> None:
    own = network.state_dict()
    strange = sorted(own.keys() ^ weights.keys())
    strange += sorted(key for key in own.keys() & weights.keys() if own[key].shape != weights[key].shape)
    if strange:
        raise ValueError(f"its weights do not fit the network it names: {', '.join(strange[:3])}")
    integers = sorted(key for key, value in weights.items() if not value.is_floating_point())
    if integers:
        raise ValueError(f"its weights are no fractions but {weights[integers[0]].dtype}: {', '.join(integers[:3])}")
