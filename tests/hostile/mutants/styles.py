"""Trained styles: truncated, of other types, with headers that lie, with weights that are no numbers."""

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from mutants.case import Case, Ground, Rng, one_of
from mutants.damage import EXTREMES, damaged, with_wrong_values, wrong_value

Made = tuple[str, bytes]

LAYERS = [
    "pad reflect 4",
    "conv 4 9 1",
    "norm 1e-5",
    "relu",
    "keep 0",
    "pad zeros 1",
    "conv 4 3 1",
    "add 1",
    "conv 3 1 1",
]


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Split a safetensors file into its header and the numbers."""
    (length,) = struct.unpack_from("<Q", data)
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def joined(header: Any, numbers: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + numbers


def lying_metadata(data: bytes, rng: Rng) -> Made:
    """Say something else of network, styles and training."""
    header, numbers = parts(data)
    told = json.loads(header["__metadata__"]["fastnst"])
    what, told = with_wrong_values(told, rng)
    header["__metadata__"]["fastnst"] = json.dumps(told)
    return f"metadata: {what}", joined(header, numbers)


def lying_network(data: bytes, rng: Rng) -> Made:
    """Name another network, or one of another size."""
    header, numbers = parts(data)
    told = json.loads(header["__metadata__"]["fastnst"])
    name = str(one_of(rng, "johnson", "lite", "lite1", "hrnet", "foreign", told["network"]["name"]))
    sizes = {"johnson": ("width", "blocks"), "hrnet": ()}.get(
        name, ("width", "blocks", "detail", "deep", "deep_blocks")
    )
    config = {key: int(rng.choice([0, 1, 4, 64, 4096, 10**6, 10**9, 2**62])) for key in sizes if rng.random() < 0.8}
    if name == "foreign":
        config = {"layers": foreign_layers(rng)}
    told["network"] = {"name": name, "config": config}
    header["__metadata__"]["fastnst"] = json.dumps(told)
    return f"network: {name} {str(config)[:60]}", joined(header, numbers)


def foreign_layers(rng: Rng) -> list[Any]:
    """Layers of a network of another program, that ask for much."""
    huge = str(int(rng.choice([10**3, 10**5, 10**9, 2**40])))
    words = [
        f"conv {huge} 3 1",
        f"conv 4 {huge} 1",
        f"conv 4 3 {huge}",
        f"pad zeros {huge}",
        f"up {huge}",
        f"median {huge}",
    ]
    words += [
        f"crop {huge}",
        f"keep {huge}",
        f"add {huge}",
        "keep 0",
        "add 1",
        "norm nan",
        "tanh inf",
        "",
        "deconv 4 3 2 1 1",
    ]
    words += [f"deconv 4 {huge} {huge} 0 0", "conv", "conv x y z", "pad reflect 4 4", "norm -1", "up 0", "relu relu"]
    how = int(rng.integers(4))
    if how == 0:
        return (
            ["keep 0"] * int(rng.choice([10, 2000, 100_000]))
            + LAYERS
            + ["add 1"] * int(rng.choice([10, 2000, 100_000]))
        )
    if how == 1:
        return LAYERS[:4] * int(rng.choice([10, 1000, 50_000])) + LAYERS
    if how == 2:
        return [f"pad zeros {huge}", "conv 4 3 1", f"crop {huge}", "conv 3 3 1", "pad zeros 2"]
    layers: list[Any] = list(LAYERS)
    for _ in range(int(rng.integers(1, 4))):
        layers.insert(int(rng.integers(len(layers))), words[int(rng.integers(len(words)))])
    return layers


def other_types(data: bytes, rng: Rng) -> Made:
    """Change the type, the shape or the place of tensors."""
    header, numbers = parts(data)
    names = [name for name in header if name != "__metadata__"]
    for name in set(rng.choice(names, int(rng.integers(1, 3))).tolist()):
        entry = header[str(name)]
        how = int(rng.integers(6))
        if how == 0:
            entry["dtype"] = str(
                one_of(rng, "F64", "F16", "BF16", "I64", "I8", "U8", "BOOL", "F8_E5M2", "C64", "X", "")
            )
        elif how == 1:
            entry["shape"] = wrong_value(rng)
        elif how == 2:
            entry["data_offsets"] = [EXTREMES[int(i)] for i in rng.integers(0, 9, 2)]
        elif how == 3:
            entry["shape"] = [*entry["shape"], 1]
        elif how == 4:
            entry["shape"] = [0, 2**40]
        else:
            header[f"{name}x"] = header.pop(str(name))
    return "tensors of another type, shape or place", joined(header, numbers)


def consistent_types(data: bytes, rng: Rng) -> Made:
    """Write all tensors in another type, as a whole and sound file."""
    from safetensors.torch import load, save

    kinds = (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool, torch.float8_e5m2)
    kind = kinds[int(rng.integers(len(kinds)))]
    header, _ = parts(data)
    tensors = {name: value.to(kind) for name, value in load(data).items()}
    return f"all tensors {kind}", save(tensors, header["__metadata__"])


def no_numbers(data: bytes, rng: Rng) -> Made:
    """Put NaN, infinity, or numbers that overflow into a tensor, or add tensors that nobody asked for."""
    from safetensors.torch import load, save

    header, _ = parts(data)
    tensors = load(data)
    names = list(tensors)
    name = names[int(rng.integers(len(names)))]
    value = float(rng.choice([np.nan, np.inf, -np.inf, 1e30, -3e38, 0.0]))
    how = int(rng.integers(4))
    if how == 0:
        tensors[name] = torch.full_like(tensors[name], value)
    elif how == 1:
        tensors[name].view(-1)[0] = value
    elif how == 2:
        tensors |= {f"more.{i}": torch.zeros(0) for i in range(int(rng.choice([1, 5000])))}
    else:
        tensors["styles.codes"] = torch.zeros(int(rng.choice([0, 1, 3, 4000])), int(rng.choice([0, 5, 40])))
    return f"{name} {value:g}" if how < 2 else "more tensors", save(tensors, header["__metadata__"])


def huge_header(data: bytes, rng: Rng) -> Made:
    header, numbers = parts(data)
    how = int(rng.integers(5))
    if how == 0:
        return "header of 30 MB", joined(
            header | {"__metadata__": header["__metadata__"] | {"x": "y" * 30_000_000}}, numbers
        )
    if how == 1:
        size = int(rng.choice([2**62, 2**31, 10**8, len(data), 0]))
        return f"header says {size} bytes", struct.pack("<Q", size) + data[8:]
    if how == 2:
        return "metadata of many words", joined(
            header | {"__metadata__": {f"k{i}": "v" for i in range(200_000)}}, numbers
        )
    if how == 3:
        text = b'{"__metadata__":{"fastnst":"{}"},"__metadata__":{"fastnst":"[]"}}'
        return "two headers in one", struct.pack("<Q", len(text)) + text
    text = b"[" * 100_000
    return "header nested deep", struct.pack("<Q", len(text)) + text


def deep_metadata(data: bytes, rng: Rng) -> Made:
    header, numbers = parts(data)
    text = one_of(
        rng,
        "[" * 100_000,
        '{"a":' * 50_000,
        '{"schema": 1e999}',
        '{"schema": ' + "9" * 5000 + "}",
        "null",
        "NaN",
        '"x"',
    )
    header["__metadata__"]["fastnst"] = text
    return f"metadata is {str(text)[:12]}", joined(header, numbers)


def by_chance(data: bytes, rng: Rng) -> Made:
    how, data = damaged(data, rng)
    return how, data


def another_file(data: bytes, rng: Rng) -> Made:
    """Another thing under the name of a style."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "x")
    choices = {
        "empty": b"",
        "page": b"<html>404 not found</html>",
        "pickle": pickle.dumps({"a": 1}),
        "zip": archive.getvalue(),
        "zeros": bytes(100_000),
        "seven bytes": data[:7],
        "random": rng.bytes(5000),
    }
    name = list(choices)[int(rng.integers(len(choices)))]
    return name, choices[name]


WAYS: tuple[Callable[[bytes, Rng], Made], ...] = (
    *(lying_metadata, lying_metadata, lying_metadata, lying_network, lying_network, lying_network, other_types),
    *(
        other_types,
        consistent_types,
        no_numbers,
        no_numbers,
        huge_header,
        deep_metadata,
        by_chance,
        by_chance,
        another_file,
    ),
)


def make(rng: Rng, ground: Ground) -> Case:
    """Make a bad style, and choose what it is used for."""
    several = rng.random() < 0.4
    data = (ground.gallery if several else ground.model).read_bytes()
    what, bad = WAYS[int(rng.integers(len(WAYS)))](data, rng)
    what = f"{'gallery' if several else 'model'}: {what}"
    chance = rng.random()
    if chance < 0.2:
        return Case(
            f"{what} (info)", "bad.safetensors", bad, ("info", "{file}", *(("--json",) if chance < 0.1 else ()))
        )
    if chance < 0.25:
        words = ("import", "{file}", "--out", "{out}", "--quiet")
        return Case(f"{what} (import)", "bad.safetensors", bad, words, "made.safetensors")
    words = ("stylize", str(ground.photo), "--model", "{file}", "--quiet", "--out", "{out}")
    style = ("--style", str(one_of(rng, "wave", "starry", str(ground.photo)))) if several and rng.random() < 0.8 else ()
    strength = ("--strength", "0.5") if several and rng.random() < 0.3 else ()
    return Case(what, "bad.safetensors", bad, (*words, *style, *strength), "painted.png")
