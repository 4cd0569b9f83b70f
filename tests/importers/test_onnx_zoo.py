import struct
from contextlib import suppress

import numpy as np
import pytest
import torch.nn.functional as F
from torch import nn

from fastnst.importers import ImportFileError, ImportJob, run

WIDTH = 8


def varint(value):
    value, out = value % 2**64, bytearray()
    while value > 127:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def message(*fields):
    """Write a message of protobuf from pairs of a field's number and its value."""
    data = b""
    for number, value in fields:
        if isinstance(value, int):
            data += varint(number << 3) + varint(value)
        elif isinstance(value, float):
            data += varint(number << 3 | 5) + struct.pack("<f", value)
        else:
            value = value.encode() if isinstance(value, str) else value
            data += varint(number << 3 | 2) + varint(len(value)) + value
    return data


def tensor(name, values, half=False):
    """``TensorProto``; small ones list their numbers, as some exporters do."""
    values = np.asarray(values)
    head = [(1, side) for side in values.shape] + [(8, name)]
    if values.dtype.kind == "i":
        return message(*head, (2, 7), (7, b"".join(varint(int(value)) for value in values.ravel())))
    if half:
        return message(*head, (2, 10), (9, values.astype("<f2").tobytes()))
    if values.size < 9:
        return message(*head, (2, 1), (4, values.astype("<f4").tobytes()))
    return message(*head, (2, 1), (9, values.astype("<f4").tobytes()))


def attribute(name, value):
    if isinstance(value, bytes):  # a tensor
        return message((1, name), (5, value), (20, 4))
    kinds = {int: (3, 2), float: (2, 1), str: (4, 3)}
    if isinstance(value, list):
        return message((1, name), *((8, number) for number in value), (20, 7))
    field, kind = kinds[type(value)]
    return message((1, name), (field, value), (20, kind))


class Export:
    """Write a graph node by node, as torch's exporter did for the zoo, or since opset 11."""

    def __init__(self, opset, half=False):
        self.nodes, self.tensors, self.opset, self.half, self.count = [], [], opset, half, 0

    def node(self, kind, *inputs, **attributes):
        self.count += 1
        out = f"value{self.count}"
        named = [(5, attribute(name, value)) for name, value in attributes.items()]
        self.nodes.append(message(*((1, name) for name in inputs), (2, out), (4, kind), *named))
        return out

    def weight(self, name, value):
        self.tensors.append(tensor(name, value.detach().numpy(), self.half))
        return name

    def pad(self, x, n):
        if self.opset < 11:
            return self.node("Pad", x, mode="reflect", pads=[0, 0, n, n, 0, 0, n, n])
        computed = self.node("Cast", self.node("Constant", value=tensor("", np.array([n]))), to=7)
        return self.node("Pad", x, computed, mode="reflect")

    def conv(self, x, name, conv, n):
        x = self.pad(x, n)
        k, s = conv.kernel_size[0], conv.stride[0]
        names = self.weight(f"{name}.weight", conv.weight), self.weight(f"{name}.bias", conv.bias)
        return self.node(
            "Conv", x, *names, dilations=[1, 1], group=1, kernel_shape=[k, k], pads=[0] * 4, strides=[s, s]
        )

    def norm(self, x, name, norm):
        names = self.weight(f"{name}.weight", norm.weight), self.weight(f"{name}.bias", norm.bias)
        return self.node("InstanceNormalization", x, *names, epsilon=1e-5)

    def up(self, x):
        scales = self.node("Constant", value=tensor("", np.array([1.0, 1.0, 2.0, 2.0])))
        if self.opset < 11:
            return self.node("Upsample", x, scales, mode="nearest")
        sizes = self.node("Mul", self.node("Shape", x), scales)
        return self.node("Resize", x, "", "", sizes, mode="nearest", coordinate_transformation_mode="asymmetric")

    def write(self, path, out):
        value = [(number, message((1, name))) for number, name in ((11, "input1"), (12, out))]
        graph = message(
            *((1, node) for node in self.nodes), (2, "torch-jit-export"), *((5, t) for t in self.tensors), *value
        )
        path.write_bytes(message((1, 4), (2, "pytorch"), (7, graph), (8, message((2, self.opset)))))
        return path


class Net(nn.Module):
    """A small network like that of pytorch/examples, or of yakhyo, with two skips."""

    def __init__(self, times=1):
        super().__init__()
        w, self.times = WIDTH, times
        self.convs = nn.ModuleList(
            nn.Conv2d(*sizes)
            for sizes in ((3, w, 9), (w, 16, 3, 2), (16, 16, 3), (16, 16, 3), (16, 16, 3), (16, 16, 3), (16, w, 3))
        )
        self.norms = nn.ModuleList(nn.InstanceNorm2d(conv.out_channels, affine=True) for conv in self.convs)
        self.last = nn.Conv2d(w, 3, 9)

    def forward(self, x):
        def stage(x, number):
            conv = self.convs[number]
            return self.norms[number](conv(F.pad(x, (conv.kernel_size[0] // 2,) * 4, mode="reflect")))

        x = F.relu(stage(F.relu(stage(x, 0)), 1))
        for number in (2, 4):
            x = stage(F.relu(stage(x, number)), number + 1) + self.times * x
        x = F.relu(stage(F.interpolate(x, scale_factor=2), 6))
        return self.last(F.pad(x, (4,) * 4, mode="reflect"))

    def export(self, path, opset, half=False):
        write, x = Export(opset, half), "input1"

        def stage(x, number, relu=True):
            conv = self.convs[number]
            x = write.norm(
                write.conv(x, f"c{number}", conv, conv.kernel_size[0] // 2), f"n{number}", self.norms[number]
            )
            return write.node("Relu", x) if relu else x

        x = stage(stage(x, 0), 1)
        for number in (2, 4):
            skip, x = x, stage(stage(x, number), number + 1, relu=False)
            for _ in range(self.times):
                x = write.node("Add", x, skip) if self.times > 1 else write.node("Add", skip, x)
        return write.write(path, write.conv(stage(write.up(x), 6), "last", self.last, 4))


@pytest.mark.parametrize(("opset", "times"), [(8, 1), (9, 1), (9, 2), (11, 1)])
def test_a_graph_paints_as_the_network_it_was_exported_from(tmp_path, agrees, paintable, in_bytes, opset, times):
    network = paintable(Net(times), 90, 120)
    path = network.export(tmp_path / "mosaic.onnx", opset)
    assert agrees(path, lambda photo: in_bytes(photo, network)).startswith("ONNX")


def test_half_precision_is_read(tmp_path, agrees, paintable, in_bytes):
    network = paintable(Net(), 90, 120)
    for parameter in network.parameters():
        parameter.data = parameter.data.half().float()
    agrees(network.export(tmp_path / "a.onnx", 9, half=True), lambda photo: in_bytes(photo, network))


def test_other_operations_are_named(tmp_path):
    write = Export(9)
    out = write.node("MaxPool", "input1", kernel_shape=[2, 2])
    with pytest.raises(ImportFileError, match="ONNX model zoo.* it has an operation MaxPool"):
        run(ImportJob(str(write.write(tmp_path / "a.onnx", out))))


def test_damaged_graphs_are_one_line(tmp_path):
    whole, rng = Net().export(tmp_path / "a.onnx", 9).read_bytes(), np.random.default_rng(1)
    for _ in range(25):
        changed = bytearray(whole)
        changed[rng.integers(2000)] = rng.integers(256)
        (tmp_path / "changed.onnx").write_bytes(changed)
        with suppress(ImportFileError):  # a changed weight is not noticed
            run(ImportJob(str(tmp_path / "changed.onnx")))
    for place in [*np.random.default_rng(0).integers(2, len(whole), 20), 2, 3]:
        (tmp_path / "cut.onnx").write_bytes(whole[:place])
        with pytest.raises(ImportFileError, match=r"cut\.onnx"):
            run(ImportJob(str(tmp_path / "cut.onnx")))
