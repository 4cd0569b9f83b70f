"""What runs a network: torch, or OpenVINO on request."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, reduce
from importlib.util import find_spec
from threading import Lock
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from fastnst.devices import Precision
from fastnst.errors import ConfigError
from fastnst.images import pad_to
from fastnst.networks import TransformationNetwork
from fastnst.networks.johnson import Johnson
from fastnst.networks.layers import Inverted, Residual, ResizeConv
from fastnst.networks.lite import Lite
from fastnst.networks.lite1 import Lite1
from fastnst.networks.norm import InstanceNorm

Engine = Literal["torch", "openvino"]

PLAIN = ([1, 1], [0, 0], [0, 0], [1, 1])
"""Of a convolution in OpenVINO: strides, padding before and behind, dilation."""


def pick_engine(
    engine: Engine, network: TransformationNetwork, device: torch.device, precision: Precision
) -> Callable[[Tensor], Tensor]:
    """Return a function that computes ``network(images)``.

    Raises:
        ConfigError: OpenVINO is requested and is not installed, or does not support the device or the network.
    """
    if engine not in ("torch", "openvino"):
        raise ConfigError(f"unknown engine {engine!r}; known: openvino, torch")
    if engine == "torch":
        return network
    if obstacle := _obstacle(network, device):
        raise ConfigError(f"engine openvino {obstacle}")
    return OpenVINO(network, precision)


def _obstacle(network: TransformationNetwork, device: torch.device) -> str | None:
    """Say why OpenVINO cannot run a network."""
    if find_spec("openvino") is None:
        return "is not installed; pip install 'fastnst[openvino]'"
    if device.type != "cpu":
        return f"runs on the CPU, not on {device}; choose device cpu or engine torch"
    if not isinstance(network, Johnson | Lite | Lite1):
        return f"does not support the network {type(network).__name__.lower()}; choose engine torch"
    return None


class OpenVINO:
    """Run a network on the CPU with OpenVINO, in less time than torch and in as much memory.

    The network is compiled at the first call, with its weights and torch's number of threads at that time, for images
    of any size. One call runs at a time, on all threads.
    """

    def __init__(self, network: TransformationNetwork, precision: Precision) -> None:
        self.network, self.precision = network, precision
        self._lock = Lock()

    def __call__(self, images: Tensor) -> Tensor:
        """Transform float32 images ``(B, 3, H, W)``, RGB in [0, 1], of any size, as the network does.

        Raises:
            ConfigError: The network's statistics are fixed or being recorded.
        """
        if self.network.holds_statistics:
            raise ConfigError("engine openvino neither fixes nor records statistics; choose engine torch")
        height, width = images.shape[-2:]
        padded = pad_to(images, self.network.size_multiple, self.network.min_size).contiguous()
        with self._lock:
            painted = self._compiled(padded.numpy(), share_inputs=True)[0]
        return torch.from_numpy(painted)[..., :height, :width]

    @cached_property
    def _compiled(self) -> Any:
        with _without_telemetry():
            import openvino
            from openvino import opset13 as ops

        images = ops.parameter([-1, 3, -1, -1], openvino.Type.f32)
        painted = _paint(self.network, images)
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[self.precision],
        }
        return openvino.Core().compile_model(openvino.Model([painted], [images]), "CPU", settings)


@contextmanager
def _without_telemetry() -> Iterator[None]:
    """Import openvino without its report to Google Analytics.

    Of the switches that openvino_telemetry reads, this variable alone writes nothing to the user's disk: the other is a
    file in the home folder. Whether to report is decided at the import, so the variable need not stay.
    """
    before = os.environ.get("CI")
    os.environ["CI"] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ["CI"]
        else:
            os.environ["CI"] = before


def _paint(network: TransformationNetwork, images: Any) -> Any:
    """Apply a network to a node of an OpenVINO graph, as its ``transform`` does to a tensor."""
    from openvino import opset13 as ops

    if not isinstance(network, Lite):
        return _translate(network.output, _translate(network.get_submodule("layers"), images))
    half = _translate(network.stem, images)
    quarter = _translate(network.down, half)
    quarter = ops.add(quarter, _translate(network.deep, quarter))
    painted = ops.add(_translate(network.up, _translate(network.blocks, quarter)), _translate(network.skip, half))
    return _translate(network.output, ops.relu(painted))


def _translate(module: nn.Module, x: Any) -> Any:
    """Apply a layer to a node of an OpenVINO graph."""
    from openvino import opset13 as ops

    match module:
        case nn.Sequential():
            return reduce(lambda x, layer: _translate(layer, x), module, x)
        case Residual() | Inverted():
            return ops.add(x, _translate(module.body, x))
        case nn.Conv2d():
            border = [0, 0, *module.padding]
            return ops.add(_convolve(module, ops.pad(x, border, border, "reflect")), _constant(module.bias))
        case ResizeConv():
            filters, bias = (_constant(values) for values in module.unfolded())
            low = ops.convolution(ops.pad(x, [0, 0, 1, 1], [0, 0, 1, 1], "edge"), filters, *PLAIN)
            return ops.depth_to_space(ops.add(low, bias), "depth_first", 2)
        case InstanceNorm():
            # The operation GroupNormalization computes the same, more slowly.
            normalized = ops.mvn(x, ops.constant([2, 3]), True, module.eps, "inside_sqrt")
            if module.weight is None:
                return normalized
            return ops.add(ops.multiply(normalized, _constant(module.weight)), _constant(module.bias))
        case nn.ReLU():
            return ops.relu(x)
        case nn.Upsample():
            factors, axes = ops.constant([module.scale_factor] * 2, np.float32), ops.constant([2, 3])
            repeat = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
            return ops.interpolate(x, factors, "nearest", "scales", axes=axes, **repeat)
        case nn.PixelShuffle():
            return ops.depth_to_space(x, "depth_first", module.upscale_factor)
        case nn.PixelUnshuffle():
            return ops.space_to_depth(x, "depth_first", module.downscale_factor)
    raise TypeError(f"no translation of {type(module).__name__} for OpenVINO")


def _convolve(conv: nn.Conv2d, x: Any) -> Any:
    from openvino import opset13 as ops

    geometry = (list(conv.stride), *PLAIN[1:])
    if conv.groups == 1:
        return ops.convolution(x, _constant(conv.weight), *geometry)
    return ops.group_convolution(x, _constant(conv.weight.unflatten(0, (conv.groups, -1))), *geometry)


def _constant(values: Tensor | None) -> Any:
    """Copy filters as they are, and values per channel ``(C,)`` as ``(1, C, 1, 1)``."""
    from openvino import opset13 as ops

    assert values is not None
    shaped = values.view(1, -1, 1, 1) if values.dim() == 1 else values
    return ops.constant(shaped.detach().float().contiguous().numpy())
