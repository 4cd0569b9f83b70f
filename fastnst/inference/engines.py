"""What runs a network: torch, ONNX Runtime, or OpenVINO."""

from collections.abc import Callable
from copy import deepcopy
from functools import cached_property
from importlib.util import find_spec
from threading import Lock
from typing import Literal, get_args

import torch
from torch import Tensor

from fastnst.devices import Precision
from fastnst.errors import ConfigError
from fastnst.export.runtime import Runner, onnx_runner, openvino_runner
from fastnst.images import pad_to
from fastnst.networks import TransformationNetwork

Engine = Literal["auto", "torch", "onnx", "openvino"]
"""What computes; ``auto`` is the fastest that is installed and known to be safe."""

NEEDS = {"onnx": ("onnx", "onnxruntime"), "openvino": ("onnx", "openvino")}
"""Packages behind the extra of the same name."""


def pick_engine(
    engine: Engine, network: TransformationNetwork, device: torch.device, precision: Precision
) -> Callable[[Tensor], Tensor]:
    """Return a function that computes ``network(images)``.

    Raises:
        ConfigError: The engine is unknown or not installed, or does not support the device or the precision.
    """
    if engine not in get_args(Engine):
        raise ConfigError(f"unknown engine {engine!r}; known: {', '.join(sorted(get_args(Engine)))}")
    if engine == "auto" or engine == "torch":  # by all measurements the fastest that is safe
        return network
    if obstacle := find_obstacle(engine, device, precision):
        raise ConfigError(f"engine {engine} {obstacle}")
    return GraphEngine(network, engine, precision)


def find_obstacle(engine: Literal["onnx", "openvino"], device: torch.device, precision: Precision) -> str | None:
    """Say why an engine other than torch cannot run a graph."""
    if [name for name in NEEDS[engine] if find_spec(name) is None]:
        return f"is not installed; pip install 'fastnst[{engine}]'"
    if device.type != "cpu":
        return f"runs on the CPU, not on {device}; choose device cpu or engine torch"
    if engine == "onnx" and precision != "float32":
        return f"computes in float32, not in {precision}; choose precision float32 or engine torch"
    return None


class GraphEngine:
    """Run a network on the CPU as a graph, by another program than torch.

    The graph is made at the first call, with the network's weights and torch's number of threads at that time, for
    images of any size.

    Args:
        network: What is computed.
        engine: By what.
        precision: In which numbers.
    """

    def __init__(
        self,
        network: TransformationNetwork,
        engine: Literal["onnx", "openvino"],
        precision: Precision,
    ) -> None:
        self.network, self.engine, self.precision = network, engine, precision
        self._lock = Lock()

    def __call__(self, images: Tensor) -> Tensor:
        """Transform float32 images ``(B, 3, H, W)``, RGB in [0, 1], of any size, as the network does.

        Raises:
            ConfigError: The network's statistics are fixed or being recorded.
        """
        if self.network.holds_statistics:
            raise ConfigError(f"engine {self.engine} neither fixes nor records statistics; choose engine torch")
        height, width = images.shape[-2:]
        padded = pad_to(images, self.network.size_multiple, self.network.min_size).contiguous()
        with self._lock:
            painted = self._runner({"images": padded.numpy()})
        return torch.from_numpy(painted)[..., :height, :width]

    @cached_property
    def _runner(self) -> Runner:
        from fastnst.export.onnx import build_core

        model = build_core(deepcopy(self.network).float()).SerializeToString()
        return onnx_runner(model) if self.engine == "onnx" else openvino_runner(model, self.precision)
