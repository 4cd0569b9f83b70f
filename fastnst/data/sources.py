"""Where photographs come from: a folder, parquet files, or a set on the hub."""

import os
from typing import Any, TypeAlias

from datasets import Dataset, Image, IterableDataset, disable_progress_bars, load_dataset

from fastnst.errors import ConfigError, first_line
from fastnst.images import EXTENSIONS, find_files

Photos: TypeAlias = Dataset | IterableDataset

TABLE = ".parquet"


def open_photos(source: str | os.PathLike[str]) -> Photos:
    """Open a set of photographs as one column ``image`` of undecoded files, ``{"bytes", "path"}``.

    Undecoded, because one broken file would otherwise end a stream, and EXIF, ICC and 16 bit would be settled by
    other rules than ours.

    Args:
        source: A folder of pictures or parquet files, flat or nested; a parquet file; a pattern with ``*`` of either;
            or else the name of a set on the hub, whose part ``train`` is streamed.

    Raises:
        ConfigError: Nothing there, or nothing there that is a picture.
    """
    disable_progress_bars()
    text = os.fspath(source)
    files = find_files(text, EXTENSIONS | {TABLE})
    if files is None:
        return _undecoded(_from_hub(text), text)
    if not files:
        raise ConfigError(f"{text}: holds no pictures ({', '.join(sorted(EXTENSIONS))}) and no parquet files")
    if tables := [str(file) for file in files if file.suffix.lower() == TABLE]:
        return _undecoded(_from_parquet(tables, text), text)
    paths = [str(file) for file in files]
    return _undecoded(Dataset.from_dict({"image": paths}).cast_column("image", Image(decode=False)), text)


def _from_parquet(paths: list[str], text: str) -> Photos:
    try:
        return load_dataset("parquet", data_files=paths, split="train")
    except Exception as error:  # datasets wraps whatever its builders raise
        raise ConfigError(f"{text}: cannot be read as parquet ({first_line(error)})") from error


def _from_hub(name: str) -> Photos:
    try:
        return load_dataset(name, split="train", streaming=True)
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
