"""Parquet files of photographs: damaged, with rows that hold no picture, bombs, headers that lie."""

import io
from collections.abc import Callable

import pyarrow as pa
import pyarrow.parquet as pq

from mutants.case import Case, Ground, Rng, one_of
from mutants.damage import damaged
from mutants.pictures import encode, good, smooth
from mutants.pictures import make as make_picture

Made = tuple[str, bytes]


def written(table: pa.Table, **options: object) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def photos(count: int = 6) -> list[dict[str, object]]:
    return [{"bytes": encode(smooth(70 + i, 64), "JPEG"), "path": f"{i}.jpg"} for i in range(count)]


KIND = pa.struct({"bytes": pa.binary(), "path": pa.string()})


def sound(rows: list[object], name: str = "image", kind: pa.DataType = KIND, **options: object) -> bytes:
    return written(pa.table({name: pa.array(rows, kind)}), **options)


def by_chance(rng: Rng, ground: Ground) -> Made:
    packing = str(one_of(rng, "snappy", "zstd", "gzip", "none", "brotli"))
    how, data = damaged(sound(list(photos()), compression=packing), rng)
    return f"{packing}: {how}", data


def end_lies(rng: Rng, ground: Ground) -> Made:
    """Damage the footer, which says where everything is."""
    data = sound(list(photos()))
    size = int.from_bytes(data[-8:-4], "little")
    how, footer = damaged(data[-8 - size : -8], rng)
    length = len(footer) if rng.random() < 0.7 else int(rng.choice([0, 2**31 - 1, 2**32 - 1, 5]))
    return f"footer: {how}", data[: -8 - size] + footer + length.to_bytes(4, "little") + b"PAR1"


def bad_rows(rng: Rng, ground: Ground) -> Made:
    """Rows that hold nothing, or anything but a picture, among good ones."""
    rows: list[object] = list(photos(3))
    choices = (
        *(None, {"bytes": None, "path": None}, {"bytes": b"", "path": "a.jpg"}, {"bytes": b"x" * 1000, "path": None}),
        *({"bytes": None, "path": "/etc/passwd"}, {"bytes": None, "path": "/dev/zero"}, {"bytes": None, "path": "."}),
        *({"bytes": None, "path": "../../x.png"}, {"bytes": None, "path": ""}, {"bytes": None, "path": "a\nb\x1b[31m"}),
        *(
            {"bytes": None, "path": "file:///etc/passwd"},
            {"bytes": None, "path": "zip://a::b"},
            {"bytes": None, "path": "x://y"},
        ),
        {"bytes": good()["plain.jpg"][:500], "path": "cut.jpg"},
    )
    for _ in range(int(rng.integers(1, 6))):
        rows.insert(int(rng.integers(len(rows) + 1)), choices[int(rng.integers(len(choices)))])
    for _ in range(2):
        rows.append({"bytes": make_picture(rng, ground).data, "path": "bad.png"})
    return "rows that hold no picture", sound(rows)


def other_columns(rng: Rng, ground: Ground) -> Made:
    """Another column, or a column of another type."""
    kinds = {
        "numbers": lambda: written(pa.table({"image": [1, 2, 3]})),
        "texts": lambda: written(pa.table({"image": ["a.jpg", "b.jpg"]})),
        "bytes": lambda: written(pa.table({"image": [encode(smooth(80, 70), "JPEG")] * 4})),
        "lists": lambda: written(pa.table({"image": [[1, 2], []]})),
        "no column": lambda: written(pa.table({})),
        "no row": lambda: sound([]),
        "one row": lambda: sound(list(photos(1))),
        "all nothing": lambda: sound([None] * 5),
        "nothing of no type": lambda: written(pa.table({"image": pa.nulls(5)})),
        "a thousand columns": lambda: written(pa.table({f"c{i}": [1] for i in range(1000)})),
        "two of a name": lambda: written(pa.table([pa.array(photos(2), KIND)] * 2, names=["image", "image"])),
        "only paths": lambda: sound([{"path": "a"}], kind=pa.struct({"path": pa.string()})),
        "other fields": lambda: sound([{"x": 1}] * 3, kind=pa.struct({"x": pa.int64()})),
        "nested deep": lambda: written(pa.table({"image": _nested(60)})),
        "a name of lines": lambda: sound(list(photos(3)), "im\nage\x1b[31m"),
    }
    name = list(kinds)[int(rng.integers(len(kinds)))]
    return name, kinds[name]()


def _nested(depth: int) -> pa.Array:
    found: object = 1
    for _ in range(depth):
        found = [found]
    return pa.array([found])


def bomb(rng: Rng, ground: Ground) -> Made:
    """Megabytes or millions of rows out of some kilobytes."""
    how = int(rng.integers(4))
    if how == 0:
        return "a row of 300 MB of zeros", sound([{"bytes": bytes(3 * 10**8), "path": "a"}], compression="zstd")
    if how == 1:
        count = int(rng.choice([10**6, 2 * 10**7]))
        return f"{count} rows of nothing", written(pa.table({"image": pa.nulls(count, KIND)}))
    if how == 2:
        values = pa.DictionaryArray.from_arrays(pa.array([0] * 10**6, pa.int8()), pa.array([b"x" * 5000]))
        return "a million times the same row", written(pa.table({"image": values}))
    rows = [{"bytes": bytes(10**7), "path": "a"}] * 20
    return "20 rows of 10 MB of zeros", sound(rows, compression="gzip")


def described(rng: Rng, ground: Ground) -> Made:
    """What the data set's own library noted in the file lies."""
    notes = (
        b"{",
        b"null",
        b"[" * 50_000,
        b'{"info": {"features": {"image": {"_type": "Nothing"}}}}',
        b'{"info": {"features": {"image": {"_type": "Image", "decode": true}}}}',
        b'{"info": {"features": 5}}',
        b'{"info": {"features": {"other": {"_type": "Image"}}}}',
        b'{"info": {"features": {"image": {"_type": "Audio"}}}}',
        b'{"info": {"features": {"image": {"dtype": "int64", "_type": "Value"}}}}',
        b'{"info": {"features": {"image": {"_type": "Sequence", "feature": {"_type": "Image"}}}}}',
        b'{"info": {"features": {"image": {"names": ["a"], "_type": "ClassLabel"}}}}',
    )
    note = notes[int(rng.integers(len(notes)))]
    table = pa.table({"image": pa.array(photos(), KIND)}).replace_schema_metadata({b"huggingface": note})
    return f"notes of datasets {note[:50]!r}", written(table)


WAYS: tuple[Callable[[Rng, Ground], Made], ...] = (
    *(by_chance, by_chance, by_chance, end_lies, end_lies, bad_rows, bad_rows, bad_rows, other_columns, other_columns),
    *(bomb, described, described),
)


def make(rng: Rng, ground: Ground) -> Case:
    """Make a bad table of photographs, and have it looked at."""
    what, data = WAYS[int(rng.integers(len(WAYS)))](rng, ground)
    words = ("check", "--photos", "{file}", "--size", "64", "--seconds", "0", "--list", "{out}", "--quiet")
    return Case(what, "bad.parquet", data, words, "list.tsv")


def first(ground: Ground) -> tuple[str, ...]:
    """Return a good command that imports datasets."""
    return ("check", "--photos", str(ground.photos), "--size", "64", "--seconds", "0", "--quiet")
