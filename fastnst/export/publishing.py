"""Write a network for other programs, once it is known to paint what torch paints."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fastnst.atomic import replacing
from fastnst.errors import ConfigError
from fastnst.export.check import check, compare
from fastnst.export.notes import Notes
from fastnst.export.runtime import Pixels, Runner
from fastnst.networks import TransformationNetwork

FORMATS = (".onnx", ".pt2")


def check_request(path: Path, quantize: str | None) -> None:
    """Refuse, before any work, what cannot be written.

    Raises:
        ConfigError: Another format, a program that is not float32, or ONNX Runtime is not installed.
    """
    if path.suffix.lower() not in FORMATS:
        raise ConfigError(f"{path}: write {' or '.join(FORMATS)}")
    if path.suffix.lower() == ".pt2" and quantize:
        raise ConfigError(f"{path}: a program is written in float32; leave out {quantize}, or choose .onnx")
    missing = [name for name in ("onnx", "onnxruntime") if find_spec(name) is None]
    if path.suffix.lower() == ".onnx" and missing:
        raise ConfigError(
            f"{' and '.join(missing)} not installed, which make and check an export; pip install 'fastnst[onnx]'"
        )


def publish(network: TransformationNetwork, path: Path, notes: Notes) -> Notes:
    """Write a network as a graph for ONNX Runtime (``.onnx``) or a program for torch (``.pt2``).

    What is written takes and gives pixels ``(N, H, W, 3)`` of any N, H and W; see
    :func:`~fastnst.export.onnx.build_graph`. It is compared with torch before, at five sizes.

    Args:
        network: In float32, on the CPU.
        path: Where to.
        notes: What the file says of itself; ``pixels`` and ``precision`` say how it is written.

    Returns:
        The notes with what the comparison found, as they are in the file.

    Raises:
        ConfigError: As :func:`check_request`.
        ExportError: It paints something else than torch; nothing was written.
        OSError: The folder cannot be written.
    """
    check_request(path, None if notes.precision == "float32" else notes.precision)
    make = _graph if path.suffix.lower() == ".onnx" else _program
    made = make(network, notes)
    done = _checked(made, network, notes)
    with replacing(path) as temporary:
        temporary.write_bytes(made.finish(done))
    return done


def browser_graph(network: TransformationNetwork, notes: Notes) -> bytes:
    """Return the file of a graph that takes and gives statistics, once it is known to paint what torch paints.

    Pixels are float32, so that a reduced picture, whose statistics tiles use, need not be rounded. It is compared in
    8 bits, as a page shows it.

    Args:
        network: In float32, on the CPU.
        notes: What the file says of itself, apart from its pixels.

    Raises:
        ConfigError: onnx or ONNX Runtime is not installed.
        ExportError: It paints something else than torch.
    """
    check_request(Path("graph.onnx"), None)
    made = _graph(network, replace(notes, pixels="float32"), held=True)
    return made.finish(_checked(made, network, replace(notes, pixels="uint8"), "float32"))


def _checked(made: "Made", network: TransformationNetwork, notes: Notes, pixels: Pixels | None = None) -> Notes:
    difference = compare(made.run, network, notes.pixels, made.other)
    notes = replace(notes, pixels=pixels or notes.pixels)
    check(difference, notes.precision)
    return replace(notes, difference=difference | {"checked_with": made.tool})


@dataclass(frozen=True)
class Made:
    """An export: what runs it and by which tool, what makes the file of it, and the network in its numbers."""

    run: Runner
    tool: str
    finish: Callable[[Notes], bytes]
    other: TransformationNetwork | None = None


def _graph(network: TransformationNetwork, notes: Notes, held: bool = False) -> Made:
    from onnx import helper

    from fastnst.export.onnx import build_graph
    from fastnst.export.quantize import byte_graph, half_graph, halved
    from fastnst.export.runtime import onnx_runner

    build = {"float32": build_graph, "fp16": half_graph, "int8": byte_graph}[notes.precision]
    model = build_graph(network, notes.pixels, held) if held else build(network, notes.pixels)

    def finish(done: Notes) -> bytes:
        helper.set_model_props(model, done.as_strings())
        model.producer_name, model.producer_version = "fastnst", done.fastnst_version
        return bytes(model.SerializeToString(deterministic=True))

    other = halved(network) if notes.precision == "fp16" else None
    run, tool = onnx_runner(model.SerializeToString()), f"onnxruntime {version('onnxruntime')}"
    return Made(_on_a_page(model, run) if held else run, tool, finish, other)


def _on_a_page(model: Any, run: Runner) -> Runner:
    """Run a graph as a page does: 8 bits in and out, with the statistics of each picture."""
    size = next(x for x in model.graph.input if x.name == "statistics").type.tensor_type.shape.dim[1].dim_value
    nothing = {"statistics": np.zeros((1, size), np.float32), "held": np.array(0, np.float32)}

    def paint(feeds: Mapping[str, np.ndarray]) -> np.ndarray:
        painted = run({**feeds, **nothing, "images": feeds["images"].astype(np.float32) / 255})
        levels: np.ndarray = np.floor(255 * painted + 0.5)
        return levels

    return paint


def _program(network: TransformationNetwork, notes: Notes) -> Made:
    from fastnst.export.program import build_program, program_bytes, run_program

    program = build_program(network, notes.pixels)
    run = run_program(program_bytes(program))
    return Made(run, f"torch {torch.__version__}", lambda done: program_bytes(program, done))
