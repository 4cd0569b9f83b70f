import struct
from contextlib import suppress

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fastnst.importers import ImportFileError, ImportJob, run

WIDTH, BLOCKS = 8, 2
MEAN = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)


class Writer:
    """Write what Torch7's ``torch.save`` writes."""

    def __init__(self):
        self.data, self.index = bytearray(), 0

    def put(self, layout, *numbers):
        self.data += struct.pack("<" + layout, *numbers)

    def text(self, text):
        self.put("i", len(text))
        self.data += text.encode()

    def new(self, kind):
        self.index += 1
        self.put("ii", kind, self.index)

    def object(self, name):
        self.new(4)
        self.text("V 1")
        self.text(name)

    def value(self, value):
        if value is None:
            self.put("i", 0)
        elif isinstance(value, bool):
            self.put("ii", 5, value)
        elif isinstance(value, int | float):
            self.put("id", 1, value)
        elif isinstance(value, str):
            self.put("i", 2)
            self.text(value)
        elif isinstance(value, torch.Tensor):
            self.tensor(value)
        elif isinstance(value, dict):
            self.new(3)
            self.put("i", len(value))
            for key, item in value.items():
                self.value(key)
                self.value(item)
        elif isinstance(value, list):
            self.value(dict(enumerate(value, 1)))
        elif value is print:  # stands for a Lua function, compiled and with upvalues
            self.new(8)
            self.text("\x1bLJ code")
            self.value({})
        else:
            name, fields = value
            self.object(name)
            self.value(fields | {"train": False, "_type": "torch.FloatTensor", "output": torch.zeros(0)})

    def tensor(self, tensor):
        self.object("torch.FloatTensor")
        self.put(f"i{2 * tensor.dim()}qq", tensor.dim(), *tensor.shape, *tensor.stride(), 1)
        if tensor.numel() == 0:
            return self.put("i", 0)
        self.object("torch.FloatStorage")
        self.put("q", tensor.numel())
        self.data += tensor.detach().numpy().astype("<f4").tobytes()
        return None


def written(path, contents):
    writer = Writer()
    writer.value(contents)
    path.write_bytes(writer.data)
    return path


class Shaved(nn.Module):
    """A residual block without padding; its input is cut by two pixels."""

    def __init__(self, channels, norm):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(channels, channels, 3), norm(channels)
        self.conv2, self.norm2 = nn.Conv2d(channels, channels, 3), norm(channels)

    def forward(self, x):
        return self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))) + x[..., 2:-2, 2:-2]


class Network(nn.Module):
    """``c9s1-W,d2W,d4W,R4W,...,u2W,uW,c9s1-3`` with padding ``reflect-start``."""

    def __init__(self, norm):
        super().__init__()
        w = WIDTH
        self.start = nn.ReflectionPad2d(8 * BLOCKS)
        self.down = nn.ModuleList(
            [nn.Conv2d(3, w, 9, 1, 4), nn.Conv2d(w, 2 * w, 3, 2, 1), nn.Conv2d(2 * w, 4 * w, 3, 2, 1)]
        )
        self.blocks = nn.ModuleList(Shaved(4 * w, norm) for _ in range(BLOCKS))
        self.up = nn.ModuleList(nn.ConvTranspose2d(a * w, a * w // 2, 3, 2, 1, 1) for a in (4, 2))
        self.norms = nn.ModuleList(norm(a * w) for a in (1, 2, 4, 2, 1))
        self.last = nn.Conv2d(w, 3, 9, 1, 4)

    def forward(self, x):
        x = self.start(x)
        for conv, norm in zip(self.down, self.norms[:3], strict=True):
            x = F.relu(norm(conv(x)))
        for block in self.blocks:
            x = block(x)
        for conv, norm in zip(self.up, self.norms[3:], strict=True):
            x = F.relu(norm(conv(x)))
        return 150 * torch.tanh(self.last(x))


def lua(layer):
    """Name a layer and its fields as Torch7 does."""
    if isinstance(layer, Shaved):
        relu = ("nn.ReLU", {"inplace": True})
        body = [*map(lua, (layer.conv1, layer.norm1)), relu, *map(lua, (layer.conv2, layer.norm2))]
        branches = [("nn.Sequential", {"modules": body}), ("nn.ShaveImage", {"size": 2})]
        return ("nn.Sequential", {"modules": [("nn.ConcatTable", {"modules": branches}), ("nn.CAddTable", {})]})
    fields = {"weight": layer.weight, "bias": layer.bias, "gradWeight": torch.zeros(0)}
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        for name, pair in (("k", layer.kernel_size), ("d", layer.stride), ("pad", layer.padding)):
            fields |= {f"{name}W": pair[1], f"{name}H": pair[0]}
        if isinstance(layer, nn.ConvTranspose2d):
            return ("nn.SpatialFullConvolution", fields | {"adjW": 1, "adjH": 1})
        return ("nn.SpatialConvolution", fields)
    if isinstance(layer, nn.InstanceNorm2d):
        return ("nn.InstanceNormalization", fields | {"eps": layer.eps, "nOutput": layer.num_features, "prev_N": -1})
    running = {"running_mean": layer.running_mean, "running_var": layer.running_var, "eps": layer.eps}
    return ("nn.SpatialBatchNormalization", fields | running)


def checkpoint(network):
    relu, pad = ("nn.ReLU", {"inplace": True}), 8 * BLOCKS
    layers = [("nn.SpatialReflectionPadding", {f"pad_{side}": pad for side in "lrtb"})]
    for conv, norm in zip(network.down, network.norms[:3], strict=True):
        layers += [lua(conv), lua(norm), relu]
    layers += [lua(block) for block in network.blocks]
    for conv, norm in zip(network.up, network.norms[3:], strict=True):
        layers += [lua(conv), lua(norm), relu]
    layers += [lua(network.last), ("nn.Tanh", {}), ("nn.MulConstant", {"constant_scalar": 150})]
    layers += [("nn.TotalVariation", {"strength": 1e-6})]
    options = {"arch": "c9s1-8,...", "preprocessing": "vgg", "use_instance_norm": 1, "callback": print}
    return {"opt": options, "train_loss_history": [3.0, 2.0], "model": ("nn.Sequential", {"modules": layers})}


def paint(network, photo):
    """The program: preprocess.vgg, the network, its inverse, and a median of 3x3, which loses the outermost pixels."""
    image = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float()
    painted = (network(image.flip(1) - MEAN) + MEAN).flip(1)[0]
    median = painted.unfold(1, 3, 1).unfold(2, 3, 1).flatten(3).median(3).values
    return F.pad(median[None], (1, 1, 1, 1))[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("norm", [lambda channels: nn.InstanceNorm2d(channels, affine=True), nn.BatchNorm2d])
def test_a_checkpoint_of_torch7_paints_as_the_program(tmp_path, agrees, paintable, norm):
    network = paintable(Network(norm), 3, 0.1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.normal_(module.weight, 1, 0.3)
    if norm is nn.BatchNorm2d:  # nothing in it bounds what a photograph of 255 levels becomes
        network.down[0].weight.data /= 60
    path = written(tmp_path / "candy.t7", checkpoint(network))
    program = agrees(path, lambda photo: paint(network, photo), ((48, 64), (60, 52)), inside=1)
    assert program.startswith("jcjohnson")


def test_layers_of_another_kind_are_named(tmp_path):
    contents = {"opt": {}, "model": ("nn.Sequential", {"modules": [("nn.SpatialMaxPooling", {})]})}
    with pytest.raises(ImportFileError, match="it has a layer nn.SpatialMaxPooling"):
        run(ImportJob(str(written(tmp_path / "a.t7", contents))))


def test_other_torch7_files_are_refused(tmp_path):
    with pytest.raises(ImportFileError, match="not a network like those of jcjohnson.*no table with a model"):
        run(ImportJob(str(written(tmp_path / "a.t7", {"hello": 123}))))


def test_damaged_torch7_files_are_one_line(tmp_path):
    network = Network(lambda channels: nn.InstanceNorm2d(channels, affine=True))
    whole = written(tmp_path / "a.t7", checkpoint(network)).read_bytes()
    rng = np.random.default_rng(0)
    for place in [*rng.integers(4, len(whole), 20), 5, 9]:
        (tmp_path / "cut.t7").write_bytes(whole[:place])
        with pytest.raises(ImportFileError, match=r"cut\.t7"):
            run(ImportJob(str(tmp_path / "cut.t7")))
    for _ in range(20):
        changed = bytearray(whole)
        changed[rng.integers(2000)] = rng.integers(256)
        (tmp_path / "changed.t7").write_bytes(changed)
        with suppress(ImportFileError):  # a changed weight is not noticed
            run(ImportJob(str(tmp_path / "changed.t7")))
    (tmp_path / "deep.t7").write_bytes(b"".join(struct.pack("<iiiid", 3, n, 1, 1, 1.0) for n in range(1, 2000)))
    with pytest.raises(ImportFileError, match="nested too deep"):
        run(ImportJob(str(tmp_path / "deep.t7")))


def test_tensors_that_share_their_numbers_too_often_are_refused(tmp_path):
    writer = Writer()
    writer.new(3)
    writer.put("i", 50)
    for number in range(50):
        writer.value(f"k{number}")
        writer.object("torch.FloatTensor")
        writer.put("i4qq", 2, 100, 100, 100, 1, 1)
        if number:
            writer.put("ii", 4, 3)  # the storage that was written first
        else:
            writer.object("torch.FloatStorage")
            writer.put("q", 10_000)
            writer.data += bytes(40_000)
    (tmp_path / "a.t7").write_bytes(writer.data)
    with pytest.raises(ImportFileError, match="hold the same numbers more often"):
        run(ImportJob(str(tmp_path / "a.t7")))
