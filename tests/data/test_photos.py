import shutil

import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from fastnst.data import open_photos
from fastnst.data.photos import PhotoDataset, PhotoStream
from fastnst.errors import ConfigError


@pytest.fixture
def mixed(tmp_path, photos):
    """Twelve good photographs, a text, a truncated file and a tiny one."""
    folder = tmp_path / "mixed"
    shutil.copytree(photos, folder)
    (folder / "text.jpg").write_text("not a picture")
    (folder / "half.png").write_bytes((folder / "01.png").read_bytes()[:200])
    Image.new("RGB", (8, 8)).save(folder / "tiny.png")
    return folder


def test_crops_have_the_size_and_are_bytes(photos):
    crop = PhotoDataset(open_photos(photos), 32, seed=0, augment=True)[(0, 1)]
    assert (crop.shape, crop.dtype) == ((3, 32, 32), torch.uint8)


def test_a_crop_depends_on_seed_pass_and_index_alone(photos):
    def crop(seed, key):
        return PhotoDataset(open_photos(photos), 32, seed=seed, augment=True)[key]

    assert torch.equal(crop(0, (0, 1)), crop(0, (0, 1)))
    assert not torch.equal(crop(0, (0, 1)), crop(0, (1, 1)))
    assert not torch.equal(crop(0, (0, 1)), crop(1, (0, 1)))


def test_workers_do_not_change_what_is_seen(mixed):
    keys = [[(0, i), (0, i + 1)] for i in range(0, 14, 2)]
    batches = []
    for workers in (0, 2):
        dataset = PhotoDataset(open_photos(mixed), 32, seed=0, augment=True)
        batches.append(torch.cat(list(DataLoader(dataset, batch_sampler=keys, num_workers=workers))))
    assert torch.equal(*batches)


def test_broken_and_tiny_photographs_are_passed_over_and_named(mixed):
    dataset = PhotoDataset(open_photos(mixed), 32, seed=0, augment=True)
    loader = DataLoader(dataset, batch_sampler=[[(0, i)] for i in range(15)], num_workers=2)
    assert len(list(loader)) == 15
    assert sorted(name.rsplit("/")[-1] for name in dataset.report()) == ["half.png", "text.jpg", "tiny.png"]


def test_nothing_usable_is_an_error_that_names_files(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.jpg").write_text("no")
    with pytest.raises(ConfigError, match=r"no usable photograph .*0\.jpg: not a picture"):
        PhotoDataset(open_photos(tmp_path), 32, seed=0, augment=True)[(0, 0)]


def test_a_stream_goes_on_behind_broken_photographs(mixed):
    stream = PhotoStream(open_photos(mixed).to_iterable_dataset(), 32, seed=0)
    crops = [crop for crop, _ in zip(stream, range(30), strict=False)]
    assert len(crops) == 30
    assert len(stream.report()) >= 3


def test_a_stream_of_nothing_usable_ends(tmp_path):
    (tmp_path / "0.jpg").write_text("no")
    with pytest.raises(ConfigError, match="no usable photograph"):
        next(iter(PhotoStream(open_photos(tmp_path).to_iterable_dataset(), 32, seed=0)))
