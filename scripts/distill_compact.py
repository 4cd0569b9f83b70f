"""Train the weights of the ``compact`` backbone to predict the first layers of VGG-19.

    python scripts/distill_compact.py --teacher vgg19.safetensors --photos photos.parquet --paintings styles/ \
        --val held_out.parquet --minutes 15

Photographs, paintings and pictures between the two (photographs with a painting's colors and noise on top) are shown
to both networks; the student descends the squared error of features and of Gram matrices, each as a share of the
teacher's. Writes ``fastnst/backbones/weights/compact.safetensors`` in half precision and prints how well it agrees on
held-out photographs and on paintings: correlation per channel, Gram distances, and the gradient that reaches an image.
"""

import argparse
import math
import time
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor
from torch.utils.data import DataLoader

from fastnst.backbones import BACKBONES, FeatureExtractor, build_backbone
from fastnst.data.photos import PhotoDataset
from fastnst.data.sampler import EndlessBatches
from fastnst.data.sources import open_photos
from fastnst.devices import fast_bfloat16
from fastnst.losses import gram

LAYERS = ("relu1_1", "relu2_1", "relu3_1")
OUT = Path(__file__).parents[1] / "fastnst" / "backbones" / "weights" / "compact.safetensors"


def batches(source: str, size: int, count: int):
    """Serve crops without end, in [0, 1]."""
    dataset = PhotoDataset(open_photos(source), size, seed=0, augment=True)
    loader = DataLoader(dataset, batch_sampler=EndlessBatches(len(dataset), count, seed=0), num_workers=1)
    for batch in loader:
        yield (batch.float() / 255).contiguous(memory_format=torch.channels_last)


def vary(photos: Tensor, paintings: Tensor) -> Tensor:
    """Mix what a loss has to judge: photographs, paintings, recolored and noisy photographs, plain contrast changes."""
    mean, deviation = (f(photos, (2, 3)) for f in (_mean, _std))
    donors = paintings[torch.randint(len(paintings), (len(photos),))]
    recolored = (photos - mean) / deviation * _std(donors, (2, 3)) + _mean(donors, (2, 3))
    noise = 0.15 * torch.rand(len(photos), 1, 1, 1) * torch.randn_like(photos)
    share = torch.rand(len(photos), 1, 1, 1)
    between = share * recolored + (1 - share) * donors + noise
    contrast = 0.5 + (photos - 0.5) * (0.5 + torch.rand(len(photos), 3, 1, 1))
    kinds = torch.stack([photos, between, recolored + noise, contrast])
    pick = torch.randint(len(kinds), (len(photos),))
    return torch.cat([kinds[pick, torch.arange(len(photos))].clamp(-0.1, 1.1), paintings])


def _mean(x: Tensor, dims: tuple[int, int]) -> Tensor:
    return x.mean(dims, keepdim=True)


def _std(x: Tensor, dims: tuple[int, int]) -> Tensor:
    return x.std(dims, keepdim=True) + 1e-3


def distance(student: dict[str, Tensor], teacher: dict[str, Tensor], scale: dict[str, Tensor]) -> Tensor:
    """Sum, over the layers, the relative squared errors of features and of Gram matrices."""
    total = torch.zeros(())
    for layer in LAYERS:
        theirs = teacher[layer].float() / scale[layer]
        ours = student[layer].float()
        total = total + F.mse_loss(ours, theirs) / theirs.square().mean()
        total = total + 0.3 * F.mse_loss(gram(ours), gram(theirs)) / gram(theirs).square().mean()
    return total


def channel_scales(teacher: FeatureExtractor, images: Tensor) -> dict[str, Tensor]:
    """One number per layer that brings the teacher's activations to about 1."""
    return {layer: maps.square().mean().sqrt() for layer, maps in teacher(images, LAYERS).items()}


def train(options: argparse.Namespace, teacher: FeatureExtractor) -> FeatureExtractor:
    student = BACKBONES["compact"]("max", "zeros").to(memory_format=torch.channels_last)
    student.requires_grad_(True)
    for conv in student.modules():
        if isinstance(conv, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            torch.nn.init.zeros_(conv.bias)
    optimizer = torch.optim.Adam(student.parameters(), 2e-3)
    photos, paintings = batches(options.photos, 128, 4), batches(options.paintings, 128, 2)
    with torch.no_grad():
        scale = channel_scales(teacher, torch.cat(list(islice(photos, 8))))
    mixed = fast_bfloat16(torch.device("cpu"))
    start, limit, step = time.monotonic(), 60 * options.minutes, 0
    while (spent := time.monotonic() - start) < limit:
        for group in optimizer.param_groups:
            group["lr"] = 2e-3 * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * spent / limit)))
        images = vary(next(photos), next(paintings)).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
            with torch.no_grad():
                theirs = teacher(images, LAYERS)
            loss = distance(student(images, LAYERS), theirs, scale)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0:
            print(f"{spent:5.0f} s  step {step}  loss {loss.item():.4f}", flush=True)
    return student.requires_grad_(False)


def report(student: FeatureExtractor, teacher: FeatureExtractor, kind: str, images: Tensor, style: Tensor) -> None:
    """Print how well the student stands in for the teacher on some pictures."""
    for layer in LAYERS:
        ours, theirs = student(images, [layer])[layer], teacher(images, [layer])[layer]
        flat = [x.transpose(0, 1).flatten(1) for x in (ours, theirs)]
        centered = [x - x.mean(1, keepdim=True) for x in flat]
        correlation = F.cosine_similarity(*centered).median()
        grads, distances = [], []
        for backbone in (student, teacher):
            target = gram(backbone(style, [layer])[layer])
            image = images.clone().requires_grad_()
            statistic = gram(backbone(image, [layer])[layer])
            apart = (statistic - target).square().mean((1, 2)) / target.square().mean()
            apart.sum().backward()
            distances.append(apart.detach())
            grads.append(image.grad.flatten(1))
        cosine = F.cosine_similarity(*grads).median()
        ratio = (distances[0] / distances[1]).median()
        print(
            f"{kind:12} {layer}  correlation {correlation:.3f}  Gram distance x{ratio:.2f}  image gradient {cosine:.3f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--teacher", "--photos", "--paintings", "--val"):
        parser.add_argument(name, required=True)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    torch.manual_seed(0)
    teacher = build_backbone("vgg19", LAYERS, options.teacher).to(memory_format=torch.channels_last)
    student = train(options, teacher)
    numbered = enumerate(student.stages.items())
    weights = {f"features.{n}.{key}": v.half() for n, (_, m) in numbered for key, v in m.state_dict().items()}
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in weights.items()}, options.out)
    photos, paintings = next(batches(options.val, 192, 16)), next(batches(options.paintings, 192, 8))
    report(student, teacher, "photographs", photos, paintings[:1])
    report(student, teacher, "paintings", paintings[1:], paintings[:1])


if __name__ == "__main__":
    main()
