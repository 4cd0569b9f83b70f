"""Run graphs: by ONNX Runtime, or by OpenVINO."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch

from fastnst.devices import Precision

Pixels = Literal["uint8", "float32"]
"""What a graph takes and gives: 0 to 255, or [0, 1]; RGB, ``(N, H, W, 3)``."""

Quantize = Literal["fp16", "int8"]

Runner = Callable[[Mapping[str, np.ndarray]], np.ndarray]
"""From the inputs of a graph, by name, to its output; for one thread at a time where the runtime asks for it."""


def onnx_runner(model: bytes) -> Runner:
    """Start ONNX Runtime on the CPU, with as many threads as torch has now; several callers may share it."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = torch.get_num_threads(), 1
    options.log_severity_level = 4  # errors are raised
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def run(feeds: Mapping[str, np.ndarray]) -> np.ndarray:
        painted: np.ndarray = session.run(None, dict(feeds))[0]
        return painted

    return run


def openvino_runner(model: bytes, precision: Precision) -> Runner:
    """Start OpenVINO on the CPU, with as many threads as torch has now; for one caller at a time."""
    with without_telemetry():
        import openvino

    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
    }
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model), "CPU", settings)

    def run(feeds: Mapping[str, np.ndarray]) -> np.ndarray:
        painted: np.ndarray = compiled(dict(feeds), share_inputs=True)[0]
        return painted

    return run


@contextmanager
def without_telemetry() -> Iterator[None]:
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
