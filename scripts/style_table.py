"""The table of bundled styles, ``styles.yaml``: what each imitates, and where that picture is to be had."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml
from datasets import Dataset, Image, disable_progress_bars
from PIL import Image as Pictures

from fastnst.assets.samples import draw_painting
from fastnst.registry import unknown

TABLE = Path(__file__).with_name("styles.yaml")
DRAWINGS = {"painting": draw_painting}
PLACES = ("picture", "painting", "drawn")


@dataclass(frozen=True)
class Artwork:
    """A picture that is imitated.

    Args:
        name: Of the style.
        title: Of the work.
        artist: With the years of birth and death.
        date: When it was made; may be empty.
        picture: Name of a file.
        painting: ``title`` and ``artist`` of a row.
        drawn: What fastnst draws itself.
        photos: ``samples``, where the style is trained on scikit-image's photographs.
        train: Options of ``fastnst train`` for this style alone.
    """

    name: str
    title: str
    artist: str
    date: str
    picture: str = ""
    painting: Mapping[str, str] = field(default_factory=dict)
    drawn: str = ""
    photos: str = ""
    train: Mapping[str, Any] = field(default_factory=dict)

    @property
    def facts(self) -> dict[str, str]:
        """What a style file says of it."""
        return {key: getattr(self, key) for key in ("name", "title", "artist", "date")}


def read_table(path: Path = TABLE) -> dict[str, Artwork]:
    """Read the table; artworks by name.

    Raises:
        SystemExit: A word that is none of :class:`Artwork`'s, or not one place that a picture comes from.
    """
    table = {}
    for name, entry in yaml.safe_load(path.read_text("utf-8")).items():
        for key in entry.keys() - {item.name for item in fields(Artwork)}:
            raise SystemExit(f"{path}: {name}: {unknown('setting', key, [item.name for item in fields(Artwork)])}")
        if sum(bool(entry.get(place)) for place in PLACES) != 1:
            raise SystemExit(f"{path}: {name}: give one of {', '.join(PLACES)}")
        table[name] = Artwork(name, **entry)
    return table


def find(name: str, table: Mapping[str, Artwork]) -> Artwork:
    """Return the artwork of this name.

    Raises:
        SystemExit: There is none.
    """
    if name not in table:
        raise SystemExit(unknown("style", name, table))
    return table[name]


def fetch_picture(artwork: Artwork, pictures: Path | None, paintings: Path | None, folder: Path) -> Path:
    """Return where an artwork's picture is, in a file that is called like the style.

    What is no such file yet is written to ``folder``.

    Args:
        artwork: Whose.
        pictures: Folder of files.
        paintings: Parquet file with columns ``image``, ``title`` and ``artist``.
        folder: Where to put what is in no file of its own, or in one of another name.

    Raises:
        SystemExit: It is not there.
    """
    if artwork.picture:
        file = _found(artwork, pictures and pictures / artwork.picture, "--pictures")
        return file if file.stem == artwork.name else _written(file.read_bytes(), folder / artwork.name)
    if artwork.painting:
        return _written(_row(artwork, _found(artwork, paintings, "--paintings")), folder / artwork.name)
    path = folder / f"{artwork.name}.png"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        DRAWINGS[artwork.drawn]().save(path)
    return path


def _written(data: bytes, path: Path) -> Path:
    """Write the bytes of a picture to a path, which gets the extension of their format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path = path.with_suffix(f".{(Pictures.open(io.BytesIO(data)).format or 'jpeg').lower()}")
    path.write_bytes(data)
    return path


def _found(artwork: Artwork, path: Path | None, option: str) -> Path:
    if path is None or not path.is_file():
        raise SystemExit(f"{artwork.name}: its picture is not there ({path or f'{option} is not given'})")
    return path


def _row(artwork: Artwork, paintings: Path) -> bytes:
    """Return the bytes of the picture in the row of an artwork."""
    disable_progress_bars()
    rows = Dataset.from_parquet(str(paintings)).cast_column("image", Image(decode=False))
    for row in rows:
        if all(row[key] == wanted for key, wanted in artwork.painting.items()):
            data: bytes = row["image"]["bytes"]
            return data
    raise SystemExit(f"{artwork.name}: {paintings} has no row with {dict(artwork.painting)}")
