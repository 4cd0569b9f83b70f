"""From the name of a model to what paints with it."""

import os

from fastnst.checkpoint import CheckpointError, load_checkpoint
from fastnst.devices import Precision
from fastnst.inference.choice import Style, find_model
from fastnst.inference.engines import Engine
from fastnst.inference.graphs import GraphStylizer
from fastnst.inference.stylizer import Stylizer


def load(
    model: str | os.PathLike[str] | None = None,
    device: str | None = None,
    precision: Precision | None = None,
    engine: Engine = "auto",
    style: Style | None = None,
    strength: float = 1.0,
) -> Stylizer:
    """Load a trained network, and choose one of its styles.

    Args:
        model: Name of a bundled style, a ``style.safetensors`` as written by training, or a ``style.onnx`` as
            written by :meth:`Stylizer.export`, or ``hf://USER/NAME``; a file takes precedence over a name.
            ``"shared"`` is the network that paints in the style of any picture, and the default where ``style`` is a
            picture.
        device: ``cuda``, ``mps`` or ``cpu``; the best there is by default.
        precision: ``float32`` or ``bfloat16``, see :class:`Stylizer`.
        engine: ``auto``, ``torch``, ``onnx`` or ``openvino``, see :class:`Stylizer`.
        style: What to paint in, see :meth:`Stylizer.styled`; to be chosen later by default, where there are several.
        strength: 0 for the photograph as it is, 1 for all of the style, see :meth:`Stylizer.styled`.

    Raises:
        CheckpointError: The file cannot be used as a checkpoint.
        ConfigError: No such model or style, no such device, or the engine is not available on it.
        ImageError: The style picture cannot be read.

    Example:
        >>> fastnst.load("gallery", style={"udnie": 1, "starry_night": 3})("holiday.jpg").save("painted.png")
        >>> fastnst.load(style="painting.jpg", strength=0.8)("holiday.jpg").save("painted.png")
    """
    file, style = find_model(model, style)
    if file.suffix == ".pt2":  # loading one can run what is written in it
        raise CheckpointError(f"{file}: a program for torch.export.load; paint with the .safetensors, or a .onnx")
    if file.suffix == ".onnx":
        stylizer: Stylizer = GraphStylizer(file, device, precision, engine)
    else:
        stylizer = Stylizer(*load_checkpoint(file), device, precision, engine)
    stylizer.file = file
    return stylizer if style is None and strength == 1 else stylizer.styled(style, strength)
