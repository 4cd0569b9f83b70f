"""Say how well ``compact`` stands in for VGG-19, as a table in Markdown.

    python scripts/compact_report.py --teacher vgg19.safetensors --photos val.parquet --paintings styles/ \
        --stylizers a.safetensors b.safetensors --lattice sky.jpg painting.jpg

On held-out photographs, on paintings, and on the photographs as painted by trained networks: the correlation of every
channel (median), the distance to a painting's Gram matrix as a ratio of ours to VGG's (median), and the cosine between
the gradients of that distance that reach the image (median). ``--lattice`` paints a photograph with a flat sky by
``fastnst optimize`` under either, and says how much of the pixel grid shows in the flat areas, by the period in pixels
(:func:`fastnst.images.lattice.lattice_by_period`; 1 to 5 is none).
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

import fastnst
from fastnst.backbones import FeatureExtractor, build_backbone
from fastnst.data.module import ImageDataModule
from fastnst.images import as_written, fit, read_image
from fastnst.images.lattice import PERIODS, lattice_by_period
from fastnst.losses import LossConfig, gram
from fastnst.optimize import Optimization, OptimizeConfig, Style

LAYERS = ("relu1_1", "relu2_1", "relu3_1")
SIZE = 192
PAINTED, STEPS = 288, 60
"""Longer side and steps of the pictures whose lattice is measured: enough for a mesh to grow."""


def agreement(student: FeatureExtractor, teacher: FeatureExtractor, images: Tensor, style: Tensor, layer: str):
    ours, theirs = (backbone(images, [layer])[layer].transpose(0, 1).flatten(1) for backbone in (student, teacher))
    correlation = F.cosine_similarity(ours - ours.mean(1, keepdim=True), theirs - theirs.mean(1, keepdim=True)).median()
    gradients, distances = [], []
    for backbone in (student, teacher):
        target = gram(backbone(style, [layer])[layer])
        image = images.clone().requires_grad_()
        distance = (gram(backbone(image, [layer])[layer]) - target).square().mean((1, 2)) / target.square().mean()
        distance.sum().backward()
        distances.append(distance.detach())
        gradients.append(image.grad.flatten(1))
    return correlation, (distances[0] / distances[1]).median(), F.cosine_similarity(*gradients).median()


def lattice_rows(content: str, style: str, teacher: str, student: str | None, steps: int = STEPS) -> Iterator[str]:
    """Yield rows of a table: the lattice of the photograph, and of what is painted under each backbone."""
    photo, painting = fit(read_image(content), longer=PAINTED), fit(read_image(style), shorter=PAINTED)
    yield _row("the photograph", photo, photo)
    for name, backbone, weights in (("compact", "compact", student), ("VGG-19", "vgg19", teacher)):
        yield _row(f"painted under {name}", painted_under(backbone, weights, photo, painting, steps), photo)


def painted_under(backbone: str, weights: str | None, photo: Tensor, painting: Tensor, steps: int) -> Tensor:
    """Optimize a picture with the style compared at full size alone: what other scales add would hide a mesh."""
    layers = dict.fromkeys(LAYERS, 1.0)
    loss = LossConfig(backbone, {LAYERS[-1]: 1.0}, layers, scales={1: 1.0}, content_scale=1, weights=weights).build()
    run = Optimization(photo, [Style(painting)], loss, OptimizeConfig(steps, precision="float32"))
    for _ in run:
        pass
    return as_written(run.result().image)


def _row(name: str, image: Tensor, photo: Tensor) -> str:
    return f"| {name} | {' | '.join(f'{figure:.1f}' for figure in lattice_by_period(image, photo).values())} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--teacher", "--photos", "--paintings"):
        parser.add_argument(name, required=True)
    parser.add_argument("--stylizers", nargs="*", default=[])
    parser.add_argument("--weights", help="of compact; what is in the package by default")
    parser.add_argument("--lattice", nargs=2, metavar=("CONTENT", "STYLE"), help="paint these under either, too")
    options = parser.parse_args()
    teacher = build_backbone("vgg19", LAYERS, options.teacher, padding="reflect")
    student = build_backbone("compact", LAYERS, options.weights, padding="reflect")
    data = ImageDataModule(options.photos, options.photos, size=SIZE, val_count=16, workers=0)
    data.setup()
    pictures = [fit(read_image(path), shorter=2 * SIZE) for path in sorted(Path(options.paintings).glob("*.jpg"))]
    paintings = torch.cat([picture[..., :SIZE, :SIZE] for picture in pictures])
    shown = {"held-out photographs": data.held_out, "paintings": paintings[1:]}
    if options.stylizers:
        painted = [fastnst.load(path, "cpu")(data.held_out[:8]) for path in options.stylizers]
        shown["photographs painted by networks"] = torch.cat(painted)
    print("| | layer | correlation | Gram distance, ours / VGG's | cosine of image gradients |\n|---|---|---|---|---|")
    for kind, images in shown.items():
        for layer in LAYERS:
            correlation, ratio, cosine = agreement(student, teacher, images, paintings[:1], layer)
            print(f"| {kind} | {layer} | {correlation:.3f} | {ratio:.2f} | {cosine:.3f} |")
    if options.lattice:
        print(f"\n| lattice at a period of | {' | '.join(f'{period} px' for period in PERIODS)} |\n|---|---|---|---|")
        for row in lattice_rows(*options.lattice, options.teacher, options.weights):
            print(row)


if __name__ == "__main__":
    main()
