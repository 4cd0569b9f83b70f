"""The pictures that ``distill_compact.py`` teaches with."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

SIZE = 96


def vary(photos: Tensor, paintings: Tensor) -> Tensor:
    """Change each photograph's colors, contrast, sharpness or everything, half of the time with noise on top."""
    count = len(photos)
    painting = paintings[torch.randint(len(paintings), (count,))]
    standard = (photos - photos.mean((2, 3), True)) / (photos.std((2, 3), keepdim=True) + 1e-3)
    recolored = standard * painting.std((2, 3), keepdim=True) + painting.mean((2, 3), True)
    share = torch.rand(count, 1, 1, 1)
    kinds = torch.stack(
        [
            photos,
            turn_colors(photos),
            share * recolored + (1 - share) * painting,
            painting,
            turn_colors(recolored),
            turn_colors(smooth(photos)),
        ]
    )
    picked = kinds[torch.randint(len(kinds), (count,)), torch.arange(count)]
    return (picked + noise(count) * (torch.rand(count, 1, 1, 1) < 0.5)).clamp(-0.1, 1.1)


def turn_colors(images: Tensor) -> Tensor:
    count = len(images)
    mix = torch.eye(3) + 0.25 * torch.randn(count, 3, 3)
    contrast, shift = 0.6 + 0.8 * torch.rand(count, 1, 1, 1), 0.15 * torch.randn(count, 3, 1, 1)
    return torch.einsum("bij,bjhw->bihw", mix, images - 0.5) * contrast + 0.5 + shift


def smooth(images: Tensor) -> Tensor:
    """Leave what a cloudless sky has: a slow change of color."""
    return F.interpolate(F.adaptive_avg_pool2d(images, 3), size=images.shape[-2:], mode="bicubic", align_corners=True)


def noise(count: int) -> Tensor:
    fine = torch.randn(count, 3, SIZE, SIZE)
    coarse = F.interpolate(torch.randn(count, 3, SIZE // 2, SIZE // 2), scale_factor=2)
    return torch.where(torch.rand(count, 1, 1, 1) < 0.5, fine, coarse) * 0.25 * torch.rand(count, 1, 1, 1).square()


@dataclass
class Crops:
    """Pictures on their way from a photograph to a painting; each ``(N, 3, SIZE, SIZE)``, ``mix`` of ``(N, 4)``."""

    image: Tensor
    photo: Tensor
    style: Tensor
    speed: Tensor
    mix: Tensor

    def __getitem__(self, index: Tensor) -> "Crops":
        return Crops(*(field[index] for field in vars(self).values()))

    def __setitem__(self, index: Tensor, crops: "Crops") -> None:
        for mine, theirs in zip(vars(self).values(), vars(crops).values(), strict=True):
            mine[index] = theirs


class Pool:
    """Crops that descend a style loss, each for a random number of steps before a new one takes its place."""

    def __init__(self, count: int = 64) -> None:
        images = [torch.zeros(count, 3, SIZE, SIZE) for _ in range(4)]
        self.crops = Crops(*images, mix=torch.zeros(count, 4))
        self.left = torch.zeros(count, dtype=torch.long)

    def draw(self, photos: Tensor, paintings: Tensor) -> Crops:
        """Take as many crops as there are photographs; the worn out begin anew from these."""
        count = len(photos)
        self.index = torch.randperm(len(self.left))[:count]
        fresh = Crops(_begin(photos), photos, paintings[:count], torch.zeros_like(photos), _mix(count))
        worn = self.left[self.index] <= 0
        self.crops[self.index[worn]] = fresh[worn]
        self.left[self.index[worn]] = torch.randint(10, 150, (int(worn.sum()),))
        self.drawn = self.crops[self.index]
        self.drawn.image = self.drawn.image.contiguous(memory_format=torch.channels_last)
        return self.drawn

    def move(self, gradient: Tensor) -> None:
        """Take one step down, with momentum, of a random length of at most 0.06."""
        length = gradient.float().square().mean((1, 2, 3), keepdim=True).sqrt() + 1e-12
        self.drawn.speed = 0.7 * self.drawn.speed + gradient.float() / length
        step = 0.06 * torch.rand(len(gradient), 1, 1, 1).square()
        self.drawn.image = (self.drawn.image - step * self.drawn.speed).clamp(-0.05, 1.05)
        self.crops[self.index] = self.drawn
        self.left[self.index] -= 1


def _begin(photos: Tensor) -> Tensor:
    """Begin with the photographs, smooth or not, with noise, or with both."""
    noisy = (photos + 0.3 * torch.randn_like(photos)).clamp(0, 1)
    draw = torch.rand(len(photos), 1, 1, 1)
    photos = torch.where(torch.rand(len(photos), 1, 1, 1) < 0.25, smooth(photos).clamp(0, 1), photos)
    return torch.where(draw < 0.6, photos, torch.where(draw < 0.8, torch.rand_like(photos), noisy))


def _mix(count: int) -> Tensor:
    """Weigh three style layers and the content at random; often one layer alone."""
    weights = -torch.rand(count, 4).log()
    weights[:, 3] *= 0.1 * torch.rand(count)
    single = F.one_hot(torch.randint(3, (count,)), 4).float() + 0.05 * weights
    weights = torch.where(torch.rand(count, 1) < 0.4, single, weights)
    return weights / weights.sum(1, keepdim=True)
