"""Where photographs come from: a folder, parquet files, or a set on the hub."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

from datasets import Dataset, Image, IterableDataset, disable_progress_bars, load_dataset

from fastnst.errors import ConfigError, first_line
from fastnst.images import EXTENSIONS

Photos: TypeAlias = Dataset | IterableDataset


def open_photos(source: str | os.PathLike[str], split: str = "train") -> Photos:
    """Open a set of photographs as one column ``image`` of undecoded files, ``{"bytes", "path"}``.

    Undecoded, because one broken file would otherwise end a stream, and EXIF, ICC and 16 bit would be settled by
    other rules than ours.

    Args:
        source: A folder of pictures or parquet files, flat or nested; a parquet file; a pattern with ``*`` of either;
            or else the name of a set on the hub, which is streamed.
        split: Which part of a hub set.

    Raises:
        ConfigError: Nothing there, or nothing there that is a picture.
    """
    disable_progress_bars()
    text = os.fspath(source)
    paths = _expand(text)
    if paths is None:
        return _undecoded(_from_hub(text, split), text)
    if not paths:
        raise ConfigError(f"{text}: holds no pictures ({', '.join(sorted(EXTENSIONS))}) and no parquet files")
    if tables := [path for path in paths if path.endswith(".parquet")]:
        return _undecoded(_from_parquet(tables, text), text)
    return _undecoded(Dataset.from_dict({"image": paths}).cast_column("image", Image(decode=False)), text)


def _expand(text: str) -> list[str] | None:
    """List the files that a path or pattern stands for, sorted; ``None`` if it is neither."""
    path = Path(text)
    if path.is_dir():
        found: Iterable[Path] = (entry for entry in path.rglob("*") if entry.is_file())
    elif path.exists():
        found = [path]
    elif glob.has_magic(text):
        found = (Path(name) for name in glob.iglob(text, recursive=True))
    else:
        return None
    wanted = EXTENSIONS | {".parquet"}
    return sorted(str(entry) for entry in found if entry.suffix.lower() in wanted)


def _from_parquet(paths: list[str], text: str) -> Photos:
    try:
        return load_dataset("parquet", data_files=paths, split="train")
    except Exception as error:  # datasets wraps whatever its builders raise
        raise ConfigError(f"{text}: cannot be read as parquet ({first_line(error)})") from error


def _from_hub(name: str, split: str) -> Photos:
    try:
        return load_dataset(name, split=split, streaming=True)
    except Exception as error:  # a dozen kinds, of three libraries, for "not there" and "no network"
        raise ConfigError(
            f"{name}: no such file or folder, and no data set of that name to be had from the hub ({first_line(error)})"
        ) from error


def _undecoded(photos: Photos, text: str) -> Photos:
    column = _image_column(photos, text)
    photos = photos.select_columns([column])
    if column != "image":
        photos = photos.rename_column(column, "image")
    return photos.cast_column("image", Image(decode=False))


def _image_column(photos: Photos, text: str) -> str:
    features: dict[str, Any] = photos.features or {}
    columns = [name for name, feature in features.items() if isinstance(feature, Image)]
    if not columns and "image" not in features:
        raise ConfigError(f"{text}: has no column of pictures; its columns are {', '.join(features)}")
    return columns[0] if columns else "image"
