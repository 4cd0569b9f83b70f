from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from fastnst.importers import ImportJob, run

SIZES = ((48, 64), (84, 52))
Program = Callable[[np.ndarray], np.ndarray]
"""A photograph ``(H, W, 3)`` of 8 bits, RGB, to a painting of the same shape, 0 to 255 or beyond."""


def photograph(height: int, width: int) -> np.ndarray:
    """Smooth colors with edges in them."""
    rng = np.random.default_rng(height)
    y, x = np.mgrid[:height, :width]
    waves = [np.sin(x / rng.uniform(4, 20) + y / rng.uniform(4, 20) + rng.uniform(0, 6)) for _ in range(3)]
    image = 128 + 100 * np.stack(waves, -1)
    image[height // 4 : height // 2, width // 3 :] = rng.uniform(0, 255, 3)
    return image.clip(0, 255).astype(np.uint8)


def compare(path: Path, program: Program, sizes: tuple[tuple[int, int], ...] = SIZES, inside: int = 0) -> str:
    """Hold what is imported to what the program paints, within one level; return which program it was taken for."""
    imported = run(ImportJob(str(path)))
    for size in sizes:
        photo = photograph(*size)
        with torch.no_grad():
            expected = np.clip(program(photo), 0, 255)
            images = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] / 255
            painted = imported.network(images)[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255
        assert painted.shape == photo.shape
        assert expected.std() > 20, "the random network paints nothing to compare"
        inner = tuple(slice(inside, side - inside) for side in size)
        assert np.abs(painted[inner] - expected[inner]).max() < 1
        assert np.abs(painted[inner] - expected[inner]).mean() < 0.1
    return imported.metadata.origin["program"]


@pytest.fixture
def agrees() -> Callable[..., str]:
    return compare


@torch.no_grad()
def colorful(network: nn.Module, contrast: float, middle: float) -> nn.Module:
    """Give the norms random scales and shifts, and the last convolution the range of a picture."""
    convs = [module for module in network.modules() if isinstance(module, nn.Conv2d | nn.ConvTranspose2d)]
    for module in network.modules():
        if isinstance(module, nn.InstanceNorm2d | nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0, 0.3)
    convs[-1].weight.mul_(contrast)
    nn.init.constant_(convs[-1].bias, middle)
    return network.eval()


@pytest.fixture
def paintable() -> Callable[[nn.Module, float, float], nn.Module]:
    return colorful


def standard(photo: np.ndarray, program: Callable[[Tensor], Tensor]) -> np.ndarray:
    """Apply a network that works in ImageNet's units."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    images = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] / 255
    return ((program((images - mean) / std) * std + mean) * 255)[0].permute(1, 2, 0).numpy()


@pytest.fixture
def in_imagenet_units() -> Callable[..., np.ndarray]:
    return standard


def bytewise(photo: np.ndarray, program: Callable[[Tensor], Tensor]) -> np.ndarray:
    """Apply a network that reads and writes 0 to 255."""
    return program(torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float())[0].permute(1, 2, 0).numpy()


@pytest.fixture
def in_bytes() -> Callable[..., np.ndarray]:
    return bytewise
