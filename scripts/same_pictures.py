"""Does ``compact`` paint the pictures that VGG-19 paints? The same steps under both, style by style.

    python scripts/same_pictures.py --weights vgg19.safetensors --photos train.parquet --val val.parquet \
        --styles styles/*.jpg --show photo1.jpg photo2.jpg --steps 1500 --out same/

For every style the preset ``fast`` is trained twice from the same seed on the same crops, under ``compact`` and under
the genuine VGG-19 in its place, and both networks are judged under the genuine layers on held-out photographs at
256 px. Writes a sheet per style (above ``compact``, below VGG-19), the networks, and ``same.json``.
"""

import argparse
import json
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch
from bench_recipes import SIZE, preset
from PIL import Image
from time_to_quality import Judge, batches, fast_training
from torch import Tensor, nn

from fastnst.checkpoint import Metadata, describe, save_checkpoint
from fastnst.devices import reuse_memory
from fastnst.images import fit, read_image, to_pil, write_image
from fastnst.losses import LossConfig

SHOWN = 512


def train(config: LossConfig, style: Tensor, photos: str, scale_from: Tensor, steps: int) -> nn.Module:
    """Train as the preset ``fast`` does, under another loss."""
    training = fast_training(config, style, scale_from)
    for number, images in enumerate(islice(batches(photos, SIZE), steps)):
        training(images, number / steps)
    return training.network


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--weights", "--photos", "--val"):
        parser.add_argument(name, required=True)
    parser.add_argument("--styles", nargs="+", required=True)
    parser.add_argument("--show", nargs="+", default=[])
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--count", type=int, default=50, help="held-out photographs")
    parser.add_argument("--out", type=Path, default=Path("same"))
    options = parser.parse_args()
    reuse_memory()
    fast = LossConfig(**preset("fast")["loss"])
    genuine = replace(fast, backbone="vgg19", weights=options.weights)
    shown = [fit(read_image(path), shorter=SHOWN)[..., :SHOWN, :SHOWN] for path in options.show]
    options.out.mkdir(parents=True, exist_ok=True)
    table = {}
    for path in map(Path, options.styles):
        style = fit(read_image(path), shorter=preset("fast")["style_size"])
        judge = Judge(options.weights, style, options.val, (SIZE,), options.count)
        networks = [train(c, style, options.photos, judge.photos[SIZE], options.steps) for c in (fast, genuine)]
        ours, theirs = (judge(network)[SIZE] for network in networks)
        table[path.stem] = {"compact": ours, "vgg19": theirs, "ratio": round(ours / theirs, 3)}
        print(path.stem, table[path.stem], flush=True)
        sheet = Image.new("RGB", (SHOWN * len(shown), 2 * SHOWN))
        for row, (name, network) in enumerate(zip(("compact", "vgg19"), networks, strict=True)):
            save_checkpoint(options.out / f"{path.stem}_{name}.safetensors", network, Metadata(describe(network)))
            with torch.no_grad():
                for column, photo in enumerate(shown):
                    sheet.paste(to_pil(network(photo).clamp(0, 1)), (SHOWN * column, SHOWN * row))
        if shown:
            write_image(sheet, options.out / f"{path.stem}.png")
        (options.out / "same.json").write_text(json.dumps(table, indent=2))


if __name__ == "__main__":
    main()
