import shutil

import fsspec
import numpy as np
import pytest
import torch
from PIL import Image

from fastnst.data import decode, open_photos
from fastnst.data.loader import CropLoader
from fastnst.data.photos import FLAT, NOISE, PhotoDataset, flatten, random_crop
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


def shown_pixels(side, monkeypatch, size=32):
    """Return how many pixels of a photograph, whose red tells the column, each of many crops shows."""
    monkeypatch.setattr("fastnst.data.photos.FLAT", 0)
    image = Image.fromarray(np.tile(np.linspace(0, 255, side)[None, :, None], (side, 1, 3)).astype(np.uint8))
    reds = [np.asarray(random_crop(image, size, np.random.default_rng(seed)), float)[0, :, 0] for seed in range(200)]
    return np.array([abs(red[-2] - red[1]) / (size - 3) * size / 255 * side for red in reds])


def test_crops_show_a_quarter_to_all_of_a_large_photograph_and_no_scale_more_often(monkeypatch):
    shown = shown_pixels(512, monkeypatch) / 512
    assert 0.23 < shown.min() < 0.3
    assert 0.9 < shown.max() < 1.05
    assert 0.45 < np.median(shown) < 0.55


def test_a_small_photograph_is_magnified_at_most_twice_unless_it_is_tiny(monkeypatch):
    assert 15 < shown_pixels(40, monkeypatch).min() < 18
    assert 8.5 < shown_pixels(20, monkeypatch).min() < 12


def test_a_few_crops_are_flat():
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    crops = (np.asarray(random_crop(noise, 32, np.random.default_rng(seed)), float) for seed in range(400))
    flat = sum(np.abs(np.diff(crop, axis=1)).mean() < 15 for crop in crops)
    assert 0.3 * FLAT < flat / 400 < 2 * FLAT


def test_a_flat_crop_keeps_the_colors_and_no_detail(make_picture):
    picture = make_picture()
    flat = np.asarray(flatten(picture, np.random.default_rng(0)), float)
    assert flat.shape == np.asarray(picture).shape
    assert np.abs(flat.mean((0, 1)) - np.asarray(picture, float).mean((0, 1))).max() < 10
    assert np.abs(np.diff(flat, 2, axis=1)).max() <= 4 * NOISE + 8


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
