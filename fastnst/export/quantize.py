"""Make a graph smaller and, on hardware for it, faster: half precision, or whole numbers of 8 bits."""

import logging
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from PIL import Image

from fastnst.assets.samples import copy_photos, draw_landscape, draw_painting
from fastnst.errors import ConfigError
from fastnst.export.onnx import build_graph
from fastnst.export.runtime import Pixels
from fastnst.networks import TransformationNetwork

PHOTOS, LONGER = 6, 256
"""How many pictures tell the range of the features, and the pixels of their longer side."""


def half_graph(network: TransformationNetwork, pixels: Pixels) -> onnx.ModelProto:
    """Return a graph with filters and features in float16; norms, styles and the output layer stay in float32."""
    return build_graph(halved(network), pixels)


def halved(network: TransformationNetwork) -> TransformationNetwork:
    """Return a copy with filters and features in float16.

    Shows what a GPU makes of :func:`half_graph`: ONNX Runtime computes it in float32 on a CPU.
    """
    copied = deepcopy(network)
    copied.compute_in(torch.float16)
    for (_, norm), (_, exact) in zip(copied.named_norms(), network.named_norms(), strict=True):
        norm.float().load_state_dict(exact.state_dict())
    return copied


def byte_graph(network: TransformationNetwork, pixels: Pixels) -> onnx.ModelProto:
    """Return a graph whose convolutions multiply whole numbers of 8 bits, by the ranges found in sample photographs.

    Filters have a scale for each of their outputs. Needs ONNX Runtime, and scikit-image for its photographs: without,
    the ranges are those of pictures drawn here.
    """
    from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

    before = logging.root.level
    with tempfile.TemporaryDirectory() as folder:
        exact, quantized = Path(folder) / "exact.onnx", Path(folder) / "quantized.onnx"
        onnx.save(build_graph(network, pixels), exact)
        logging.disable(
            logging.WARNING
        )  # advice about a step before, which networks without constants to fold need not
        try:
            quantize_static(
                exact,
                quantized,
                _reader(network, pixels),
                QuantFormat.QDQ,
                ["Conv"],
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        finally:
            logging.disable(logging.NOTSET)
            logging.root.setLevel(before)
        return onnx.load(quantized)


def _reader(network: TransformationNetwork, pixels: Pixels) -> Any:
    """Serve sample photographs, in one style after another where there are several."""
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # its package has no types
        def __init__(self) -> None:
            self.feeds = _feeds(network, pixels)

        def get_next(self) -> dict[str, np.ndarray] | None:
            return next(self.feeds, None)

    return Reader()


def _feeds(network: TransformationNetwork, pixels: Pixels) -> Iterator[dict[str, np.ndarray]]:
    for number, photo in enumerate(_photographs()):
        photo.thumbnail((LONGER, LONGER))
        values = np.asarray(photo)[None]
        feeds = {"images": values if pixels == "uint8" else values.astype(np.float32) / 255}
        if network.styles is not None:
            count = len(network.styles.codes)
            if not count:
                raise ConfigError("int8 needs styles by name, to see the range of the features; choose fp16 or a style")
            feeds |= {"style": np.eye(count, dtype=np.float32)[number % count], "strength": np.array(1, np.float32)}
        yield feeds


def _photographs() -> list[Image.Image]:
    with tempfile.TemporaryDirectory() as folder:
        try:
            copy_photos(Path(folder))
        except ConfigError:  # scikit-image is not installed
            return [draw_landscape(192, 128), draw_painting(192, 128)]
        files = sorted(Path(folder).iterdir())[:PHOTOS]
        return [Image.open(file).convert("RGB") for file in files]
