"""Make a trained style a bundled one: half precision, and a card that says what it is.

    python scripts/card.py runs/starry/style.safetensors starry_night
    python scripts/card.py --sheet photos/*.jpg

The first writes ``checkpoints/starry_night.safetensors`` and ``checkpoints/starry_night.md``. The second paints
photographs with every style there is into ``checkpoints/styles.jpg``: a row for each photograph, which comes first, and
a column for each style, in the order of their names.
"""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps

from fastnst import assets
from fastnst.about import artwork, network_line
from fastnst.atomic import replacing
from fastnst.checkpoint import Metadata, load_checkpoint, save_checkpoint
from fastnst.images import open_image, pack_image, read_image, resize
from fastnst.images.sheet import picture_grid
from fastnst.inference import load
from fastnst.registry import unknown

FOLDER = Path(__file__).parents[1] / "checkpoints"
SIDE = 320
MOST_BYTES = 1_000_000

ARTWORKS = {
    "starry_night": ("The Starry Night", "Vincent van Gogh (1853-1890)", "1889"),
    "the_great_wave": ("The Great Wave off Kanagawa", "Katsushika Hokusai (1760-1849)", "c. 1831"),
    "the_scream": ("The Scream", "Edvard Munch (1863-1944)", "1893"),
    "composition_vii": ("Composition VII", "Wassily Kandinsky (1866-1944)", "1913"),
    "udnie": ("Udnie", "Francis Picabia (1879-1953)", "1913"),
    "shipwreck": ("The Wreck of a Transport Ship", "J. M. W. Turner (1775-1851)", "c. 1810"),
    "mondrian_composition": ("A cubist composition", "Piet Mondrian (1872-1944)", "c. 1913"),
    "tahitian_women": ("A Tahitian scene", "Paul Gauguin (1848-1903)", "1890s"),
    "painted": ("A sun above a restless sea", "drawn by fastnst itself (fastnst/samples.py)", ""),
}
"""Title, artist and date by the name of the style: nothing is published whose origin is not written down here."""

OLD = "The painting is in the public domain where copyright lasts 70 years after the author's death."
OWN = "The style picture is drawn by fastnst itself and is under its MIT licence."
WEIGHTS = "The weights are under the MIT licence of this project; they were trained with"
BORROWED = (
    "photographs of BSDS500 and samples of ImageNet, which are for research and education: say so where you publish "
    "them."
)
FREE = "the photographs that come with scikit-image."


def publish(model: Path, name: str, folder: Path = FOLDER, style: Path | None = None) -> Path:
    """Write the style ``name`` and its card, and return the style's path; ``style`` is put into a file without it."""
    if name not in ARTWORKS:
        raise SystemExit(unknown("style", name, ARTWORKS))
    network, metadata = load_checkpoint(model)
    if len(metadata.styles) != 1:
        raise SystemExit(f"{model}: holds {len(metadata.styles)} styles; a card is about one")
    facts = dict(zip(("title", "artist", "date"), ARTWORKS[name], strict=True))
    held = metadata.styles[0]
    if style:
        held = held | {"picture": pack_image(resize(read_image(style), *held["size"]))}
    metadata = replace(metadata, styles=[{**held, "name": name, **facts}])
    path = folder / f"{name}.safetensors"
    save_checkpoint(path, network, metadata, torch.float16)
    load_checkpoint(path)  # whole, and no weight too large for half precision
    path.with_suffix(".md").write_text(card(path), "utf-8")
    return path


def card(path: Path) -> str:
    """Say what a style is, how it was trained and judged, and what may be done with it."""
    network, metadata = load_checkpoint(path)
    photos, size = (metadata.judged.get(key, "no") for key in ("photos", "size"))
    parts = [
        f"# {path.stem}",
        ". ".join(artwork(metadata)) + ".",
        f"    fastnst stylize --model {path.stem} photo.jpg",
        f"Network: {network_line(network, path)}, in half precision.",
        f"## How it was trained\n\n{table(trained(metadata))}",
        f"## How it was judged\n\nOn {photos} held-out photographs of {size} px; each term with its weight, lower is "
        f"nearer.\n\n{table(metadata.judged.get('terms', {}))}",
        f"## Licence\n\n{f'{OWN} {WEIGHTS} {FREE}' if path.stem == 'painted' else f'{OLD} {WEIGHTS} {BORROWED}'}",
    ]
    return "\n\n".join(parts) + "\n"


def trained(metadata: Metadata) -> dict[str, Any]:
    """Collect what the training was asked for."""
    loss = {f"loss: {key}": value for key, value in metadata.loss.items() if key != "content_scales"}
    return {**metadata.training, **loss, "date": metadata.created, "fastnst": metadata.fastnst_version}


def table(rows: dict[str, Any]) -> str:
    """Write names and values as Markdown."""
    return "\n".join(["| | |", "|---|---|", *(f"| {key} | {_plain(value)} |" for key, value in rows.items())])


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def write_sheet(photos: list[Path], path: Path) -> None:
    """Paint every photograph with every bundled style."""
    squares = [ImageOps.fit(open_image(photo), (SIDE, SIDE), Image.Resampling.LANCZOS) for photo in photos]
    loaded = [load(model) for model in assets.styles().values()]
    stylizers = [stylizer for stylizer in loaded if len(stylizer.styles) < 2]
    pictures = [picture for square in squares for picture in (square, *(paint(square) for paint in stylizers))]
    with replacing(path) as temporary:
        sheet = picture_grid(pictures, 1 + len(stylizers), SIDE)
        sheet.save(temporary, format="JPEG", quality=88, optimize=True, progressive=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, help="a style.safetensors, as fastnst train leaves it")
    parser.add_argument("name", nargs="?", help=", ".join(ARTWORKS))
    parser.add_argument("--style", type=Path, help="the picture imitated, where the model does not hold it")
    parser.add_argument("--sheet", nargs="+", type=Path, metavar="PHOTO", help="write checkpoints/styles.jpg")
    options = parser.parse_args()
    if (options.name is None) == (options.sheet is None):
        parser.error("give a model and its name, or --sheet and photographs")
    if options.sheet:
        write_sheet(options.sheet, FOLDER / "styles.jpg")
        return
    path = publish(options.model, options.name, style=options.style)
    size = path.stat().st_size
    print(f"{path}: {size / 1e6:.2f} MB" + (", which is too much to bundle" if size > MOST_BYTES else ""))


if __name__ == "__main__":
    main()
