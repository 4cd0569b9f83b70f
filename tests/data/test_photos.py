import shutil

import fsspec
import pytest
import torch
from PIL import Image

from fastnst.data import decode, open_photos
from fastnst.data.loader import CropLoader
from fastnst.data.photos import PhotoDataset
from fastnst.errors import ConfigError
from fastnst.images import ImageError, encode_image


@pytest.fixture
def mixed(tmp_path, photos):
    """Twelve good photographs, a text, a truncated file and a tiny one."""
    folder = tmp_path / "mixed"
    shutil.copytree(photos, folder)
    (folder / "text.jpg").write_text("not a picture")
    (folder / "half.png").write_bytes((folder / "01.png").read_bytes()[:200])
    Image.new("RGB", (8, 8)).save(folder / "tiny.png")
    return folder


def crop(folder, seed, key) -> torch.Tensor:
    return PhotoDataset(open_photos(folder), 32, seed=seed)[key].crop


def test_crops_have_the_size_and_are_bytes(photos):
    assert (crop(photos, 0, (0, 1)).shape, crop(photos, 0, (0, 1)).dtype) == ((3, 32, 32), torch.uint8)


def test_a_crop_depends_on_seed_pass_and_index_alone(photos):
    assert torch.equal(crop(photos, 0, (0, 1)), crop(photos, 0, (0, 1)))
    assert not torch.equal(crop(photos, 0, (0, 1)), crop(photos, 0, (1, 1)))
    assert not torch.equal(crop(photos, 0, (0, 1)), crop(photos, 1, (0, 1)))


def test_workers_do_not_change_what_is_seen(mixed):
    keys = [[(0, i), (0, i + 1)] for i in range(0, 14, 2)]
    batches = []
    for workers in (0, 2):
        dataset = PhotoDataset(open_photos(mixed), 32, seed=0)
        batches.append(torch.cat(list(CropLoader(dataset, workers, batch_sampler=keys))))
    assert torch.equal(*batches)


@pytest.mark.parametrize("workers", [0, 2])
def test_broken_and_tiny_photographs_are_skipped_and_named(mixed, workers):
    dataset = PhotoDataset(open_photos(mixed), 32, seed=0)
    loader = CropLoader(dataset, workers, batch_sampler=[[(0, i)] for i in range(15)] * 2)
    assert len(list(loader)) == 30
    assert sorted(name.rsplit("/")[-1] for name in loader.skipped.values()) == ["half.png", "text.jpg", "tiny.png"]


@pytest.mark.parametrize("workers", [0, 1])
def test_nothing_usable_is_one_line_that_names_files_with_workers_and_without(tmp_path, workers):
    for i in range(3):
        (tmp_path / f"{i}.jpg").write_text("no")
    loader = CropLoader(PhotoDataset(open_photos(tmp_path), 32, seed=0), workers, batch_sampler=[[(0, 0)]])
    words = r"^no usable photograph among 3 in a row: \S*0\.jpg: not a picture [^\n]*$"
    with pytest.raises(ConfigError, match=words):
        list(loader)


@pytest.mark.parametrize("workers", [0, 1])
def test_photographs_that_cannot_be_reached_are_one_line_too(photos, monkeypatch, workers):
    def unreachable(*args):
        raise OSError("the network is down\nand so on")

    monkeypatch.setattr("fastnst.data.photos.decode", unreachable)
    loader = CropLoader(PhotoDataset(open_photos(photos), 32, seed=0), workers, batch_sampler=[[(0, 0)]])
    with pytest.raises(OSError, match=r"^the photographs cannot be read \(the network is down\)$"):
        list(loader)


def test_a_photograph_without_a_path_has_a_number(photos):
    rows = [{"image": {"bytes": b"no", "path": None}}] * 2
    loader = CropLoader(PhotoDataset([*rows, *open_photos(photos)], 32, seed=0), batch_sampler=[[(0, 0)]])
    list(loader)
    assert list(loader.skipped.values()) == ["photograph 0", "photograph 1"]


def test_a_file_of_a_hub_set_that_is_no_table_is_fetched(make_picture):
    with fsspec.open("memory://set/a.png", "wb") as file:
        file.write(encode_image(make_picture()))
    row = {"image": {"bytes": None, "path": "memory://set/a.png"}}
    assert decode(row, 32).tobytes() == make_picture().tobytes()
    with pytest.raises(ImageError, match=r"memory://set/gone\.png: no such file"):
        decode({"image": {"bytes": None, "path": "memory://set/gone.png"}}, 32)
