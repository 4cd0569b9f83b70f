"""Train the weights of the ``compact`` backbone to stand in for the first layers of VGG-19.

    python scripts/distill_compact.py --teacher vgg19.safetensors --deep vgg19_16x.safetensors \
        --photos photos.parquet --paintings styles/ --minutes 40

The student descends, at relu1_1, relu2_1 and relu3_1, the relative squared error of features and of Gram matrices, and
the angle between the two networks' image gradients of a random mix of style and content losses, and the difference of
these gradients' power at periods of two and four pixels, where a mesh would grow. It is taught on crops of photographs
and paintings, recolored, mixed, smooth and noisy, and on what a style loss makes of them: a pool of crops that
descend the student's own loss toward random paintings, so that whatever would fool it comes back as a lesson. relu4_1
learns beside it from a compressed VGG-19 with projections to the genuine channels (Wang et al., Collaborative
Distillation for Ultra-Resolution Universal Style Transfer, CVPR 2020).

Writes ``fastnst/backbones/weights/compact.safetensors`` in half precision; ``compact_report.py`` says how good it is.
"""

import argparse
import math
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from distill_pictures import SIZE, Pool, vary
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from fastnst.backbones import BACKBONES, FeatureExtractor, Features, build_backbone
from fastnst.data.crops import crops
from fastnst.losses import gram

LAYERS = ("relu1_1", "relu2_1", "relu3_1")
OUT = Path(__file__).parents[1] / "fastnst" / "backbones" / "weights" / "compact.safetensors"
LR = 2e-3
FEATURES_ALONE = 0.12
"""Share of the time before gradients are compared too."""

MESH = 0.1
"""Weight of the difference of the gradients' power at the periods of a mesh."""


def load_teacher(path: str, photos: Tensor) -> FeatureExtractor:
    """Load VGG-19, rescaled so that the mean square of each compared layer is 1 on photographs."""
    teacher = build_backbone("vgg19", LAYERS, path, padding="reflect").to(memory_format=torch.channels_last)
    sizes = {layer: float(maps.square().mean().sqrt()) for layer, maps in teacher(photos, LAYERS).items()}
    before = 1.0
    for name, stage in teacher.stages.items():
        if isinstance(stage, nn.Conv2d):
            after = sizes.get(name.replace("conv", "relu"), before)
            stage.weight.mul_(before / after)
            stage.bias.div_(after)
            before = after
    return teacher


class DeepTeacher(nn.Module):
    """relu4_1 of the compressed VGG-19, through its projection to the 512 genuine channels."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.weights = load_file(path)

    def forward(self, images: Tensor) -> Tensor:
        mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
        x = (images - mean) / std
        for name in ("1_1", "1_2", "2_1", "2_2", "3_1", "3_2", "3_3", "3_4", "4_1"):
            if name in ("2_1", "3_1", "4_1"):
                x = F.max_pool2d(x, 2)
            x = F.relu(self._conv(F.pad(x, (1, 1, 1, 1), mode="reflect"), f"conv{name}"))
        return F.relu(self._conv(x, "conv4_1_aux"))

    def _conv(self, x: Tensor, name: str) -> Tensor:
        return F.conv2d(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])


def new_student(begin: str | None) -> FeatureExtractor:
    """Return a student that learns: from the weights in a file, or from random ones."""
    if begin:
        student = build_backbone("compact", (*LAYERS, "relu4_1"), begin, padding="reflect")
        return student.to(memory_format=torch.channels_last).requires_grad_(True)
    student = BACKBONES["compact"]("max", "reflect").to(memory_format=torch.channels_last).requires_grad_(True)
    for conv in student.modules():
        if isinstance(conv, nn.Conv2d):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
            nn.init.zeros_(conv.bias)
    return student


def warm_up(student: FeatureExtractor, teacher: FeatureExtractor, pictures: Iterator[Tensor], steps: int) -> None:
    """Fit the first layer alone, which is small and on which all others build."""
    optimizer = torch.optim.Adam(student.stages["conv1_1"].parameters())
    for step in range(steps):
        set_lr(optimizer, 1e-2 * falling(step / steps))
        if step % 8 == 0:
            seen = next(pictures)
        images = seen[torch.randint(len(seen), (2,))]
        with torch.no_grad():
            theirs = teacher(images, ["relu1_1"])["relu1_1"]
        loss = F.mse_loss(student(images, ["relu1_1"])["relu1_1"], theirs)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def mismatch(ours: Features, theirs: Features) -> Tensor:
    """Sum, over the layers, the relative squared errors of features and of Gram matrices."""
    total = torch.zeros(())
    for layer in LAYERS:
        error = (ours[layer] - theirs[layer]).square().mean(dtype=torch.float32)
        total = total + error / theirs[layer].square().mean(dtype=torch.float32).clamp_min(0.05)
        ours_gram, theirs_gram = gram(ours[layer]), gram(theirs[layer])
        squares = theirs_gram.square().mean((1, 2)).clamp_min(1e-4)
        total = total + 0.2 * ((ours_gram - theirs_gram).square().mean((1, 2)) / squares).mean()
    return total


def descend(features: Features, image: Tensor, style: Features, content: Tensor, mix: Tensor, graph: bool) -> Tensor:
    """Return the gradient that reaches the image from a mix ``(B, 4)`` of three style terms and one content term."""
    loss = torch.zeros(())
    for i, layer in enumerate(LAYERS):
        target = gram(style[layer]).detach()
        distance = (gram(features[layer]) - target).square().mean((1, 2)) / target.square().mean((1, 2))
        loss = loss + (mix[:, i] * distance).sum()
    moved = (features[LAYERS[-1]] - content.detach()).float().square().mean((1, 2, 3))
    loss = loss + (mix[:, 3] * moved).sum()
    return torch.autograd.grad(loss, image, create_graph=graph)[0]


def angle(ours: Tensor, theirs: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean cosine of two gradients, and a loss that also asks for the same length."""
    ours, theirs = ours.float().flatten(1), theirs.float().flatten(1)
    cosine = F.cosine_similarity(ours, theirs).mean()
    ratio = (ours.norm(dim=1).clamp_min(1e-12) / theirs.norm(dim=1).clamp_min(1e-12)).log().clamp(-3, 3)
    return cosine, 1 - cosine + 0.1 * ratio.square().mean()


def mesh_error(ours: Tensor, theirs: Tensor) -> Tensor:
    """Mean squared difference of the logarithms of two gradients' power at periods of two and four pixels."""
    return (mesh_power(ours) - mesh_power(theirs)).square().mean()


def mesh_power(gradients: Tensor) -> Tensor:
    """Return the logarithm of the share of power of ``(B, 3, N, N)`` at all periods of two and four pixels, but 0."""
    power = torch.fft.fft2(gradients.float()).abs().square().mean((0, 1))
    every = power.shape[-1] // 4
    return (power[::every, ::every].flatten()[1:] / power.mean() + 1e-3).log()


def deep_error(student: FeatureExtractor, features: Tensor, theirs: Tensor) -> Tensor:
    """Relative squared error of relu4_1, whose gradient ends at relu3_1."""
    x = features.detach()
    for stage in ("down3", "conv4_1", "relu4_1"):
        x = student.stages[stage](x)
    return (x - theirs).float().square().mean() / theirs.square().mean()


def falling(progress: float) -> float:
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress))


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


def train(options: argparse.Namespace) -> FeatureExtractor:
    photos, paintings = crops(options.photos, SIZE, 4), crops(options.paintings, SIZE, 2)
    teacher = load_teacher(options.teacher, torch.cat(list(islice(photos, 8))))
    deep, student = DeepTeacher(options.deep), new_student(options.begin)
    if not options.begin:
        warm_up(student, teacher, (vary(next(photos), next(paintings)) for _ in range(10**9)), 800)
    teacher = teacher.to(torch.bfloat16)
    optimizer = torch.optim.AdamW(student.parameters(), LR, betas=(0.9, 0.99), weight_decay=1e-4)
    pool, start, limit, step = Pool(), time.monotonic(), 60 * options.minutes, 0
    while (progress := (time.monotonic() - start) / limit) < 1:
        set_lr(optimizer, LR * min(1, (step + 1) / 50) * falling(progress))
        photo, painting = next(photos), next(paintings)
        drawn = pool.draw(photo[2:], painting)
        shown = torch.cat([vary(photo[:2], painting), drawn.style, drawn.photo])
        shown = shown.contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            theirs, theirs_deep = teacher(shown.bfloat16(), LAYERS), deep(shown)
        with torch.autocast("cpu", torch.bfloat16):
            ours = student(shown, LAYERS)
            loss = mismatch(ours, theirs) + deep_error(student, ours["relu3_1"], theirs_deep)
        cosine = torch.zeros(())
        if options.begin or progress > FEATURES_ALONE:
            cosine, extra = compare_gradients(student, teacher, pool, ours, theirs)
            loss = loss + extra
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
        step += 1
        if step % 100 == 0:
            print(
                f"{100 * progress:5.1f} %  step {step}  loss {loss.item():.3f}  cosine {cosine.item():.3f}", flush=True
            )
            save(student, options.out)
    return student


def compare_gradients(
    student: FeatureExtractor, teacher: FeatureExtractor, pool: Pool, ours: Features, theirs: Features
) -> tuple[Tensor, Tensor]:
    """Compare the networks on the pool's crops, and move these along the student's gradient."""
    crops = pool.drawn
    style, content = (lambda f: {k: v[2:4] for k, v in f.items()}), (lambda f: f[LAYERS[-1]][4:])
    image = crops.image.bfloat16().requires_grad_()
    features = teacher(image, LAYERS)
    right = descend(features, image, style(theirs), content(theirs), crops.mix, graph=False)
    image = crops.image.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        guessed = student(image, LAYERS)
        found = descend(guessed, image, style(ours), content(ours), crops.mix, graph=True)
        error = mismatch(guessed, {k: v.detach() for k, v in features.items()})
    pool.move(found.detach())
    cosine, turned = angle(found, right)
    return cosine, turned + 0.33 * error + MESH * mesh_error(found, right)


def save(student: FeatureExtractor, path: Path) -> None:
    """Write the weights under torchvision-like numbers, as every backbone's file has them."""
    numbered = enumerate(student.stages.items())
    weights = {f"features.{n}.{key}": v.half() for n, (_, m) in numbered for key, v in m.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({key: value.contiguous() for key, value in weights.items()}, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--teacher", "--deep", "--photos", "--paintings"):
        parser.add_argument(name, required=True)
    parser.add_argument("--minutes", type=float, default=40)
    parser.add_argument("--begin", metavar="FILE", help="go on from these weights, at the full rate again")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    torch.manual_seed(0)
    save(train(options), options.out)


if __name__ == "__main__":
    main()
