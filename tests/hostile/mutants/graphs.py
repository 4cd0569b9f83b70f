"""Exported styles as ONNX: damaged, with operators that no style has, with numbers that take any amount of memory."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mutants.case import Case, Ground, Rng, one_of
from mutants.damage import damaged, with_wrong_values, wrong_value

Made = tuple[str, bytes]


@cache
def exported(model: Path) -> bytes:
    """Export a style, once."""
    from fastnst.inference import load

    path = model.with_suffix(".onnx")
    load(model, "cpu", "float32").export(path)
    return path.read_bytes()


def by_chance(data: bytes, rng: Rng) -> Made:
    return damaged(data, rng)


def changed(change: Callable[[Any, Rng], str]) -> Callable[[bytes, Rng], Made]:
    def make(data: bytes, rng: Rng) -> Made:
        import onnx

        model = onnx.load_model_from_string(data)
        what = change(model, rng)
        return what, model.SerializeToString()

    return make


def notes(model: Any, rng: Rng) -> str:
    import json

    told = {item.key: item.value for item in model.metadata_props}
    key = list(told)[int(rng.integers(len(told)))]
    how = int(rng.integers(3))
    if how == 0:
        del told[key]
    elif how == 1:
        try:
            _, value = with_wrong_values(json.loads(told[key]), rng)
            told[key] = json.dumps(value)
        except ValueError:
            told[key] = str(wrong_value(rng)).encode(errors="replace").decode()
    else:
        told[key] = "[" * int(rng.choice([1, 50_000]))
    del model.metadata_props[:]
    for name, value in told.items():
        item = model.metadata_props.add()
        item.key, item.value = name, value
    return f"notes: {key}"


def constants(model: Any, rng: Rng) -> str:
    """Change whole numbers, such as sizes of borders, or fractions, such as factors of sizes."""
    from onnx import numpy_helper

    tensors = [tensor for tensor in model.graph.initializer if np.prod(tensor.dims) <= 64]
    tensor = tensors[int(rng.integers(len(tensors)))]
    values = numpy_helper.to_array(tensor).copy()
    wrong = (
        rng.choice([0, -1, 7, 1000, 10**5, 2**31])
        if values.dtype.kind in "iu"
        else rng.choice([0, -1, 1e3, 1e6, np.nan, np.inf])
    )
    flat = values.reshape(-1)
    if flat.size:
        flat[int(rng.integers(flat.size))] = np.asarray(wrong).astype(values.dtype)
    tensor.CopyFrom(numpy_helper.from_array(flat.reshape(values.shape), tensor.name))
    return f"constant {tensor.name}: {wrong}"


def nodes(model: Any, rng: Rng) -> str:
    node = model.graph.node[int(rng.integers(len(model.graph.node)))]
    how = int(rng.integers(5))
    if how == 0:
        node.op_type = str(
            one_of(
                rng,
                "Loop",
                "If",
                "Scan",
                "Tile",
                "Expand",
                "ConstantOfShape",
                "Relu",
                "Add",
                "Nothing",
                "Resize",
                "Pad",
            )
        )
    elif how == 1:
        node.domain = "com.microsoft"
    elif how == 2 and node.input:
        node.input[0] = str(one_of(rng, node.output[0], "nothing", "images"))
    elif how == 3:
        model.graph.node.remove(node)
    else:
        for attribute in node.attribute:
            attribute.i = int(rng.choice([0, -1, 10**6]))
            attribute.ints[:] = [int(rng.choice([0, -1, 3, 10**6]))] * len(attribute.ints)
    return f"node {node.op_type}"


def outside(model: Any, rng: Rng) -> str:
    """Keep weights in another file."""
    tensor = model.graph.initializer[0]
    tensor.data_location = 1
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", str(one_of(rng, "/etc/passwd", "../../x", "weights.bin"))
    return "weights elsewhere"


def opset(model: Any, rng: Rng) -> str:
    model.ir_version = int(rng.choice([0, 3, 99, 2**31 - 1]))
    model.opset_import[0].version = int(rng.choice([0, 1, 7, 99, 2**31 - 1]))
    return "versions"


def inputs(model: Any, rng: Rng) -> str:
    given = model.graph.input[0]
    if rng.random() < 0.3:
        del model.graph.input[:]
        return "no inputs"
    if rng.random() < 0.5:
        given.name = "pictures"
    for dim in given.type.tensor_type.shape.dim:
        if rng.random() < 0.5:
            dim.dim_value = int(rng.choice([0, -1, 5, 2**40]))
    return "inputs"


WAYS = (
    by_chance,
    by_chance,
    *map(changed, (notes, notes, constants, constants, constants, nodes, nodes, outside, opset, inputs)),
)


def make(rng: Rng, ground: Ground) -> Case:
    """Make a bad graph, and have it paint or imported."""
    several = rng.random() < 0.3
    data = exported(ground.gallery if several else ground.model)
    what, bad = WAYS[int(rng.integers(len(WAYS)))](data, rng)
    if rng.random() < 0.15:
        return Case(
            f"{what} (import)", "bad.onnx", bad, ("import", "{file}", "--out", "{out}", "--quiet"), "made.safetensors"
        )
    style = ("--style", "starry") if several and rng.random() < 0.8 else ()
    words = ("stylize", str(ground.photo), "--model", "{file}", *style, "--quiet", "--out", "{out}")
    return Case(what, "bad.onnx", bad, words, "painted.png")
