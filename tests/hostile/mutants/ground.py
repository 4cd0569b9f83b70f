"""Good files for the commands to work on."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from fastnst.checkpoint import Metadata, describe, save_checkpoint
from fastnst.networks import build_network
from mutants.case import Ground
from mutants.pictures import smooth


def lay(folder: Path) -> Ground:
    """Write them."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    names = ("photo.png", "photos", "model.safetensors", "gallery.safetensors", "weights.safetensors")
    ground = Ground(folder, *(folder / name for name in names))
    smooth().save(ground.photo)
    ground.photos.mkdir(exist_ok=True)
    for number in range(4):
        smooth(70 + number, 64).save(ground.photos / f"{number}.png")
    network = build_network("johnson", width=4, blocks=1)
    save_checkpoint(ground.model, network, Metadata(describe(network), styles=[{"name": "waves"}]))
    several = build_network("lite", width=8, blocks=1, detail=4, deep=8, deep_blocks=1)
    table = several.add_styles(3, 1920)
    nn.init.normal_(table.codes, 0.5, 0.2)
    assert table.predictor is not None
    table.predictor.begin(torch.rand(4, 1920), several.style_code().detach())
    styles = [{"name": name} for name in ("wave", "starry", "udnie")]
    save_checkpoint(ground.gallery, several, Metadata(describe(several), styles=styles))
    state = {}
    for number, (channels, inside) in {"0": (64, 3), "2": (64, 64), "5": (128, 64)}.items():
        layer = nn.Conv2d(inside, channels, 3)
        state |= {f"features.{number}.weight": layer.weight.detach(), f"features.{number}.bias": layer.bias.detach()}
    save_file(state, ground.weights)
    return ground
