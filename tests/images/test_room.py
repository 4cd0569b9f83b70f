import errno
import os

import numpy as np
import pytest

from fastnst.images import Picture, read_pictures, room, write_pictures
from fastnst.images.recolor import keep_colors
from fastnst.images.resample import resample


@pytest.fixture
def crowded(monkeypatch):
    """A machine without free memory."""
    monkeypatch.setattr(room, "SMALL", 0)
    monkeypatch.setattr(room, "free_memory", lambda: 1)


def test_small_arrays_and_those_that_fit_are_in_memory(monkeypatch):
    monkeypatch.setattr(room, "free_memory", lambda: pytest.fail("asked"))
    assert not isinstance(room.room((10, 10, 3), np.uint8), np.memmap)
    monkeypatch.setattr(room, "SMALL", 0)
    monkeypatch.setattr(room, "free_memory", lambda: 1200)
    assert not isinstance(room.room((10, 10, 3), np.uint8), np.memmap)
    assert isinstance(room.room((11, 10, 3), np.uint8), np.memmap)


def test_others_are_in_a_file_without_a_name(crowded, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    values = room.room((20, 30, 3), np.uint16)
    values[:] = 7
    assert (values == 7).all()
    assert not list(tmp_path.iterdir())


def test_pictures_come_out_the_same(crowded, tmp_path, monkeypatch):
    values = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    results = []
    for _ in range(2):
        enlarged = resample(values, 80, 100)
        write_pictures([Picture(keep_colors(enlarged, enlarged[::-1], "histogram"))], tmp_path / "a.png")
        results.append((isinstance(enlarged, np.memmap), np.asarray(read_pictures(tmp_path / "a.png")[0].values)))
        monkeypatch.undo()
    assert [kept for kept, _ in results] == [True, False]
    assert np.array_equal(results[0][1], results[1][1])


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="needs posix_fallocate")
def test_a_full_disk_is_one_line_before_anything_is_written(crowded, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"cannot keep 0\.3 GB of pixels in .*No space left.*set TMPDIR"):
        room.room((10**4, 10**4, 3), np.uint8)
