"""Make a trained style a bundled one: half precision, and a card that says what it is.

    python scripts/card.py runs/starry/style.safetensors starry_night
    python scripts/card.py runs/gallery/style.safetensors gallery --photo photo.jpg
    python scripts/card.py --sheet photos/*.jpg

The first writes ``checkpoints/starry_night.safetensors`` and ``checkpoints/starry_night.md``. The second does so with a
network of several styles, each of which has a name of ``styles.yaml``, and paints the photograph in each of them at
several strengths into ``scripts/gallery.jpg``; a picture that another file beside it holds is left out. The third
paints photographs with every style there is into ``scripts/styles.jpg``: a row for each photograph, which comes
first, and a column for each style, in the order of their names, in bands of so many that all are well seen; in the
column of a network of several styles, each photograph is painted in a mix of two. The table of styles in
``checkpoints/README.md`` is brought up to date.
"""

import argparse
import math
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import torch
from card_text import card, index, strips
from mixes import STEPS, mixes, strengths
from PIL import Image, ImageOps
from style_table import find, read_table

from fastnst import assets
from fastnst.atomic import replacing
from fastnst.checkpoint import CheckpointError, Metadata, load_checkpoint, read_metadata, save_checkpoint
from fastnst.images import open_image, pack_image, read_image, resize
from fastnst.images.sheet import contact_sheet, picture_grid
from fastnst.inference import Stylizer, load

FOLDER = Path(__file__).parents[1] / "checkpoints"
SHEET = Path(__file__).with_name("styles.jpg")
SIDE, MOST_STYLES = 320, 7
"""Side of a picture of the sheet of all styles, pixels; styles in a row of it."""

STRIP = 160
"""Width of a picture in the sheet of strengths, pixels."""

MOST_BYTES = 1_000_000


def publish(
    model: Path, name: str, folder: Path = FOLDER, style: Path | None = None, photo: Path | None = None
) -> Path:
    """Write a style, or several of one network, as ``name``, with a card, and return its path.

    Args:
        model: As ``fastnst train`` leaves it.
        name: Of the file; where it holds one style, of that too.
        folder: Where to.
        style: The picture imitated, for a file of one style that does not hold it.
        photo: What several styles are shown on.

    Raises:
        SystemExit: A style is not in ``styles.yaml``.
    """
    network, metadata = load_checkpoint(model)
    table, several = read_table(), len(metadata.styles) > 1
    if not several and len(metadata.styles) != 1:
        raise SystemExit(f"{model}: names no style; there is nothing to say of it on a card")
    names = [str(held["name"]) for held in metadata.styles] if several else [name]
    facts = [find(each, table).facts for each in names]
    metadata = replace(metadata, styles=[held | known for held, known in zip(metadata.styles, facts, strict=True)])
    path = folder / f"{name}.safetensors"
    metadata = _without_copies(metadata, path) if several else _with_picture(metadata, style)
    save_checkpoint(path, network, metadata, torch.float16)
    load_checkpoint(path)  # whole, and no weight too large for half precision
    if several and photo:
        write_strips(load(path), open_image(photo), strips(path))
    path.with_suffix(".md").write_text(card(path, table), "utf-8")
    write_index(folder)
    return path


def _with_picture(metadata: Metadata, style: Path | None) -> Metadata:
    if style is None:
        return metadata
    held = metadata.styles[0]
    return replace(metadata, styles=[held | {"picture": pack_image(resize(read_image(style), *held["size"]))}])


def _without_copies(metadata: Metadata, path: Path) -> Metadata:
    """Leave out the pictures that other files in the folder of ``path`` hold: they are most of a file."""
    there = {style.get("sha256") for style in _neighbors(path) if "picture" in style}
    kept = [
        {key: value for key, value in style.items() if key != "picture" or style.get("sha256") not in there}
        for style in metadata.styles
    ]
    return replace(metadata, styles=kept)


def _neighbors(path: Path) -> Iterator[dict[str, Any]]:
    for file, metadata in _published(path.parent).items():
        if file != path:
            yield from metadata.styles


def _published(folder: Path) -> dict[Path, Metadata]:
    """Read what whole style files in a folder say of themselves."""
    found = {}
    for file in sorted(folder.glob("*.safetensors")):
        with suppress(CheckpointError):
            found[file] = read_metadata(file)
    return found


def write_index(folder: Path) -> None:
    """Bring the table of styles in a folder's README up to date, if it has one."""
    file = folder / "README.md"
    if file.is_file():
        styles = {path.stem: metadata for path, metadata in _published(folder).items()}
        text = file.read_text("utf-8")
        text = re.sub(r"^\| style \|.*\n(\|.*\n)*", lambda _: index(styles) + "\n", text, count=1, flags=re.MULTILINE)
        file.write_text(text, "utf-8")


def write_strips(stylizer: Stylizer, photo: Image.Image, path: Path) -> None:
    """Paint a photograph in each style of a network at several strengths, a row for each, and in mixes of two."""
    photo = photo.copy()
    photo.thumbnail((2 * STRIP, 2 * STRIP), Image.Resampling.LANCZOS)
    names = stylizer.styles
    cells = [*strengths(stylizer, names, photo), *mixes(stylizer, names[:2], photo)]
    with replacing(path) as temporary:
        contact_sheet(cells, len(STEPS), STRIP).save(temporary, format="JPEG", quality=85, optimize=True)


def write_sheet(photos: list[Path], path: Path) -> None:
    """Paint every photograph with every bundled style: bands of styles, each band beginning with the photographs."""
    columns = [column(load(model)) for model in assets.styles().values()]
    width = math.ceil(len(columns) / math.ceil(len(columns) / MOST_STYLES))
    squares = [ImageOps.fit(open_image(photo), (SIDE, SIDE), Image.Resampling.LANCZOS) for photo in photos]
    empty = Image.new("RGB", (SIDE, SIDE), "white")
    pictures = []
    for band in (columns[first : first + width] for first in range(0, len(columns), width)):
        for square in squares:
            painted = [paint(square) for paint in band]
            pictures += [square, *painted, *[empty] * (width - len(band))]
    with replacing(path) as temporary:
        sheet = picture_grid(pictures, 1 + width, SIDE)
        sheet.save(temporary, format="JPEG", quality=88, optimize=True, progressive=True)


def column(stylizer: Stylizer) -> Callable[[Image.Image], Image.Image]:
    """Return what paints a column of the sheet; several styles take turns, in mixes of one and the next."""
    if len(stylizer.styles) < 2:
        return stylizer
    pairs = cycle(list(pairwise(stylizer.styles)))
    return lambda picture: stylizer.styled(dict.fromkeys(next(pairs), 1.0))(picture)


def say_size(path: Path) -> str:
    """Say how large a file is, and whether that is too much."""
    size = path.stat().st_size
    return f"{path}: {size / 1e6:.2f} MB" + (", which is too much to bundle" if size > MOST_BYTES else "")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", type=Path, help="a style.safetensors, as fastnst train leaves it")
    parser.add_argument("name", nargs="?", help=f"{', '.join(read_table())}; any for several styles in one network")
    parser.add_argument("--style", type=Path, help="the picture imitated, where the model does not hold it")
    parser.add_argument("--photo", type=Path, help="paint it at several strengths, for a network of several styles")
    parser.add_argument("--sheet", nargs="+", type=Path, metavar="PHOTO", help="write scripts/styles.jpg")
    options = parser.parse_args()
    if (options.name is None) == (options.sheet is None):
        parser.error("give a model and its name, or --sheet and photographs")
    if options.sheet:
        write_sheet(options.sheet, SHEET)
        return
    print(say_size(publish(options.model, options.name, style=options.style, photo=options.photo)))


if __name__ == "__main__":
    main()
