"""Programs of PyTorch; each network is written here anew, in its program's style, with that program's names."""

from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fastnst.importers import ImportFileError, ImportJob, run

WIDTH, BLOCKS = 8, 2


def norm(channels):
    return nn.InstanceNorm2d(channels, affine=True)


class ReflectedConv(nn.Module):
    """Pads by a layer, and may enlarge before: pytorch/examples, yakhyo."""

    def __init__(self, channels_in, channels, kernel, stride=1, upsample=0):
        super().__init__()
        self.upsample, self.reflection_pad = upsample, nn.ReflectionPad2d(kernel // 2)
        self.conv2d = nn.Conv2d(channels_in, channels, kernel, stride)

    def forward(self, x):
        x = F.interpolate(x, mode="nearest", scale_factor=self.upsample) if self.upsample else x
        return self.conv2d(self.reflection_pad(x))


RESIZED = partial(ReflectedConv, kernel=3, upsample=2)


class OwnPadConv(nn.Module):
    """Pads by the convolution itself: gordicaleksa."""

    def __init__(self, channels_in, channels, kernel, stride=1):
        super().__init__()
        self.conv2d = nn.Conv2d(channels_in, channels, kernel, stride, padding=kernel // 2, padding_mode="reflect")

    def forward(self, x):
        return self.conv2d(x)


class EnlargedConv(nn.Module):
    def __init__(self, channels_in, channels):
        super().__init__()
        self.conv2d = OwnPadConv(channels_in, channels, 3)

    def forward(self, x):
        return self.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"))


class Residual(nn.Module):
    def __init__(self, conv, channels, times=1):
        super().__init__()
        self.conv1, self.in1 = conv(channels, channels, 3), norm(channels)
        self.conv2, self.in2 = conv(channels, channels, 3), norm(channels)
        self.times = times

    def forward(self, x):
        out = self.in2(self.conv2(F.relu(self.in1(self.conv1(x)))))
        for _ in range(self.times):
            out = out + x
        return out


class Transformer(nn.Module):
    """pytorch/examples, gordicaleksa and yakhyo."""

    def __init__(self, conv=ReflectedConv, up=RESIZED, names="deconv", times=1, w=WIDTH, blocks=BLOCKS):
        super().__init__()
        self.conv1, self.in1 = conv(3, w, 9, 1), norm(w)
        self.conv2, self.in2 = conv(w, 2 * w, 3, 2), norm(2 * w)
        self.conv3, self.in3 = conv(2 * w, 4 * w, 3, 2), norm(4 * w)
        for number in range(1, blocks + 1):
            self.add_module(f"res{number}", Residual(conv, 4 * w, times))
        self.in4, self.in5 = norm(2 * w), norm(w)
        self.add_module(f"{names}1", up(4 * w, 2 * w))
        self.add_module(f"{names}2", up(2 * w, w))
        self.add_module(f"{names}3", conv(w, 3, 9, 1))
        self.names, self.blocks = names, blocks

    def forward(self, x):
        up1, up2, up3 = (self.get_submodule(f"{self.names}{number}") for number in (1, 2, 3))
        x = F.relu(self.in1(self.conv1(x)))
        x = F.relu(self.in2(self.conv2(x)))
        x = F.relu(self.in3(self.conv3(x)))
        for number in range(1, self.blocks + 1):
            x = self.get_submodule(f"res{number}")(x)
        return up3(F.relu(self.in5(up2(F.relu(self.in4(up1(x)))))))


def saved(path, network, wrapper=None):
    torch.save({wrapper: network.state_dict(), "epoch": 3} if wrapper else network.state_dict(), path)
    return path


@pytest.mark.parametrize("averages", [False, True])
def test_pytorch_examples(tmp_path, agrees, paintable, in_bytes, averages):
    network = paintable(Transformer(), 60, 120)
    state = network.state_dict()
    for key in [key for key in state if averages and key.split(".")[-2].startswith("in") and key.endswith("weight")]:
        state[key.replace("weight", "running_mean")] = torch.rand(len(state[key]))
        state[key.replace("weight", "running_var")] = torch.rand(len(state[key]))
    torch.save(state, tmp_path / "a.model")
    assert agrees(tmp_path / "a.model", lambda photo: in_bytes(photo, network)).startswith("pytorch/examples")


def test_yakhyo_adds_the_skip_twice(tmp_path, agrees, paintable, in_bytes):
    network = paintable(Transformer(names="upsample_conv", times=2), 60, 120)
    path = saved(tmp_path / "a.pth", network)
    assert agrees(path, lambda photo: in_bytes(photo, network)).startswith("yakhyo")


def test_gordicaleksa(tmp_path, agrees, paintable, in_imagenet_units):
    network = paintable(Transformer(OwnPadConv, EnlargedConv, "up"), 1, 0.1)
    adam = {"state": {0: {"step": 9, "exp_avg": torch.rand(8, 3, 9, 9)}}, "param_groups": [{"lr": 1e-3}]}
    state = {"commit_hash": "0" * 40, "content_weight": 1.0, "optimizer_state": adam}
    torch.save(state | {"state_dict": network.state_dict()}, tmp_path / "a.pth")
    assert agrees(tmp_path / "a.pth", lambda photo: in_imagenet_units(photo, network)).startswith("gordicaleksa")


class Block(nn.Module):
    """A convolution, its norm and its ReLU: eriklindernoren."""

    def __init__(self, channels_in, channels, kernel_size, stride=1, upsample=False, normalize=True, relu=True):
        super().__init__()
        self.upsample, self.relu = upsample, relu
        pad = nn.ReflectionPad2d(kernel_size // 2)
        self.block = nn.Sequential(pad, nn.Conv2d(channels_in, channels, kernel_size, stride))
        self.norm = norm(channels) if normalize else None

    def forward(self, x):
        x = self.block(F.interpolate(x, scale_factor=2) if self.upsample else x)
        x = self.norm(x) if self.norm is not None else x
        return F.relu(x) if self.relu else x


class BlockResidual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.block = nn.Sequential(Block(channels, channels, 3), Block(channels, channels, 3, relu=False))

    def forward(self, x):
        return self.block(x) + x


class BlockTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        w = WIDTH
        self.model = nn.Sequential(
            Block(3, w, 9),
            Block(w, 2 * w, 3, 2),
            Block(2 * w, 4 * w, 3, 2),
            *(BlockResidual(4 * w) for _ in range(BLOCKS)),
            Block(4 * w, 2 * w, 3, upsample=True),
            Block(2 * w, w, 3, upsample=True),
            Block(w, 3, 9, normalize=False, relu=False),
        )

    def forward(self, x):
        return self.model(x)


def test_eriklindernoren(tmp_path, agrees, paintable, in_imagenet_units):
    network = paintable(BlockTransformer(), 1, 0.1)
    path = saved(tmp_path / "a.pth", network)
    assert agrees(path, lambda photo: in_imagenet_units(photo, network)).startswith("eriklindernoren")


class ReflectConv(nn.Module):
    """igreat."""

    def __init__(self, channels_in, channels, kernel, stride, scale=1):
        super().__init__()
        if scale > 1:
            self.conv = ReflectConv(channels_in, channels, kernel, stride)
        else:
            self.conv = nn.Conv2d(channels_in, channels, kernel, stride, kernel // 2, padding_mode="reflect")
        self.scale = scale

    def forward(self, x):
        return self.conv(F.interpolate(x, scale_factor=self.scale, mode="nearest") if self.scale > 1 else x)


class NamedResidual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.instance_norm1 = ReflectConv(channels, channels, 3, 1), norm(channels)
        self.conv2, self.instance_norm2 = ReflectConv(channels, channels, 3, 1), norm(channels)

    def forward(self, x):
        return self.instance_norm2(self.conv2(F.relu(self.instance_norm1(self.conv1(x))))) + x


class TransformationModel(nn.Module):
    def __init__(self):
        super().__init__()
        w = WIDTH
        down = [(3, w, 9, 1), (w, 2 * w, 3, 2), (2 * w, 4 * w, 3, 2)]
        up = [(4 * w, 2 * w, 3, 1, 2), (2 * w, w, 3, 1, 2)]
        self.layers = nn.Sequential(
            *(layer for sizes in down for layer in (ReflectConv(*sizes), norm(sizes[1]), nn.ReLU())),
            *(NamedResidual(4 * w) for _ in range(BLOCKS)),
            *(layer for sizes in up for layer in (ReflectConv(*sizes), norm(sizes[1]), nn.ReLU())),
            ReflectConv(w, 3, 9, 1),
        )

    def forward(self, x):
        return self.layers(x)


def test_igreat(tmp_path, agrees, paintable, in_imagenet_units):
    network = paintable(TransformationModel(), 1, 0.1)
    path = saved(tmp_path / "a.pth", network, "model_state_dict")
    assert agrees(path, lambda photo: in_imagenet_units(photo, network)).startswith("igreat")


class ConvLayer(nn.Module):
    """rrmina; the norm stands behind the convolution, or before it."""

    def __init__(self, channels_in, channels, kernel, stride=1, normalize=True, first=False):
        super().__init__()
        if first:
            self.norm_layer = norm(channels_in)
        self.reflection_pad = nn.ReflectionPad2d(kernel // 2)
        self.conv_layer = nn.Conv2d(channels_in, channels, kernel, stride)
        if normalize and not first:
            self.norm_layer = norm(channels)
        self.normalize, self.first = normalize, first

    def forward(self, x):
        x = F.relu(self.norm_layer(x)) if self.first else x
        x = self.conv_layer(self.reflection_pad(x))
        return self.norm_layer(x) if self.normalize and not self.first else x


class DeconvLayer(nn.Module):
    def __init__(self, channels_in, channels):
        super().__init__()
        self.conv_transpose = nn.ConvTranspose2d(channels_in, channels, 3, 2, 1, 1)
        self.norm_layer = norm(channels)

    def forward(self, x):
        return self.norm_layer(self.conv_transpose(x))


class ResidualLayer(nn.Module):
    def __init__(self, channels, kind):
        super().__init__()
        if kind == "resnext":
            narrow = channels // 2
            self.conv1, self.conv2 = ConvLayer(channels, narrow, 1), ConvLayer(narrow, narrow, 3)
            self.conv3 = ConvLayer(narrow, channels, 1)
        else:
            self.conv1 = ConvLayer(channels, channels, 3, first=kind == "v2")
            self.conv2 = ConvLayer(channels, channels, 3, first=kind == "v2")
        self.kind = kind

    def forward(self, x):
        if self.kind == "v2":
            return self.conv2(self.conv1(x)) + x
        if self.kind == "resnext":
            return self.conv3(F.relu(self.conv2(F.relu(self.conv1(x))))) + x
        return self.conv2(F.relu(self.conv1(x))) + x


class TransformerNetwork(nn.Module):
    def __init__(self, kind):
        super().__init__()
        w, down = WIDTH, [(3, WIDTH, 9, 1), (WIDTH, 2 * WIDTH, 3, 2), (2 * WIDTH, 4 * WIDTH, 3, 2)]
        self.ConvBlock = nn.Sequential(*(layer for sizes in down for layer in (ConvLayer(*sizes), nn.ReLU())))
        self.ResidualBlock = nn.Sequential(*(ResidualLayer(4 * w, kind) for _ in range(BLOCKS)))
        self.DeconvBlock = nn.Sequential(
            DeconvLayer(4 * w, 2 * w),
            nn.ReLU(),
            DeconvLayer(2 * w, w),
            nn.ReLU(),
            ConvLayer(w, 3, 9, normalize=False),
            *([nn.Tanh()] if kind == "tanh" else []),
        )
        self.factor = 150 if kind == "tanh" else 1

    def forward(self, x):
        return self.DeconvBlock(self.ResidualBlock(self.ConvBlock(x))) * self.factor


@pytest.mark.parametrize("kind", ["plain", "tanh", "resnext", "v2"])
def test_rrmina(tmp_path, agrees, paintable, in_bytes, kind):
    network = paintable(TransformerNetwork(kind), *((1, 0.5) if kind == "tanh" else (60, 120)))
    path = saved(tmp_path / "a.pth", network)

    def program(photo):
        blue_first = np.ascontiguousarray(photo[..., ::-1])
        return in_bytes(blue_first, network)[..., ::-1]

    assert agrees(path, program).startswith("rrmina")


@pytest.mark.parametrize(("name", "width"), [("mosaic_nc16", 16), ("udnie_nc8", 8)])
def test_networks_that_another_program_trained_paint_as_there(shared, agrees, in_bytes, name, width):
    path = shared / "foreign" / f"{name}.model"
    if not path.is_file():
        pytest.skip(f"needs {path.name}")
    network = Transformer(w=width, blocks=5).eval()
    network.load_state_dict(torch.load(path, "cpu", weights_only=True))
    assert agrees(path, lambda photo: in_bytes(photo, network)).startswith("pytorch/examples")


def test_one_tensor_more_or_less_is_another_network(tmp_path):
    state = Transformer().state_dict()
    for name, changed in (("more", state | {"extra": torch.rand(1)}), ("less", dict(list(state.items())[:-1]))):
        torch.save(changed, tmp_path / name)
        with pytest.raises(ImportFileError, match=rf"{name}: not a network of a known program; it holds \d+ tensors"):
            run(ImportJob(str(tmp_path / name)))
    state["conv2.conv2d.weight"] = torch.rand(16, 9, 3, 3)
    torch.save(state, tmp_path / "shape")
    with pytest.raises(ImportFileError, match="not a network of a known program"):
        run(ImportJob(str(tmp_path / "shape")))
