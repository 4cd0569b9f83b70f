from itertools import islice

import pytest
import torch
from datasets import Dataset, Features, Image, IterableDataset, load_dataset
from PIL import Image as Pictures

from fastnst.data.loader import CropLoader
from fastnst.data.stream import PhotoStream, digest
from fastnst.errors import ConfigError
from fastnst.images import encode_image

BROKEN = {"bytes": b"no picture", "path": None}
COUNT = 14


def flat(number: int) -> dict:
    """A photograph of one color, by which its crops are known again."""
    return {"bytes": encode_image(Pictures.new("RGB", (40, 36), (10 * number, 0, 0))), "path": f"{number}.png"}


def table(entries: list[dict]) -> Dataset:
    return Dataset.from_dict({"image": entries}, features=Features({"image": Image(decode=False)}))


def stream(entries: list[dict], shards: int) -> IterableDataset:
    return table(entries).to_iterable_dataset(num_shards=shards)


@pytest.fixture
def textured(make_picture) -> list[dict]:
    """Eleven photographs and three broken ones, two of them side by side."""
    entries = [{"bytes": encode_image(make_picture(seed=i)), "path": None} for i in range(COUNT)]
    for place in (3, 4, 9):
        entries[place] = {"bytes": b"no picture, number %d" % place, "path": None}
    return entries


def batches(photos, count: int, workers: int = 0, start: int = 0, **options) -> list[torch.Tensor]:
    crops = PhotoStream(photos, 32, seed=0, batch_size=2, start=start, **options)
    return list(islice(CropLoader(crops, workers, batch_size=2), count))


def seen(found: list[torch.Tensor]) -> list[int]:
    """Number the photographs of :func:`flat` that crops were cut from."""
    return [round(int(crop[0].float().mean()) / 10) for batch in found for crop in batch]


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("start", [1, 4, 9, 16])
def test_a_resumed_stream_goes_on_bit_for_bit(textured, workers, start):
    """In the first pass of seven batches, in the second, in the third."""
    straight = batches(stream(textured, 3), 20, workers)
    resumed = batches(stream(textured, 3), 20 - start, workers, start)
    assert len({batch.numpy().tobytes() for batch in straight}) == 20
    assert all(torch.equal(*pair) for pair in zip(straight[start:], resumed, strict=True))


def test_a_resumed_stream_of_parquet_files_goes_on_bit_for_bit(textured, tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.SLEEP_TIME_ON_THREADS_SHUTDOWN", 0)  # five seconds at the end of each pass
    for i in range(2):
        table(textured[i::2]).to_parquet(tmp_path / f"{i}.parquet")
    photos = load_dataset("parquet", data_files=str(tmp_path / "*.parquet"), split="train", streaming=True)
    straight, resumed = batches(photos, 16, 2), batches(photos, 5, 2, start=11)
    assert all(torch.equal(*pair) for pair in zip(straight[11:], resumed, strict=True))


def test_resuming_decodes_nothing_that_was_served(textured, monkeypatch):
    decoded = []
    monkeypatch.setattr("fastnst.data.stream.decode", lambda *args: decoded.append(args) or Pictures.new("RGB", (9, 9)))
    batches(stream(textured, 1), 2, start=30)
    assert len(decoded) == 4


def test_every_pass_shows_every_photograph_in_another_order():
    found = seen(batches(stream([flat(i) for i in range(8)], 2), 8))
    assert sorted(found[:8]) == sorted(found[8:]) == list(range(8))
    assert found[:8] != found[8:]


def test_a_broken_photograph_is_replaced_by_the_next():
    found = seen(batches(stream([flat(1), BROKEN, flat(2), BROKEN], 1), 4))
    assert set(found) == {1, 2}


@pytest.mark.parametrize("shards", [3, 4])
def test_processes_share_a_pass_without_overlap(shards):
    photos = stream([flat(i) for i in range(12)], shards)
    first, second = (set(seen(batches(photos, 3, rank=rank, world_size=2))) for rank in range(2))
    assert not first & second
    assert first | second == set(range(12))


def test_held_out_photographs_are_not_streamed_by_any_worker():
    photos = stream([flat(i) for i in range(12)], 2)
    held_out = frozenset(digest(row) for row in photos.take(4))
    assert set(seen(batches(photos, 30, workers=2, held_out=held_out))) == set(range(4, 12))


@pytest.mark.parametrize("workers", [0, 2])
def test_skipped_photographs_of_a_stream_are_named_once(workers):
    entries = [*(flat(i) for i in range(6)), {"bytes": b"no", "path": "text.jpg"}, BROKEN]
    crops = PhotoStream(stream(entries, 2), 32, seed=0, batch_size=2)
    loader = CropLoader(crops, workers, batch_size=2)
    list(islice(loader, 20))
    unnamed, named = sorted(loader.skipped.values())
    assert named == "text.jpg"
    assert unnamed.startswith("photograph ")
    assert "of worker" in unnamed


@pytest.mark.timeout(60)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_stream_without_photographs_ends_with_an_error(workers):
    photos = stream([flat(0), flat(1)], 2)
    everything = frozenset(digest(row) for row in photos)
    with pytest.raises(ConfigError, match="no photographs .* 2 that are held out"):
        batches(photos, 1, workers, held_out=everything)


@pytest.mark.timeout(60)
def test_more_workers_than_files_end_with_an_error_and_do_not_spin():
    with pytest.raises(ConfigError, match=r"^worker 1 of 2 finds no photographs .*; lower data\.workers$"):
        batches(stream([flat(0), flat(1)], 1), 4, workers=2)


def test_a_stream_takes_one_worker_for_each_file_of_its_share():
    photos = stream([flat(i) for i in range(12)], 4)
    assert PhotoStream(photos, 32, seed=0).most_workers == 4
    assert PhotoStream(photos, 32, seed=0, world_size=2).most_workers == 2


@pytest.mark.parametrize("workers", [0, 1])
def test_a_stream_of_nothing_usable_ends_with_one_line(workers):
    reason = r"photograph \d+ of worker 0 in pass \d+: not a picture of a known format \([^\n]*\)"
    with pytest.raises(ConfigError, match=rf"^no usable photograph among 64 in a row: {reason}$"):
        batches(stream([BROKEN], 1), 1, workers)


def test_crops_vary_with_the_seed(textured):
    first, second = (next(iter(PhotoStream(stream(textured, 1), 32, seed=seed))).crop for seed in range(2))
    assert not torch.equal(first, second)
