"""Where photographs come from: a folder, parquet files, or a set on the hub."""

import logging
import os
from pathlib import Path
from typing import Any, TypeAlias

from datasets import Dataset, Image, IterableDataset, disable_progress_bars, load_dataset
from pyarrow.parquet import read_metadata

from fastnst.errors import LONGEST, ConfigError, first_line, shortened
from fastnst.images import EXTENSIONS, find_files

Photos: TypeAlias = Dataset | IterableDataset

TABLE = ".parquet"

LARGEST_GAIN, SMALL = 50, 2**26
"""A table may unpack to so many times its size, and to so many bytes more."""


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
    logging.getLogger("datasets").setLevel(logging.CRITICAL)  # it reports what it raises as well
    text = os.fspath(source)
    files = find_files(text, EXTENSIONS | {TABLE})
    if files is None:
        return _undecoded(_from_hub(text), text)
    if not files:
        raise ConfigError(f"{text}: holds no pictures ({', '.join(sorted(EXTENSIONS))}) and no parquet files")
    if tables := [str(file) for file in files if file.suffix.lower() == TABLE]:
        if len(tables) < len(files):
            raise ConfigError(f"{text}: holds pictures and parquet files; give one kind, such as {text}/*.parquet")
        return _undecoded(_from_parquet(tables, text), text)
    paths = [str(file) for file in files]
    return _undecoded(Dataset.from_dict({"image": paths}).cast_column("image", Image(decode=False)), text)


def _from_parquet(paths: list[str], text: str) -> Photos:
    try:
        for path in paths:
            _check_table(path)
        return load_dataset("parquet", data_files=paths, split="train")
    except ConfigError:
        raise
    except Exception as error:  # datasets wraps whatever its builders raise
        raise ConfigError(f"{text}: cannot be read as parquet ({first_line(error.__cause__ or error)})") from error


def _check_table(path: str) -> None:
    """Refuse a table that unpacks to far more than it is: pictures are packed already.

    Raises:
        ConfigError: It would fill the memory, or the disk.
    """
    facts, size = read_metadata(path), Path(path).stat().st_size
    unpacked = sum(facts.row_group(number).total_byte_size for number in range(facts.num_row_groups))
    if facts.num_rows > size or unpacked > LARGEST_GAIN * size + SMALL:
        raise ConfigError(
            f"{path}: its {facts.num_rows} rows unpack to {unpacked / 10**6:.0f} MB out of {size / 10**6:.3g} MB; "
            f"these are no photographs"
        )


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
    try:
        return photos.cast_column("image", Image(decode=False))
    except Exception as error:  # of a dozen kinds, by what the column holds
        raise ConfigError(f"{text}: its column {column} holds no pictures ({first_line(error)})") from error


def _image_column(photos: Photos, text: str) -> str:
    features: dict[str, Any] = photos.features or {}
    columns = [name for name, feature in features.items() if isinstance(feature, Image)]
    if not columns and "image" not in features:
        names = shortened(", ".join(features), LONGEST)
        raise ConfigError(f"{text}: has no column of pictures; its columns are {names or 'none'}")
    if not columns and not _may_be_pictures(features["image"]):
        raise ConfigError(
            f"{text}: its column image holds no pictures but {shortened(str(features['image']), LONGEST)}"
        )
    return columns[0] if columns else "image"


def _may_be_pictures(feature: Any) -> bool:
    """Tell whether a column may hold files, or their names."""
    if isinstance(feature, dict):
        return bool({"bytes", "path"} & feature.keys())
    return getattr(feature, "dtype", "") in ("string", "large_string", "binary", "large_binary")
