"""Weights of other programs and of runs: pickles that would run code, tensors that lie about their size, bombs."""

import io
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np
import torch
from safetensors.torch import save

from mutants.case import Case, Ground, Rng, one_of
from mutants.damage import EXTREMES, damaged, wrong_value
from mutants.styles import other_types, parts
from mutants.trial import CANARY

Made = tuple[str, bytes]


@cache
def network() -> Mapping[str, torch.Tensor]:
    """A network as pytorch/examples names it, of few channels."""
    state: dict[str, torch.Tensor] = {}

    def conv(name: str, inside: int, channels: int, kernel: int) -> None:
        state[f"{name}.weight"], state[f"{name}.bias"] = (
            torch.randn(channels, inside, kernel, kernel),
            torch.zeros(channels),
        )

    def norm(name: str, channels: int) -> None:
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.ones(channels), torch.zeros(channels)

    for number, (inside, channels, kernel) in enumerate(((3, 4, 9), (4, 8, 3), (8, 16, 3)), 1):
        conv(f"conv{number}.conv2d", inside, channels, kernel)
        norm(f"in{number}", channels)
    for part in ("1", "2"):
        conv(f"res1.conv{part}.conv2d", 16, 16, 3)
        norm(f"res1.in{part}", 16)
    for number, (inside, channels, kernel) in enumerate(((16, 8, 3), (8, 4, 3), (4, 3, 9)), 1):
        conv(f"deconv{number}.conv2d", inside, channels, kernel)
        if number < 3:
            norm(f"in{number + 3}", channels)
    return OrderedDict(state)


def saved(thing: Any, zipped: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(thing, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


class Runs:
    """Unpickled, writes a file by a shell."""

    def __reduce__(self) -> Any:
        return os.system, (f"touch {CANARY}",)


class Evaluates:
    """Unpickled, writes a file by Python."""

    def __reduce__(self) -> Any:
        return eval, (f"open({CANARY!r}, 'w')",)


def code(rng: Rng) -> Made:
    """A pickle that runs code, in several wrappings."""
    thing: Any = one_of(rng, Runs(), Evaluates())
    thing = (
        {"state_dict": thing} if rng.random() < 0.3 else dict(network()) | {"x": thing} if rng.random() < 0.5 else thing
    )
    plain = f"cos\nsystem\n(S'touch {CANARY}'\ntR.".encode()
    how = int(rng.integers(4))
    if how == 0:
        return "pickle that runs code", saved(thing)
    if how == 1:
        return "old pickle that runs code", saved(thing, zipped=False)
    if how == 2:
        return "bare pickle that runs code", one_of(rng, plain, pickle.dumps(thing))  # type: ignore[return-value]
    array = io.BytesIO()
    np.savez(array, Variable=np.array([thing], dtype=object))
    return "array of objects that run code", array.getvalue()


def strange_tensors(rng: Rng) -> Made:
    """Tensors that are larger than what is stored of them, or of a kind that no network has."""
    state = dict(network())
    side = int(rng.choice([10**4, 10**5, 10**6]))
    choices: dict[str, Callable[[], Any]] = {
        "one number, repeated": lambda: torch.zeros(1).expand(side, side),
        "one filter, repeated": lambda: torch.zeros(1, 1, 1, 1).expand(side, 3, 9, 9),
        "overlapping": lambda: torch.zeros(100).as_strided((50, 50), (1, 1)),
        "sparse": lambda: torch.sparse_coo_tensor(torch.zeros(2, 0, dtype=torch.long), torch.zeros(0), (side, side)),
        "compressed rows": lambda: torch.zeros(4, 4).to_sparse_csr(),
        "quantized": lambda: torch.quantize_per_tensor(torch.zeros(4, 3, 9, 9), 0.1, 0, torch.qint8),
        "without memory": lambda: torch.empty(side, side, device="meta"),
        "of no dimension": lambda: torch.tensor(1.0),
        "complex": lambda: torch.zeros(4, 3, 9, 9, dtype=torch.complex64),
        "NaN": lambda: torch.full((4, 3, 9, 9), float("nan")),
        "whole numbers": lambda: torch.zeros(4, 3, 9, 9, dtype=torch.int64),
        "parameter": lambda: torch.nn.Parameter(torch.zeros(4, 3, 9, 9)),
        "no tensor": lambda: wrong_value(rng),
        "of other size": lambda: torch.zeros(int(rng.integers(0, 9)), int(rng.integers(0, 9)), 3, 3),
    }
    name = list(choices)[int(rng.integers(len(choices)))]
    key = "conv1.conv2d.weight" if rng.random() < 0.6 else list(state)[int(rng.integers(len(state)))]
    try:
        state[key] = choices[name]()
        return f"{key}: {name}", saved(state, zipped=rng.random() < 0.7)
    except (RuntimeError, NotImplementedError, UnicodeEncodeError):  # this torch does not save it
        return f"{key}: gone", saved({k: v for k, v in state.items() if k != key})


def other_contents(rng: Rng) -> Made:
    """Plain data that is no state of a network."""
    things = (
        lambda: None,
        lambda: 5,
        lambda: "text",
        list,
        dict,
        lambda: [network()],
        lambda: torch.zeros(3),
        lambda: {"model": network(), "epoch": 3},
        lambda: {"a": {"b": {"c": {"d": network()}}}},
        lambda: {1: torch.zeros(2)},
        lambda: {f"k{i}": torch.zeros(1) for i in range(3000)},
        lambda: {"module." * 2000 + "x": torch.zeros(1, 1, 1, 1)},
        lambda: {"conv1.conv2d.weight\n\x1b[31m": torch.zeros(4, 3, 9, 9)},
        lambda: {"": torch.zeros(1, 1, 1, 1)},
        lambda: {None: torch.zeros(1, 1, 1, 1)},
        lambda: {("a", 1): torch.zeros(1, 1, 1, 1)},
    )
    return "other contents", saved(things[int(rng.integers(len(things)))]())


def lying_zip(rng: Rng) -> Made:
    """A zip whose members unpack to more than any machine has, or whose pickle names sizes that are not there."""
    source, made = zipfile.ZipFile(io.BytesIO(saved(dict(network())))), io.BytesIO()
    how = int(rng.integers(3))
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED if how else zipfile.ZIP_STORED) as target:
        for member in source.namelist():
            data = source.read(member)
            if how == 0 and member.endswith(".pkl"):
                data = data.replace(b"K\x04K\x03K\x09K\x09", b"K\xffK\xffK\xffK\xff", 1)
            if how == 1 and member.endswith("/data/0"):
                data = bytes(int(rng.choice([10**7, 3 * 10**8])))
            target.writestr(member, data)
    return ("sizes in the pickle lie", "zip bomb", "compressed zip")[how], made.getvalue()


def arrays(rng: Rng) -> Made:
    """Arrays of NumPy: bombs, lying headers, other kinds of numbers."""
    made, how = io.BytesIO(), int(rng.integers(4))
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target:
        for number in range(int(rng.choice([1, 48]))):
            shape = one_of(rng, (9, 9, 3, 4), (3, 3, 4, 8), (0,), (1, 2**40), (2**62, 2), (-1, 3), (4,))
            kind = one_of(rng, "<f4", "<f8", "<f2", "<i8", "|b1", "<c16", "|S5", "<U9", ">f4", "|V8", "<M8[s]")
            text = f"{{'descr': {kind!r}, 'fortran_order': {rng.random() < 0.2}, 'shape': {shape}, }}"
            head = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) + 1) + text.encode() + b"\n"
            body = bytes(3 * 10**8) if how == 0 and number == 0 else bytes(int(rng.choice([0, 100, 3888, 10**5])))
            target.writestr(f"Variable{f'_{number}' if number else ''}.npy", head + body)
    return "arrays that lie", made.getvalue()


class Torch7:
    """Write what Torch7 writes."""

    def __init__(self) -> None:
        self.data, self.index = bytearray(), 0

    def put(self, layout: str, *numbers: int) -> None:
        self.data += struct.pack("<" + layout, *numbers)

    def text(self, text: str) -> None:
        self.put("i", len(text))
        self.data += text.encode()

    def object(self, kind: str) -> None:
        self.index += 1
        self.put("ii", 4, self.index)
        self.text("V 1")
        self.text(kind)

    def table(self, count: int) -> None:
        self.index += 1
        self.put("iii", 3, self.index, count)

    def tensor(self, size: list[int], stride: list[int], storage: int = 0) -> None:
        """Write a tensor; with the index of a storage that was written, one of its numbers."""
        self.object("torch.FloatTensor")
        self.put(f"i{2 * len(size)}qq", len(size), *size, *stride, 1)
        if storage:
            self.put("ii", 4, storage)
        else:
            self.object("torch.FloatStorage")
            self.put("q", 10_000)
            self.data += bytes(40_000)


def torch7(rng: Rng) -> Made:
    """A Torch7 file: tensors that share numbers, tables in circles, sizes that lie."""
    file, how = Torch7(), int(rng.integers(5))
    if how == 0:
        count = int(rng.choice([10, 5000]))
        file.table(count)
        for number in range(count):
            file.put("i", 2)
            file.text(f"k{number}")
            file.tensor([100, 100], [100, 1], 3 if number else 0)
    elif how == 1:
        file.tensor(
            [EXTREMES[int(i)] for i in rng.integers(0, 9, 2)], [EXTREMES[int(i)] for i in rng.integers(0, 9, 2)]
        )
    elif how == 2:
        for _ in range(int(rng.choice([50, 100_000]))):
            file.table(1)
            file.put("id", 1, 1)
    elif how == 3:
        file.table(2**31 - 1)
    else:
        file.object("nn.Sequential")
        file.table(1)
        file.put("i", 2)
        file.text("modules")
        file.table(2)
        for number in (1, 2):
            file.put("id", 1, number)
            file.object("nn.SpatialConvolution" if number == 1 else "nn.Identity")
            file.put("ii", 3, 1 if rng.random() < 0.5 else 99)
            file.put("i", int(rng.choice([0, 1, 5])))
    return "Torch7", damaged(bytes(file.data), rng)[1] if rng.random() < 0.3 else bytes(file.data)


def protobuf(*fields: tuple[int, Any]) -> bytes:
    """Write a message of protobuf."""
    data = b""
    for number, value in fields:
        body = varint(value) if isinstance(value, int) else varint(len(value)) + value
        data += varint(number << 3 | (0 if isinstance(value, int) else 2)) + body
    return data


def varint(value: int) -> bytes:
    value, out = value % 2**64, bytearray()
    while value > 127:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def graph(rng: Rng) -> Made:
    """An ONNX graph of a network, whose tensors lie, or that is cut off."""
    sizes = [
        [int(rng.choice([3, 4, 9, 0, 2**31, 2**62])) for _ in range(4)] if rng.random() < 0.3 else [4, 3, 9, 9]
        for _ in range(3)
    ]
    tensors = [
        protobuf(
            *((1, side) for side in size),
            (2, int(rng.choice([1, 7, 10, 11, 99]))),
            (8, b"w%d" % number),
            (9, bytes(3888)),
        )
        for number, size in enumerate(sizes)
    ]
    nodes = [
        protobuf(
            (1, b"x"), (1, b"w%d" % number), (2, b"x"), (4, kind), (5, protobuf((1, b"pads"), *((8, 4),) * 4, (20, 7)))
        )
        for number, kind in enumerate((b"Conv", b"Pad", b"Relu"))
    ]
    body = protobuf(
        *((1, node) for node in nodes),
        *((5, tensor) for tensor in tensors),
        (11, protobuf((1, b"x"))),
        (12, protobuf((1, b"x"))),
    )
    data = protobuf((1, 8), (7, body))
    return "ONNX", damaged(data, rng)[1] if rng.random() < 0.6 else data


def by_chance(rng: Rng) -> Made:
    how, data = damaged(saved(dict(network()), zipped=rng.random() < 0.5), rng)
    return how, data


IMPORTED: tuple[Callable[[Rng], Made], ...] = (
    *(code, code, strange_tensors, strange_tensors, other_contents, lying_zip, arrays, torch7, torch7, graph, graph),
    *(by_chance, by_chance, by_chance),
)


def make(rng: Rng, ground: Ground) -> Case:
    """Make bad weights, and choose what reads them."""
    chance = rng.random()
    if chance < 0.6:
        what, data = IMPORTED[int(rng.integers(len(IMPORTED)))](rng)
        words = ("import", "{file}", "--out", "{out}", "--quiet")
        suffix = str(one_of(rng, ".pth", ".model", ".onnx", ".t7", ".npz", ".pt"))
        return Case(f"{what} (import)", f"bad{suffix}", data, words, "made.safetensors")
    if chance < 0.8:
        return _backbone(rng, ground)
    return _run(rng)


def _backbone(rng: Rng, ground: Ground) -> Case:
    """Use bad weights for what judges paintings."""
    if rng.random() < 0.4:
        suffix, data = ".safetensors", ground.weights.read_bytes()
        what, data = damaged(data, rng) if rng.random() < 0.5 else other_types(data, rng)
    else:
        suffix = ".pth"
        ways = (code, strange_tensors, other_contents, lying_zip, by_chance)
        what, data = ways[int(rng.integers(len(ways)))](rng)
    words = (
        *("optimize", "--content", str(ground.photo), "--style", str(ground.photo), "--size", "32", "--steps", "1"),
        *("--style_size", "32", "--backbone", "vgg19", "--content_layers", "relu2_1", "--style_layers", "relu1_1"),
        *("--weights", "{file}", "--out", "{out}", "--quiet"),
    )
    return Case(f"{what} (backbone)", f"bad{suffix}", data, words, "painted.png")


def _run(rng: Rng) -> Case:
    """Ask for what a file of an interrupted run says."""
    if rng.random() < 0.5:
        data = saved({"global_step": 5, "fastnst": {"network": {"name": "lite"}}, "state_dict": dict(network())})
        what, data = damaged(data, rng) if rng.random() < 0.5 else one_of(rng, code, other_contents, lying_zip)(rng)  # type: ignore[operator]
        return Case(f"{what} (run)", "bad.ckpt", data, ("info", "{file}"))
    header = {"run": json.dumps({"step": 3}), "settings": json.dumps({"size": 512})}
    data = save({"position": torch.zeros(12), "average": torch.zeros(12), "best": torch.zeros(12)}, header)
    what, data = damaged(data, rng) if rng.random() < 0.6 else other_types(data, rng)
    if rng.random() < 0.3:
        told, numbers = parts(save({"position": torch.zeros(1)}, header))
        told["__metadata__"][str(one_of(rng, "run", "settings"))] = str(
            one_of(rng, "[", "null", "[" * 50_000, "5", "{}")
        )
        text = json.dumps(told).encode()
        what, data = "settings that lie", struct.pack("<Q", len(text)) + text + numbers
    return Case(f"{what} (resume)", "bad.resume", data, ("info", "{file}"))
