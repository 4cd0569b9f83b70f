"""Many pictures at once: every one is accounted for, whatever happens to some."""

import errno
import hashlib
import json
import math
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fastnst.errors import ConfigError
from fastnst.inference import folder
from fastnst.inference.job import StylizeJob
from fastnst.inference.plan import plan
from fastnst.inference.stages import size_up

BROKEN = (b"", b"no picture", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n")


@pytest.fixture
def job(model_file, tmp_path, monkeypatch):
    """Make the job of painting ``in`` into ``out``."""
    monkeypatch.chdir(tmp_path)

    def make(*inputs: str, **settings) -> StylizeJob:
        tasks = plan(inputs or ("in",), "out", "style").tasks
        settings = {"model": str(model_file), "device": "cpu", "manifest": Path("out/manifest.jsonl")} | settings
        return StylizeJob(tasks, **settings)

    return make


def fill(tmp_path, make_picture, names) -> None:
    for number, name in enumerate(names):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        make_picture(12 + number % 5, 9 + number % 3, seed=number).save(path)


def lines() -> list[dict]:
    return [json.loads(line) for line in Path("out/manifest.jsonl").read_text().splitlines()]


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_two_hundred_pictures_of_which_every_tenth_is_broken(job, tmp_path, make_picture, two_threads):
    names = [f"{'abc'[i % 3]}/{i:03}.{('png', 'jpg')[i % 2]}" for i in range(200)]
    fill(tmp_path, make_picture, names)
    for i in range(0, 200, 10):
        (tmp_path / "in" / names[i]).write_bytes(BROKEN[i // 10 % 4])
    seen = []
    result = folder.run(job(), lambda so_far: seen.append(so_far.done) and None)
    assert (len(result.painted), len(result.failed), len(result.skipped)) == (180, 20, 0)
    assert seen == list(range(1, 201))
    noted = lines()
    assert [line["source"] for line in noted] == sorted(f"in/{name}" for name in names)
    for line in noted:
        if "error" in line:
            assert line["error"].startswith(line["source"])
            assert not Path(line["target"]).exists()
        else:
            data = Path(line["target"]).read_bytes()
            assert line["sha256"] == hashlib.sha256(data).hexdigest()
            assert Image.open(line["target"]).size == (line["width"], line["height"])
    assert torch.get_num_threads() == 2
    assert not list(Path("out").rglob("*.part"))


def test_pictures_are_painted_as_they_are_one_by_one(job, tmp_path, make_picture, two_threads):
    fill(tmp_path, make_picture, [f"{i}.png" for i in range(8)])
    folder.run(job())
    stylizer = job().load().layers[0].stylizer
    for i in range(8):
        alone, among = (np.asarray(image, int) for image in (stylizer(f"in/{i}.png"), Image.open(f"out/{i}.png")))
        assert np.abs(alone - among).max() <= 1


def test_a_second_run_paints_what_is_missing_and_adds_to_the_manifest(job, tmp_path, make_picture):
    fill(tmp_path, make_picture, [f"{i}.png" for i in range(6)])
    (tmp_path / "in/3.png").write_bytes(b"")
    folder.run(job())
    make_picture().save("in/3.png")
    Path("out/4.png").write_text("mine")
    Path("out/5.png").unlink()
    result = folder.run(job(skip_existing=True))
    assert [done.source for done in result.painted] == ["in/3.png", "in/5.png"]
    assert len(result.skipped) == 4
    assert Path("out/4.png").read_text() == "mine"
    assert [line["source"] for line in lines()] == [f"in/{i}.png" for i in (0, 1, 2, 3, 4, 5, 3, 5)]


def test_what_a_killed_run_painted_and_could_not_note_is_noted_by_the_next(job, tmp_path, make_picture):
    fill(tmp_path, make_picture, ("a.png", "b.png", "c.png", "d.png"))
    folder.run(job())
    written = Path("out/manifest.jsonl").read_text()
    first, second = written.splitlines(keepends=True)[:2]
    Path("out/manifest.jsonl").write_text(first + second[:30])  # and two lines never came
    for _ in range(2):
        result = folder.run(job(skip_existing=True))
        assert (len(result.painted), len(result.skipped)) == (0, 4)
    first, cut, *late = Path("out/manifest.jsonl").read_text().splitlines()
    assert cut == second[:30]
    by_hand = [json.loads(line) | {"seconds": 0.0} for line in written.splitlines()[1:]]
    assert [json.loads(line) for line in late] == by_hand


def test_what_others_made_is_not_noted(job, tmp_path, make_picture):
    fill(tmp_path, make_picture, ("a.png", "b.png"))
    (tmp_path / "out").mkdir()
    make_picture(4, 4).save("out/a.png")
    folder.run(job(skip_existing=True))
    assert [line["target"] for line in lines()] == ["out/b.png"]
    Path("out/a.png").write_bytes(b"mine")
    folder.run(job(skip_existing=True))
    assert len(lines()) == 1


def test_a_full_disk_ends_it_and_leaves_no_half_picture(job, tmp_path, make_picture, monkeypatch):
    fill(tmp_path, make_picture, [f"{i:02}.png" for i in range(60)])
    fsync, calls = os.fsync, []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    result = folder.run(job())
    assert len(result.painted) == 5
    assert "cannot be written (No space left on device)" in result.obstacle
    assert result.obstacle.startswith("out/")
    assert 1 <= len(result.failed) <= folder.AHEAD * (1 + torch.get_num_threads())  # those that were under way
    assert result.done == len(lines()) < 60
    left = {str(path) for path in Path("out").iterdir()}
    assert left == {done.target for done in result.painted} | {"out/manifest.jsonl"}
    monkeypatch.setattr(os, "fsync", fsync)
    assert len(folder.run(job(skip_existing=True)).painted) == 55


def test_what_cannot_be_written_alone_stops_nothing_else(job, tmp_path, make_picture):
    fill(tmp_path, make_picture, ["a.png", f"{'n' * 250}.bmp", f"{'n' * 250}.png", "z.png"])
    Image.new("RGB", (1, 17000)).save("in/tall.webp.png")
    tasks = [(s, t.with_suffix("") if s.name.startswith("tall") else t) for s, t in job().tasks]
    result = folder.run(replace(job(), tasks=tasks))
    assert [Path(done.source).name[0] for done in result.painted] == ["a", "n", "z"]
    long, tall = result.failed
    assert long.reason == "cannot be written (File name too long)"
    assert tall.error.startswith("out/tall.webp: cannot be written (")
    assert result.obstacle is None


def test_a_target_that_cannot_be_looked_at_is_a_fault_of_one_picture(job, tmp_path, make_picture, monkeypatch):
    fill(tmp_path, make_picture, ["a.png", "b.png"])
    exists = Path.exists

    def fails(path, **options):
        if path.name == "a.png" and "out" in path.parts:
            raise OSError("the store does not answer")
        return exists(path, **options)

    made = job(skip_existing=True)
    monkeypatch.setattr(Path, "exists", fails)
    result = folder.run(made)
    assert (len(result.painted), len(result.failed)) == (1, 1)
    assert "does not answer" in result.failed[0].error


def test_a_larger_painting_counts_as_what_it_is(job, tmp_path, make_picture):
    fill(tmp_path, make_picture, ["a.png"])
    width, height = Image.open("in/a.png").size
    for settings, scale in (({}, 1), ({"size": 4 * max(width, height)}, 4), ({"stroke": 0.5}, 2), ({"stroke": 2.0}, 1)):
        assert size_up(Path("in/a.png"), Path("out/a.png"), job(**settings)) == scale**2 * width * height


def test_memory_that_runs_out_is_a_fault_of_one_picture(job, tmp_path, make_picture, monkeypatch):
    fill(tmp_path, make_picture, [f"{i}.png" for i in range(5)])
    make_picture(31, 31).save("in/2.png")
    paint = folder.paint

    def hungry(painter, pictures):
        if pictures[0].size == (31, 31):
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory\nmore about it")
        return paint(painter, pictures)

    monkeypatch.setattr(folder, "paint", hungry)
    result = folder.run(job())
    assert [failure.error for failure in result.failed] == ["in/2.png: DefaultCPUAllocator: can't allocate memory"]
    assert len(result.painted) == 4


def test_an_error_of_the_settings_ends_it(gallery, job, tmp_path, make_picture):
    fill(tmp_path, make_picture, ["a.png", "b.png"])
    with pytest.raises(ConfigError, match="choose one by --style"):
        folder.run(job(model=str(gallery)))


def test_pictures_are_decoded_while_others_are_painted(job, tmp_path, make_picture, monkeypatch):
    fill(tmp_path, make_picture, [f"{i}.png" for i in range(4)])
    decoded, paint = threading.Semaphore(0), folder.paint
    decode = folder.decode

    def counted(*what):
        picture = decode(*what)
        decoded.release()
        return picture

    def wait_for_another(*what):
        assert decoded.acquire(timeout=5)
        painted = paint(*what)
        if not waited.is_set():
            waited.set()
            assert decoded.acquire(timeout=5)  # a second one, while the first is being painted
            decoded.release()
        return painted

    waited = threading.Event()
    monkeypatch.setattr(folder, "decode", counted)
    monkeypatch.setattr(folder, "paint", wait_for_another)
    assert len(folder.run(job()).painted) == 4


def test_pixels_in_memory_and_threads_at_work_are_bounded(job, tmp_path, make_picture, monkeypatch, two_threads):
    fill(tmp_path, make_picture, [f"{i}.png" for i in range(12)])
    make_picture(60, 50).save("in/5.png")
    monkeypatch.setattr(folder, "HELD_PIXELS", 300)
    monkeypatch.setattr(folder, "PIXELS_PER_THREAD", 1000)
    held, most, threads, lock = [], [], {}, threading.Lock()
    decode, encode, paint = folder.decode, folder.encode, folder.paint

    def note(change, pictures):
        with lock:
            change(math.prod(pictures[0].size))
            most.append(list(held))

    def decoding(*what):
        pictures = decode(*what)
        note(held.append, pictures)
        time.sleep(0.005)
        return pictures

    def painting(painter, pictures):
        threads[pictures[0].size[1]] = torch.get_num_threads()
        return paint(painter, pictures)

    def encoding(pictures, *what):
        encode(pictures, *what)
        note(held.remove, pictures)

    for name, function in (("decode", decoding), ("paint", painting), ("encode", encoding)):
        monkeypatch.setattr(folder, name, function)
    assert len(folder.run(job()).painted) == 12
    assert all(sum(pixels) <= 300 or pixels == [3000] for pixels in most)
    assert max(map(len, most)) >= 2
    assert threads.pop(60) == 2
    assert set(threads.values()) == {1}
