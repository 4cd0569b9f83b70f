import sys

import pytest
import torch

from fastnst import memory
from fastnst.errors import ConfigError
from fastnst.memory import find_memory, free_memory, parse_memory


@pytest.mark.parametrize(
    ("text", "amount"),
    [("2GB", 2**31), ("1.5g", 3 * 2**29), ("800 MB", 800 * 2**20), ("2GiB", 2**31), ("1000", 1000), ("64kb", 2**16)],
)
def test_amounts_are_read(text, amount):
    assert parse_memory(text) == amount


@pytest.mark.parametrize("text", ["", "0", "2 apples", "-1GB", "GB", "0.1b"])
def test_other_words_are_refused(text):
    with pytest.raises(ConfigError, match="such as 2GB or 800MB"):
        parse_memory(text)


def test_half_of_what_is_free_is_used():
    assert 0 < find_memory(torch.device("cpu")) < free_memory()


def test_what_torch_keeps_of_a_gpu_is_free(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 8000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 6000)
    monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 500)
    assert find_memory(torch.device("cuda")) == int(0.8 * 6500)


@pytest.mark.skipif(sys.platform != "linux", reason="control groups are Linux's")
def test_the_tightest_control_group_counts(tmp_path):
    own = tmp_path / "own"
    own.write_text("0::/outer/inner\n")
    for folder, limit in (("outer", "1000"), ("outer/inner", "max")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "memory.max").write_text(limit)
        (tmp_path / folder / "memory.current").write_text("700")
    (tmp_path / "outer" / "memory.stat").write_text("anon 400\ninactive_file 300\n")
    assert memory._of_group(tmp_path, own) == 600
    (tmp_path / "outer" / "memory.max").write_text("max")
    assert memory._of_group(tmp_path, own) == sys.maxsize


def test_without_control_groups_there_is_no_limit(tmp_path):
    assert memory._of_group(tmp_path, tmp_path / "none") == sys.maxsize
