"""The pictures of ``adapt.py``: what each network makes of the content photographs, and a sheet of all styles."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from adapt_runs import Run
from PIL import Image
from torch import Tensor

from fastnst.checkpoint import load_checkpoint
from fastnst.errors import ConfigError
from fastnst.images import find_files, fit, open_image, read_image, write_image
from fastnst.images.sheet import contact_sheet

SIDE = 512
"""Longer side of what is painted, pixels."""

BLANK = Image.new("RGB", (SIDE, SIDE // 2), "#eee")
"""In the place of a picture that is not there yet."""

Rows = Mapping[tuple[str, str], Mapping[str, Any]]
"""Results by style and name of the run."""


def network_file(out: Path, style: str, run: str) -> Path:
    return out / "networks" / style / f"{run}.safetensors"


def read_contents(sources: Iterable[str], out: Path) -> dict[str, Tensor]:
    """Read photographs at the size that is painted, and keep them so beside the paintings."""
    contents: dict[str, Tensor] = {}
    for source in sources:
        files = find_files(source)
        if not files:
            raise ConfigError(f"{source}: no pictures there")
        contents |= {file.stem: fit(read_image(file), longer=SIDE) for file in files}
    for name, photo in contents.items():
        write_image(photo, out / "content" / f"{name}.png")
    return contents


@torch.inference_mode()
def paint(out: Path, style: str, run: str, contents: Mapping[str, Tensor]) -> None:
    """Paint what is not painted yet, with the network that the run has left, if it is there."""
    folder = out / "pictures" / style / run
    missing = [name for name in contents if not (folder / f"{name}.png").is_file()]
    if not missing or not network_file(out, style, run).is_file():
        return
    network, _ = load_checkpoint(network_file(out, style, run))
    network = network.to(memory_format=torch.channels_last)
    for name in missing:
        write_image(network(contents[name]), folder / f"{name}.png")


def write_sheet(out: Path, styles: Sequence[str], runs: Sequence[Run], rows: Rows, width: int = 256) -> bool:
    """Show a style in each row: the painting, then what the runs make of a photograph, another one in each row.

    Returns:
        Whether there was anything to show.
    """
    photos = sorted(file.name for file in (out / "content").glob("*.png"))
    if not photos or not styles:
        return False
    cells = []
    for number, style in enumerate(styles):
        cells.append((style, open_image(out / "styles" / f"{style}.png")))
        for run in runs:
            file = out / "pictures" / style / run.name / photos[number % len(photos)]
            row = rows.get((style, run.name))
            label = f"{run.start} {run.time}" + (f": {row['loss']:.2f}" if row else "")
            cells.append((label, open_image(file) if file.is_file() else BLANK))
    write_image(contact_sheet(cells, 1 + len(runs), width), out / "sheet.jpg")
    return True


def shown(runs: Sequence[Run], random: int = 2) -> list[Run]:
    """Choose the columns of a sheet: all from the shared start, and the longest from random weights."""
    kinds = ([run for run in runs if run.start == start] for start in ("shared", "random"))
    first, second = (sorted(those, key=lambda run: run.amount) for those in kinds)
    return first + second[-random:]
