import errno

import pytest
import torch

from fastnst.inference.store import Store


@pytest.mark.parametrize("memory", [0, 500, 10**6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_windows_come_back_wherever_they_are_kept(memory, dtype):
    values = torch.rand(9, 7, 3).to(dtype)
    with Store(memory) as store:
        for first in (0, 4, 8):
            store.put("map", first, values[first : first + 4].clone())
        for rows, columns in [(slice(0, 9), slice(0, 7)), (slice(2, 6), slice(1, 4)), (slice(8, 9), slice(6, 7))]:
            window = store.read("map", rows, columns)
            assert torch.equal(window[0].permute(1, 2, 0), values[rows, columns])


def test_what_is_forgotten_makes_room():
    with Store(400) as store:
        for first in (0, 2, 4, 6):
            store.put("a", first, torch.full((2, 5, 4), float(first)))  # 160 bytes each: two in memory, two in the file
        assert store.used == 320
        end = store._end
        store.forget("a", before=5)
        assert store.used == 0
        store.forget("a")
        for first in (0, 2, 4, 6):
            store.put("b", first, torch.full((2, 5, 4), first + 1.0))
        assert store._end == end  # the file did not grow
        assert store.read("b", slice(1, 7), slice(0, 1))[0, 0, :, 0].tolist() == [1, 3, 3, 5, 5, 7]


def test_the_file_has_no_name(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    with Store(0) as store:
        store.put("map", 0, torch.rand(2, 3, 4))
        assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line_with_a_remedy(monkeypatch):
    class Full:
        def seek(self, place): ...
        def close(self): ...
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Store, "_opened", lambda self: Full())
    with (
        Store(0) as store,
        pytest.raises(OSError, match=r"No space left.*set TMPDIR .* or give --statistics thumbnail"),
    ):
        store.put("map", 0, torch.rand(2, 3, 4))
