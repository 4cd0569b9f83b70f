"""Paint pictures with an exported graph, which needs no network of ours."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fastnst.checkpoint import CheckpointError
from fastnst.devices import Precision, pick_device
from fastnst.errors import ConfigError, first_line
from fastnst.export.notes import Notes
from fastnst.export.runtime import Runner, onnx_runner, openvino_runner
from fastnst.inference.brush import Brush
from fastnst.inference.choice import Style
from fastnst.inference.engines import Engine, find_obstacle
from fastnst.inference.stylizer import Stylizer
from fastnst.networks import shares
from fastnst.registry import unknown

OPERATORS = {
    *(
        "Add",
        "AveragePool",
        "Cast",
        "Clip",
        "Concat",
        "Conv",
        "DepthToSpace",
        "DequantizeLinear",
        "Div",
        "Floor",
        "Greater",
        "Identity",
    ),
    *("InstanceNormalization", "MatMul", "Max", "Min", "Mul", "Pad", "QuantizeLinear", "ReduceMax", "ReduceMin"),
    *("ReduceSum", "Relu", "Resize", "Shape", "Slice", "Split", "Squeeze", "Sub", "Transpose", "Unsqueeze", "Where"),
}
"""What graphs of styles are made of: no loops, no branches, nothing that reads a file."""


class GraphStylizer(Stylizer):
    """Paint like :class:`Stylizer`, with a file that ``fastnst export`` wrote as ``.onnx``.

    A graph of 8 bits rounds a tensor to them. One style and strength hold for a batch.

    Args:
        path: The file.
        device: ``cpu``, the default; there is no other here.
        precision: ``float32``, or ``bfloat16`` with engine ``openvino``.
        engine: ``onnx``, the default, or ``openvino``.

    Raises:
        CheckpointError: The file is not a graph that fastnst wrote.
        ConfigError: The engine is not installed, or cannot do that.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        device: str | None = None,
        precision: Precision | None = None,
        engine: Engine = "auto",
    ) -> None:
        if engine == "torch":
            raise ConfigError(f"{path} is a graph; engine torch paints with the .safetensors that it was exported from")
        chosen: Literal["onnx", "openvino"] = "openvino" if engine == "openvino" else "onnx"
        self.device, self.precision = pick_device(device or "cpu"), precision or "float32"
        if obstacle := find_obstacle(chosen, self.device, self.precision):
            raise ConfigError(f"engine {chosen} {obstacle}")
        model, self.notes, self._inputs = read_graph(Path(path))
        self.metadata, self.file = None, Path(path)
        self.styles = [str(style.get("name", number)) for number, style in enumerate(self.notes.styles)]
        with self._computing():
            self._run: Runner = onnx_runner(model) if chosen == "onnx" else openvino_runner(model, self.precision)
        self._lock = Lock()
        self._given: dict[str, np.ndarray] = {}
        if "style" in self._inputs and len(self.styles) == 1:
            self._given = _fed(style=[1.0], strength=1.0)
        self._use(self._paint_pixels)

    def styled(self, style: Style | None = None, strength: float = 1.0) -> "GraphStylizer":
        """Return a stylizer of one style or mix; see :meth:`Stylizer.styled`.

        Raises:
            ConfigError: No such style, or the graph was exported in one style.
            ValueError: A code of another length.
        """
        if not 0 <= strength <= 1:
            raise ConfigError(f"strength must be between 0 and 1, got {strength:g}")
        if style is None and strength == 1 and ("strength" not in self._inputs or self._given):
            return self
        if "strength" not in self._inputs:
            raise ConfigError("this graph was exported in one style at one strength; leave out style, mix and strength")
        other = copy(self)
        other._given = _fed(strength=strength, **self._chosen(style))
        other._use(other._paint_pixels)
        return other

    def _chosen(self, style: Style | None) -> dict[str, Any]:
        if "code" in self._inputs:
            if not isinstance(style, Tensor):
                raise ConfigError(
                    "this graph takes a style code, and has no predictor of one; paint with the .safetensors"
                )
            if style.shape != (self._inputs["code"],):
                raise ValueError(f"a style code is {tuple(style.shape)}, but ({self._inputs['code']},) is wanted")
            return {"code": style.cpu().numpy()}
        if style is None and len(self.styles) > 1:
            raise ConfigError(f"this model has {len(self.styles)} styles; choose one by --style NAME: {self._names}")
        if isinstance(style, Tensor | Image.Image):
            raise ConfigError(f"this graph knows styles by name; choose one: {self._names}")
        mix = style if isinstance(style, Mapping) else {self.styles[0] if style is None else str(style): 1.0}
        for name in mix:
            if name not in self.styles:
                raise ConfigError(unknown("style", name, self.styles))
        try:
            return {"style": shares(self.styles, mix).numpy()}
        except ValueError as error:
            raise ConfigError(str(error)) from None

    @property
    def _names(self) -> str:
        return ", ".join(self.styles)

    @property
    def has_strength(self) -> bool:
        """Whether strength is an input of the graph."""
        return "strength" in self._inputs

    @property
    def normalizer(self) -> None:
        """Nothing: a graph has no statistics that could be fixed."""

    def _check_chosen(self) -> None:
        if "strength" in self._inputs and not self._given:
            self._chosen(None)

    def _use(self, engine: Callable[[Tensor], Tensor]) -> None:
        self.engine = engine
        self._brush = Brush(self.device, engine, None)

    def export(self, *_: Any, **__: Any) -> Notes:
        """Refuse: a graph is exported from the network it is of.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError("this is an exported graph already; export the .safetensors that it is from")

    @contextmanager
    def _computing(self) -> Iterator[None]:
        """Name the file where a runtime refuses it, by whatever error it has."""
        try:
            yield
        except Exception as error:
            reason = first_line(error).rpartition(" : ")[2]
            raise CheckpointError(f"{self.file}: cannot be computed ({reason}); export it again") from error

    def _paint_pixels(self, images: Tensor) -> Tensor:
        pixels = images.permute(0, 2, 3, 1).contiguous()
        whole = self.notes.pixels == "uint8"
        values = (pixels.clamp(0, 1) * 255).round().to(torch.uint8) if whole else pixels
        with self._lock, self._computing():
            painted = torch.from_numpy(self._run({"images": values.numpy(), **self._given}))
            if painted.shape != pixels.shape:
                raise ValueError(f"it gives {tuple(painted.shape)} for pictures of {tuple(pixels.shape)}")
        return (painted.float() / 255 if whole else painted).permute(0, 3, 1, 2)


def read_graph(path: Path) -> tuple[bytes, Notes, dict[str, int]]:
    """Return a graph, what it says of itself, and the length of each of its inputs but the images.

    Raises:
        CheckpointError: Missing, damaged, not written by fastnst, or with an operator that no style has.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        read = path.read_bytes()
        model = onnx.load_model_from_string(read)
        notes = Notes.from_strings({item.key: item.value for item in model.metadata_props})
    except OSError as error:
        raise CheckpointError(f"{path}: {'is a folder' if path.is_dir() else error.strerror}") from None
    except DecodeError as error:
        raise CheckpointError(f"{path}: is not a whole ONNX file ({first_line(error)})") from None
    except KeyError:
        raise CheckpointError(f"{path}: an ONNX file, but not a style exported by fastnst") from None
    except (ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path}: its notes are damaged ({first_line(error)})") from None
    if strange := _strange(model):
        raise CheckpointError(f"{path}: holds {strange}, which no style does; export it again")
    lengths = {given.name: given.type.tensor_type.shape.dim for given in model.graph.input}
    return read, notes, {name: dims[0].dim_value if dims else 1 for name, dims in lengths.items() if name != "images"}


def _strange(model: Any) -> str | None:
    """Name what an exported graph does not have."""
    if model.functions or model.training_info:
        return "functions"
    for constant in model.graph.initializer:
        if constant.data_location or constant.external_data:
            return "weights in another file"
    return next((f"the operator {n.op_type}" for n in model.graph.node if n.domain or n.op_type not in OPERATORS), None)


def _fed(**inputs: Any) -> dict[str, np.ndarray]:
    return {name: np.asarray(given, np.float32) for name, given in inputs.items()}
