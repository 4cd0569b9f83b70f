"""Networks of files that older versions wrote, as they would be written today."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def present_network(network: dict[str, Any]) -> dict[str, Any]:
    """Say of a network, ``name`` and ``config``, what is said of it today.

    The first ``lite`` had no stage at an eighth of the resolution, and is ``lite1`` now; the second added nothing of
    the photograph to what it painted, nor did the first ``medium``.
    """
    name, config = network["name"], network["config"]
    if name == "lite" and "deep" not in config:
        return network | {"name": "lite1"}
    return network | {"config": {"crisp": 0} | config} if name in ("lite", "medium") else network


def present_weights(config: Mapping[str, Any], weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return weights as networks have them today: the first that added detail of the photograph added no colors."""
    four = {key: value for key, value in weights.items() if key.startswith("output.") and value.shape[:1] == (4,)}
    if not config.get("crisp") or len(four) < 2:
        return weights
    return weights | {key: torch.cat([value, torch.zeros_like(value[:1])]) for key, value in four.items()}
