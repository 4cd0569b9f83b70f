"""Pictures that are painted in one pass become what each becomes alone."""

import threading
from importlib.util import find_spec

import numpy as np
import pytest
import torch

import fastnst
from fastnst.images import Picture
from fastnst.inference import joint
from fastnst.inference.folder import Batch
from fastnst.inference.job import StylizeJob
from fastnst.inference.joint import Joint
from fastnst.inference.plan import plan


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("model", ["plain", "gallery"])
def test_a_picture_becomes_in_a_batch_what_it_becomes_alone(model_file, gallery, model, precision):
    stylizer = fastnst.load(gallery if model == "gallery" else model_file, "cpu", precision)
    stylizer = stylizer.styled("wave") if model == "gallery" else stylizer
    rng = np.random.default_rng(0)
    photos = [rng.integers(0, 256, (37, 50, 3), dtype=np.uint8) for _ in range(3)]
    photos.append(np.full_like(photos[0], 7))  # of one color, which a stylizer paints in one color
    together = joint.paint(stylizer, photos)
    differences = np.abs(np.stack(together).astype(int) - [stylizer.paint(photo) for photo in photos])
    assert differences.max() <= 1
    assert (differences > 0).mean() < 1e-3
    np.testing.assert_array_equal(together[3], stylizer.paint(photos[3]))


def test_small_pictures_are_painted_together_and_large_ones_alone():
    def together(height: int, width: int, device: str = "cpu", dtype: type = np.uint8) -> int:
        return joint.together(np.empty((height, width, 3), dtype), 8, torch.device(device))

    assert (together(1, 1), together(256, 256), together(512, 512), together(2048, 2048)) == (8, 4, 1, 1)
    assert (together(256, 256, "cuda"), together(1024, 1024, "cuda"), together(1025, 1024, "cuda")) == (8, 4, 1)
    assert together(16, 16, dtype=np.uint16) == 1


def test_threads_that_wait_at_the_same_time_share_a_pass(model_file, monkeypatch):
    stylizer, passes = fastnst.load(model_file, "cpu", "float32"), []
    one_by_one = joint.paint
    monkeypatch.setattr(
        joint, "paint", lambda stylizer, photos: passes.append(len(photos)) or one_by_one(stylizer, photos)
    )
    company, photos = Joint(), [np.full((20, 24, 3), level, np.uint8) for level in range(6)]
    found: dict[int, np.ndarray] = {}
    held, go = threading.Event(), threading.Event()
    busy = threading.Thread(target=company.alone, args=(lambda: (held.set(), go.wait(10)),))
    busy.start()
    held.wait(10)
    threads = [
        threading.Thread(target=lambda n=n: found.update({n: company(stylizer, photos[n])})) for n in range(len(photos))
    ]
    for thread in threads:
        thread.start()
    while company.waiting < len(photos):
        go.wait(0.01)
    go.set()
    for thread in [busy, *threads]:
        thread.join(10)
    company.close()
    assert passes == [6]
    for number, photo in enumerate(photos):
        np.testing.assert_array_equal(found[number], stylizer.paint(photo))


needs_onnx = pytest.mark.skipif(not find_spec("onnxruntime") or not find_spec("onnx"), reason="needs the extra onnx")


@needs_onnx
@pytest.mark.parametrize("size", [None, 30])
def test_where_one_pass_has_all_there_is_a_folder_is_painted_as_elsewhere(
    model_file, tmp_path, monkeypatch, make_picture, size
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for number in range(9):
        make_picture(40, 30 - 4 * (number % 2), seed=number).save(f"in/{number}.png")
    (tmp_path / "in" / "broken.png").write_bytes(b"")
    results = {}
    for engine in ("onnx", "torch"):
        tasks = plan(("in",), f"out_{engine}", "style").tasks
        job = StylizeJob(tasks, str(model_file), device="cpu", precision="float32", engine=engine, size=size)
        batch = Batch(job)
        kept: dict[str, Picture] = {}
        monkeypatch.setattr(
            batch, "keep", lambda painted, target, made, kept=kept: kept.update({target.name: painted[0]})
        )
        outcomes = list(batch.outcomes())
        batch.close()
        assert sum(hasattr(outcome, "error") for outcome in outcomes) == 1
        results[engine] = kept
    assert len(results["onnx"]) == 9
    for name, picture in results["torch"].items():
        assert np.abs(picture.values.astype(int) - results["onnx"][name].values).max() <= 1


@needs_onnx
def test_a_single_picture_is_painted_in_the_thread_that_can_be_interrupted(model_file, tmp_path, make_picture):
    make_picture(12, 9).save(tmp_path / "a.png")
    tasks = plan((str(tmp_path / "a.png"),), str(tmp_path / "b.png"), "style").tasks
    batch = Batch(StylizeJob(tasks, str(model_file), device="cpu", precision="float32", engine="onnx"))
    threads: list[threading.Thread] = []
    batch.keep = lambda painted, target, made: threads.append(threading.current_thread()) or ""
    list(batch.outcomes())
    assert threads == [threading.current_thread()]
    assert batch.painter.joint is None
