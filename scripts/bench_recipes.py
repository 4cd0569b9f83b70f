"""What ``bench.py`` measures: the usual public recipe, and fastnst's presets, as callables."""

import atexit
import tempfile
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import yaml
from PIL import Image
from skimage.data import astronaut
from torch import Tensor, nn
from torchvision.models import vgg16, vgg19

from fastnst.backbones import BACKBONES
from fastnst.checkpoint import Metadata, describe, save_checkpoint
from fastnst.devices import Precision
from fastnst.images import check_output, to_tensor
from fastnst.inference import Engine, Stylizer, load
from fastnst.inference.folder import run
from fastnst.inference.graphs import GraphStylizer
from fastnst.inference.job import StylizeJob, note
from fastnst.inference.plan import plan
from fastnst.inference.stages import decode, encode
from fastnst.losses import STYLE_LOSSES, LossConfig, PerceptualLoss
from fastnst.networks import build_network
from fastnst.networks.layers import InstanceNorm
from fastnst.training import Recipe, Training, take_targets

Work = Callable[[], object]

BATCH, SIZE = 4, 256
CONFIGS = Path(__file__).parents[1] / "configs"


class Plain(nn.Module):
    """The front of a VGG as most programs slice it: contiguous, and every layer asked for is kept."""

    def __init__(self, features: nn.Sequential, kept: tuple[int, ...]) -> None:
        super().__init__()
        self.features, self.kept = features[: kept[-1] + 1].requires_grad_(False), kept

    def forward(self, x: Tensor) -> list[Tensor]:
        found = []
        for i, layer in enumerate(self.features):
            x = layer(x)
            if i in self.kept:
                found.append(x)
        return found


def plain_gram(y: Tensor) -> Tensor:
    b, c, h, w = y.size()
    flat = y.view(b, c, h * w)
    return flat.bmm(flat.transpose(1, 2)) / (c * h * w)


def plain_network() -> nn.Module:
    """Return Johnson's network with torch's own layers."""

    def plain(module: nn.Module) -> nn.Module:
        for name, child in module.named_children():
            if isinstance(child, InstanceNorm):
                setattr(module, name, nn.InstanceNorm2d(len(child.weight), child.eps, affine=True))
            elif isinstance(child, nn.ReLU):
                setattr(module, name, nn.ReLU())
            elif isinstance(child, nn.Conv2d):
                shape = child.in_channels, child.out_channels, child.kernel_size, child.stride, child.padding
                setattr(module, name, nn.Conv2d(*shape, padding_mode="reflect"))
                getattr(module, name).load_state_dict(child.state_dict())
            else:
                plain(child)
        return module

    return plain(build_network("johnson"))


def plain_step(device: torch.device) -> Work:
    """Return one optimizer step of the usual recipe: VGG-16 through relu4_3, over photographs and paintings."""
    network, vgg = plain_network().to(device), Plain(vgg16(weights=None).features, (3, 8, 15, 22)).to(device)
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    x = torch.rand(BATCH, 3, SIZE, SIZE, device=device)
    grams = [plain_gram(f) for f in vgg(torch.rand(1, 3, SIZE, SIZE, device=device))]

    def step() -> None:
        optimizer.zero_grad()
        y = network(x)
        ours, theirs = vgg(y), vgg(x)
        content = 1e5 * F.mse_loss(ours[1], theirs[1])
        style = sum(F.mse_loss(plain_gram(f), g.expand(BATCH, -1, -1)) for f, g in zip(ours, grams, strict=True))
        (content + 1e10 * style).backward()
        optimizer.step()

    return step


def preset(name: str) -> dict[str, Any]:
    """Read the model's settings of a bundled config."""
    return yaml.safe_load((CONFIGS / "train" / f"{name}.yaml").read_text())["model"]


def our_step(config: str, precision: Precision, grow: float, device: torch.device) -> Work:
    """Return one optimizer step of fastnst, under a config's network and objective: on whole crops, or on corners."""
    model = preset(config)
    loss = build_loss(LossConfig(**model["loss"])).to(device).to(memory_format=torch.channels_last)
    network = build_network(model["network"], **model.get("network_options", {}))
    network = network.to(device).to(memory_format=torch.channels_last)
    photos = torch.rand(BATCH, 3, SIZE, SIZE, device=device).contiguous(memory_format=torch.channels_last)
    targets = take_targets(loss, torch.rand(1, 3, SIZE, SIZE, device=device), photos)
    training = Training(network, targets, Recipe(grow=grow), precision)
    return lambda: training(photos, 0.5)


def build_loss(config: LossConfig) -> PerceptualLoss:
    """Make a loss whose backbone has random weights, so that nothing is downloaded; speed does not depend on them."""
    backbone = BACKBONES[config.backbone](config.pooling, config.padding)
    style_loss = STYLE_LOSSES[config.style_loss]()
    weights = config.content, config.style, style_loss, config.style_weight, config.tv, config.units
    return PerceptualLoss(backbone, *weights, config.scales, config.content_scale)


def plain_painting(height: int, width: int, device: torch.device) -> Work:
    """Return one forward pass of Johnson's network as most programs run it."""
    network, image = plain_network().eval().to(device), torch.rand(1, 3, height, width, device=device)

    def paint() -> Tensor:
        with torch.no_grad():
            return network(image).clamp(0, 1)

    return paint


def our_painting(network: str, engine: Engine, precision: str, height: int, width: int, device: torch.device) -> Work:
    """Return one call of a stylizer; in int8, of one from an exported graph. ``lite`` is a bundled style."""
    image = to_tensor(Image.fromarray(astronaut()).resize((width, height))).to(device)
    torch.manual_seed(0)
    layers = load("udnie", "cpu", "float32", engine="torch").network if network == "lite" else build_network(network)
    if precision != "int8":
        stylizer = Stylizer(layers, Metadata({}), device.type, precision, engine)
        return lambda: stylizer(image)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "style.onnx"
        Stylizer(layers, Metadata({}), "cpu", "float32").export(path, "float32", "int8")
        quantized = GraphStylizer(path, engine=engine)
    return lambda: quantized(image)


def our_folder(network: str, fmt: str, count: int, device: torch.device) -> Work:
    """Return the painting of photographs of 640x480 from files to files, as ``fastnst stylize`` does it."""
    job = _album(network, fmt, count, device)
    return lambda: run(job)


def serial_folder(network: str, fmt: str, count: int, device: torch.device) -> Work:
    """Return the same one picture after the other, each step on all threads it has a use for."""
    job = _album(network, fmt, count, device)

    def paint() -> None:
        painter = job.load()
        for source, target in job.tasks:
            pictures = decode(source, check_output(target), job)
            encode(painter(pictures), target, note(job, source, target), job)

    return paint


def _album(network: str, fmt: str, count: int, device: torch.device) -> StylizeJob:
    """Write photographs, as far as coding is concerned, and a model of random weights; gone when the process ends."""
    folder = Path(mkdtemp(prefix="fastnst-bench-"))
    atexit.register(rmtree, folder, ignore_errors=True)
    rng = np.random.default_rng(0)
    for i in range(count):
        small = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
        smooth = np.asarray(small.resize((640, 480), Image.Resampling.BICUBIC), float)
        noisy = (smooth + rng.normal(0, 6, smooth.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(folder / f"{i}.jpg", quality=90)
    made = build_network(network)
    save_checkpoint(folder / "model.safetensors", made, Metadata(describe(made)))
    tasks = plan([str(folder)], str(folder / "painted"), "", fmt).tasks
    return StylizeJob(tasks, str(folder / "model.safetensors"), device.type)


def plain_evaluation(size: int, device: torch.device) -> Work:
    """Return one evaluation of Gatys's loss and its gradient on VGG-19 through relu3_1."""
    vgg = Plain(vgg19(weights=None).features, (1, 6, 11)).to(device)
    content = torch.rand(1, 3, size, size, device=device)
    with torch.no_grad():
        features = vgg(content)
        grams = [plain_gram(f) for f in vgg(torch.rand(1, 3, size, size, device=device))]
    image = content.clone().requires_grad_()

    def evaluate() -> None:
        image.grad = None
        found = vgg(image)
        style = sum(F.mse_loss(plain_gram(f), g) for f, g in zip(found, grams, strict=True))
        (F.mse_loss(found[-1], features[-1]) + 1e6 * style).backward()

    return evaluate


def our_evaluation(backbone: str, size: int, device: torch.device) -> Work:
    """Return one evaluation of the default loss and its gradient, as ``fastnst optimize`` makes them."""
    loss = build_loss(LossConfig(backbone=backbone)).to(device).to(memory_format=torch.channels_last)
    content = torch.rand(1, 3, size, size, device=device)
    targets = loss.content_target(content), loss.style_target(torch.rand(1, 3, size, size, device=device))
    image = content.clone().requires_grad_()

    def evaluate() -> None:
        image.grad = None
        loss(image.contiguous(memory_format=torch.channels_last), *targets).total.backward()

    return evaluate


def our_convolution(dtype: torch.dtype, device: torch.device) -> Work:
    """Return a convolution large enough to reach the machine's limit."""
    conv = nn.Conv2d(256, 256, 3, padding=1).to(device, dtype).to(memory_format=torch.channels_last)
    x = torch.rand(8, 256, 64, 64, device=device, dtype=dtype).contiguous(memory_format=torch.channels_last)

    def run() -> None:
        with torch.no_grad():
            conv(x)

    return run
