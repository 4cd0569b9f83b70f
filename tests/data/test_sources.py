import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, Features, Image, Value

import fastnst.data
from fastnst.data import open_photos
from fastnst.errors import ConfigError


@pytest.fixture
def parquet(tmp_path, make_picture):
    def encoded(seed):
        buffer = io.BytesIO()
        make_picture(seed=seed).save(buffer, "JPEG")
        return {"bytes": buffer.getvalue(), "path": f"{seed}.jpg"}

    data = {"label": ["a"] * 5, "photo": [encoded(i) for i in range(5)]}
    Dataset.from_dict(data, features=Features({"label": Value("string"), "photo": Image()})).to_parquet(
        tmp_path / "p.parquet"
    )
    return tmp_path / "p.parquet"


def test_folders_are_read_nested_and_undecoded(photos):
    rows = list(open_photos(photos))
    assert len(rows) == 12
    assert rows[0]["image"]["path"].endswith(".png")


def test_parquet_files_are_read_whatever_the_column_is_called(parquet):
    for source in (parquet, parquet.parent, str(parquet.parent / "*.parquet")):
        rows = list(open_photos(source))
        assert [row["image"]["path"] for row in rows] == [f"{i}.jpg" for i in range(5)]
        assert rows[0]["image"]["bytes"][:2] == b"\xff\xd8"


def test_patterns_select_files(photos):
    assert len(open_photos(str(photos / "0*.png"))) == 6


def test_a_folder_without_pictures_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ConfigError, match="holds no pictures"):
        open_photos(tmp_path)


def test_neither_path_nor_hub_set_says_so():
    with pytest.raises(ConfigError, match="no such file or folder, and no data set"):
        open_photos("somebody/no-such-set")


def test_a_table_without_pictures_lists_its_columns(tmp_path):
    Dataset.from_dict({"text": ["a"]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ConfigError, match="no column of pictures; its columns are text"):
        open_photos(tmp_path / "t.parquet")


def test_a_folder_of_both_kinds_is_refused(parquet, make_picture):
    make_picture().save(parquet.parent / "a.png")
    with pytest.raises(ConfigError, match="holds pictures and parquet files; give one kind"):
        open_photos(parquet.parent)


def test_broken_parquet_is_one_line(tmp_path):
    (tmp_path / "t.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ConfigError, match="cannot be read as parquet") as error:
        open_photos(tmp_path / "t.parquet")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"image": pa.nulls(2_000_000, pa.binary())}),
        pa.table({"image": [bytes(100_000_000)]}),
    ],
    ids=["rows of nothing", "zeros"],
)
def test_a_table_that_would_fill_memory_or_disk_is_refused(tmp_path, table):
    pq.write_table(table, tmp_path / "t.parquet", compression="zstd")
    with pytest.raises(ConfigError, match=r"rows unpack to .* these are no photographs"):
        open_photos(tmp_path / "t.parquet")


@pytest.mark.parametrize(
    "column", [[1, 2], [[1], [2]], [{"x": 1}], [True]], ids=["numbers", "lists", "others", "flags"]
)
def test_a_column_called_image_that_holds_none_is_named(tmp_path, column):
    pq.write_table(pa.table({"image": column}), tmp_path / "t.parquet")
    with pytest.raises(ConfigError, match=r"t\.parquet: its column image holds no pictures"):
        open_photos(tmp_path / "t.parquet")


def test_only_the_data_module_knows_lightning():
    folder = Path(fastnst.data.__file__).parent
    known = ("pytorch_lightning", "fastnst.data.module")
    users = {path.name for path in folder.glob("*.py") for word in known if f"from {word} import" in path.read_text()}
    assert users == {"module.py"}
