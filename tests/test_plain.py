import io
import pickle
import zipfile
from collections import OrderedDict

import pytest
import torch

from fastnst.plain import PlainError, load_plain


@pytest.fixture
def path(tmp_path):
    return tmp_path / "weights.pth"


class Runs:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize("zipped", [True, False])
def test_plain_data_and_tensors_are_read(path, zipped):
    torch.save({"a": torch.ones(3), "b": [1, "x", {"c": torch.zeros(2)}]}, path, _use_new_zipfile_serialization=zipped)
    loaded = load_plain(path)
    assert torch.equal(loaded["a"], torch.ones(3))
    assert loaded["b"][:2] == [1, "x"]


def test_tied_weights_are_read(path):
    shared = torch.rand(1000)
    torch.save(OrderedDict(a=shared, b=shared), path)
    assert set(load_plain(path)) == {"a", "b"}


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_told_and_not_run(path, zipped, capsys):
    torch.save({"a": torch.ones(3), "b": Runs()}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(PlainError) as caught:
        load_plain(path)
    assert caught.value.program
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        (torch.zeros(1).expand(10**6, 10**4), "larger than what is stored"),
        (torch.zeros(1, 1, 1, 1).expand(10**4, 3, 9, 9), "larger than what is stored"),
        (torch.zeros(3, dtype=torch.complex64), "of a kind that no network has"),
        (torch.empty(10**5, 10**5, device="meta"), "of a kind that no network has"),
        (torch.sparse_coo_tensor(torch.zeros(2, 0, dtype=torch.long), torch.zeros(0), (9, 9)), "of a kind that"),
    ],
    ids=["repeated", "filters repeated", "complex", "without memory", "sparse"],
)
def test_tensors_that_would_fill_the_memory_are_refused(path, tensor, words):
    torch.save({"state": [{"a": tensor}]}, path)
    with pytest.raises(PlainError, match=words):
        load_plain(path)


def test_an_archive_that_unpacks_to_more_is_refused(path):
    file = io.BytesIO()
    torch.save({"a": torch.zeros(1000)}, file)
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    with pytest.raises(PlainError, match="compressed archive"):
        load_plain(path)


@pytest.mark.parametrize(
    "data",
    [b"", b"x", b"<html>", pickle.dumps({"a": 1})[:-3], b"PK\x03\x04" + bytes(50), b"cos\nsystem\n(S'true'\ntR."],
)
def test_any_other_file_is_one_kind_of_error(path, data):
    path.write_bytes(data)
    with pytest.raises(PlainError) as caught:
        load_plain(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_its_own_kind(path):
    with pytest.raises(FileNotFoundError):
        load_plain(path)
