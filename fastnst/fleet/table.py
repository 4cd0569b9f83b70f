"""Painted pictures as tables of parquet: a file for each batch, in one folder.

A row is ``image`` (``{"bytes", "path"}``, as Hugging Face ``datasets`` and ``fastnst train --photos`` read it),
``source``, ``width``, ``height`` and ``sha256`` of the bytes. The manifest of the folder says which parts count. A part
that it does not name was written by a worker that was lost before it could tell; its pictures are in another part, and
it is removed.
"""

import hashlib
import io
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fastnst.atomic import WriteError, naming, replacing
from fastnst.errors import first_line
from fastnst.inference.job import Painted
from fastnst.remote import Place, Remote, listing

SUFFIX = ".parquet"

PART = re.compile(r"part-[0-9a-f]{16}\.parquet")
"""The names that :func:`part_name` makes."""

MANIFEST = "_manifest.jsonl"
"""In the folder of the parts, where readers of parquet pass over it by its name."""

FEATURES = {
    "image": {"_type": "Image"},
    **{name: {"dtype": kind, "_type": "Value"} for name, kind in
       (("source", "string"), ("width", "int32"), ("height", "int32"), ("sha256", "string"))},
}  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A painted picture.

    Args:
        path: Its name below the folder.
        data: The file.
        painted: What became of it.
    """

    path: str
    data: bytes
    painted: Painted


def part_name(sources: Sequence[Place]) -> str:
    """Name the part of a batch by its pictures, so that a batch painted twice is one part."""
    names = "\n".join(str(source) for source in sources)
    return f"part-{hashlib.sha256(names.encode(errors='surrogateescape')).hexdigest()[:16]}{SUFFIX}"


def write_part(path: Place, rows: Sequence[Row]) -> None:
    """Write a part, all or nothing.

    Raises:
        WriteError: It cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema(
        [("image", image), ("source", pa.string()), ("width", pa.int32()), ("height", pa.int32()),
         ("sha256", pa.string())],
        metadata={"huggingface": json.dumps({"info": {"features": FEATURES}})},
    )  # fmt: skip
    entries = [
        {
            "image": {"bytes": row.data, "path": _text(row.path)},
            "source": _text(row.painted.source),
            "width": row.painted.width,
            "height": row.painted.height,
            "sha256": row.painted.sha256,
        }
        for row in rows
    ]
    buffer = io.BytesIO()
    try:
        parquet.write_table(pa.Table.from_pylist(entries, schema), buffer, compression="NONE")
    except pa.ArrowException as error:
        raise WriteError(f"{path}: cannot be written ({first_line(error)})") from error
    if isinstance(path, Remote):
        path.write_bytes(buffer.getvalue())
        return
    with naming(path), replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def parts(folder: Place) -> set[str]:
    """Name the parts in a folder, those of :func:`part_name` alone: others write tables called part-something too."""
    return {name for name in listing(folder) if PART.fullmatch(name)}


def remove_unnamed(folder: Place, named: Collection[str]) -> None:
    """Remove the parts that a manifest does not name."""
    for name in parts(folder) - set(named):
        (folder / name).unlink(missing_ok=True)


def _text(name: str) -> str:
    """Write bytes of a name that are no UTF-8 as escapes."""
    return name.encode(errors="backslashreplace").decode()
