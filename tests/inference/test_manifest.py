import json
import os

import pytest

from fastnst.errors import ConfigError
from fastnst.inference.job import Failed, Painted
from fastnst.inference.manifest import check, writing

PAINTED = Painted("in/a b.png", "out/a b.png", 4, 3, 0.5, "ab" * 32)
FAILED = Failed("in/ü\n.png", "out/ü\n.png", 0.1, "in/ü\n.png: the file is empty")


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_a_line_is_in_the_file_at_once(tmp_path):
    path = tmp_path / "new" / "m.jsonl"
    with writing(path) as write:
        write(PAINTED)
        assert lines(path) == [
            {"source": "in/a b.png", "target": "out/a b.png", "width": 4, "height": 3}
            | {"seconds": 0.5, "sha256": "ab" * 32}
        ]
        write(FAILED)
        assert lines(path)[1]["error"] == "in/ü\n.png: the file is empty"


def test_a_manifest_is_added_to_even_where_its_last_line_was_cut_off(tmp_path):
    path = tmp_path / "m.jsonl"
    with writing(path) as write:
        write(PAINTED)
    with path.open("a") as file:
        file.write('{"source": "in')
    with writing(path) as write:
        write(FAILED)
    first, cut, last = path.read_text().splitlines()
    assert json.loads(first)["source"] == "in/a b.png"
    assert cut == '{"source": "in'
    assert json.loads(last)["source"] == "in/ü\n.png"


def test_a_name_that_is_no_utf8_comes_back(tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    with writing(tmp_path / "m.jsonl") as write:
        write(Failed(name, name, 0.1, name))
    assert os.fsencode(lines(tmp_path / "m.jsonl")[0]["source"]) == b"caf\xe9.png"


@pytest.mark.parametrize("data", [b"mine", b'{"source": 1}\n', b"[1]\n", b"\xff\xd8\xff", b'{"a": \n'])
def test_another_file_is_left_alone(tmp_path, data):
    path = tmp_path / "manifest.jsonl"
    path.write_bytes(data)
    with pytest.raises(ConfigError, match=r"is no manifest; name another by --manifest"):
        check(path)
    with pytest.raises(ConfigError), writing(path):
        pass
    assert path.read_bytes() == data


def test_without_a_path_nothing_is_written():
    with writing(None) as write:
        write(PAINTED)
