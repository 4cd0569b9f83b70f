import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from fastnst.data import open_photos
from fastnst.data.survey import survey
from fastnst.errors import ConfigError


@pytest.fixture
def mixed(tmp_path, make_picture):
    """Ten good photographs, a gray one, a copy, a tiny one, two broken ones."""
    for number in range(10):
        make_picture(80, 64, number).save(tmp_path / f"{number}.png")
    make_picture(80, 64, 11).convert("L").save(tmp_path / "gray.jpg")
    make_picture(80, 64, 3).resize((40, 32)).save(tmp_path / "copy.jpg", quality=90)
    make_picture(20, 64, 12).save(tmp_path / "tiny.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "1.png").read_bytes()[:300])
    (tmp_path / "text.jpg").write_text("no")
    return tmp_path


def look(photos, **options):
    findings = []
    found = survey(photos, 32, on_finding=findings.append, **options)
    return found, {(finding.kind, finding.photo.rpartition("/")[2]) for finding in findings}


EXPECTED = {("broken", "cut.png"), ("broken", "text.jpg"), ("tiny", "tiny.png"), ("gray", "gray.jpg")}


def test_a_folder_is_looked_at(mixed):
    found, findings = look(open_photos(mixed))
    assert (found.looked, found.usable, found.finished) == (15, 12, True)
    assert found.counts == {"broken": 2, "tiny": 1, "gray": 1, "duplicate": 1}
    assert findings == {*EXPECTED, ("duplicate", "copy.jpg")} or findings == {*EXPECTED, ("duplicate", "3.png")}


def test_a_stream_is_looked_at(mixed):
    found, findings = look(open_photos(mixed).to_iterable_dataset())
    assert found.usable == 12
    assert findings >= EXPECTED


def test_a_table_is_looked_at_and_its_rows_may_hold_nothing(tmp_path, make_picture):
    file = io.BytesIO()
    make_picture(80, 64).save(file, "PNG")
    rows = [
        {"bytes": file.getvalue(), "path": None},
        None,
        {"bytes": b"x", "path": "x.png"},
        {"bytes": None, "path": None},
    ]
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    pq.write_table(pa.table({"image": pa.array(rows, kind)}), tmp_path / "p.parquet")
    found, findings = look(open_photos(tmp_path / "p.parquet"))
    assert found.usable == 1
    assert findings == {("broken", "photograph 1"), ("broken", "x.png"), ("broken", "photograph 3")}


def test_some_are_looked_at_by_chance(mixed):
    first, again, other = (look(open_photos(mixed), most=5, seed=seed)[1] for seed in (0, 0, 1))
    assert look(open_photos(mixed), most=5)[0].looked == 5
    assert first == again
    assert look(open_photos(mixed), most=99)[0].looked == 15
    assert isinstance(other, set)


def test_what_was_found_so_far_is_told(mixed, monkeypatch):
    monkeypatch.setattr("fastnst.data.survey.TOGETHER", 4)
    found, _ = look(open_photos(mixed), on_progress=lambda found: found.looked >= 8)
    assert (found.looked, found.finished) == (8, False)


def test_a_set_that_cannot_be_read_further_says_so():
    class Broken(Dataset):
        def __init__(self):
            pass

        def __len__(self):
            return 3

        def __getitem__(self, number):
            raise KeyError("row group 5")

    with pytest.raises((OSError, ConfigError), match="row group 5"):
        survey(Broken(), 32)
