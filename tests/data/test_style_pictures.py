import math

import numpy as np
import pytest
import torch
from datasets import IterableDataset
from PIL import Image

from fastnst.data import open_photos
from fastnst.data.style_pictures import StylePictures, cut, pictures, recolor, strengthen, turn, turn_hue
from fastnst.errors import ConfigError
from fastnst.images import read_image


@pytest.fixture
def served(photos) -> StylePictures:
    return StylePictures(photos, 32, drawn_share=0.3, seed=1, drawings=2)


@pytest.fixture
def picture() -> torch.Tensor:
    return torch.rand(3, 20, 30)


def test_pictures_are_square_in_range_and_differ(served):
    drawn = torch.stack([served[index] for index in range(24)])
    assert drawn.shape == (24, 3, 32, 32)
    assert drawn.dtype == torch.float32
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert len({tuple(one.flatten()[:50].tolist()) for one in drawn}) == 24


def test_a_picture_is_a_function_of_seed_and_index(photos, served):
    again = StylePictures(open_photos(photos), 32, drawn_share=0.3, seed=1, drawings=2)
    expected = [served[index] for index in range(12)]
    assert all(torch.equal(again[index], expected[index]) for index in reversed(range(12)))
    other = StylePictures(photos, 32, drawn_share=0.3, seed=2, drawings=2)
    assert not torch.equal(other[0], expected[0])


def test_share_of_drawn_pictures(photos, monkeypatch):
    seen, plain = [], Image.new("RGB", (32, 32))
    monkeypatch.setattr("fastnst.data.style_pictures.draw", lambda seed, side: seen.append(seed) or plain)
    for share, least, most in ((0, 0, 0), (0.5, 25, 75), (1, 100, 100)):
        served = StylePictures(photos, 16, drawn_share=share, drawings=10**6)
        seen.clear()
        for index in range(100):
            served[index]
        assert least <= len(seen) <= most


def test_half_of_the_pictures_keep_their_colors(photos, monkeypatch):
    changed = []
    monkeypatch.setattr("fastnst.data.style_pictures.recolor", lambda one, rng: changed.append(1) or one)
    served = StylePictures(photos, 16, drawn_share=0)
    for index in range(100):
        served[index]
    assert 35 < len(changed) < 65


def test_crops_are_of_256_pixels_to_all_of_the_shorter_side(make_picture):
    image = make_picture(600, 520)
    boxes = []
    crop = image.resize((64, 64))
    image.resize = lambda size, resample, box: boxes.append(box) or crop
    rng = np.random.default_rng(0)
    for _ in range(200):
        cut(image, 64, rng)
    sides = [right - left for left, _, right, _ in boxes]
    assert 256 <= min(sides) < 265
    assert 505 < max(sides) <= 520
    assert all(left >= 0 and top >= 0 and right <= 600 and bottom <= 520.001 for left, top, right, bottom in boxes)


def test_an_empty_part_is_not_what_is_cut(make_picture):
    image = Image.fromarray(np.zeros((256, 4096, 3), np.uint8))
    image.paste(make_picture(1365, 256))
    rng = np.random.default_rng(0)
    empty = sum(np.asarray(cut(image, 64, rng)).std() < 16 for _ in range(60))
    assert empty < 30  # 38 of 60 at one attempt each


def test_small_paintings_are_served_less_often(tmp_path, make_picture):
    for number, (side, value) in enumerate([(512, 255)] + [(128, 0)] * 2):
        Image.new("RGB", (side, side), (value,) * 3).save(tmp_path / f"{number}.png")
    served = StylePictures(tmp_path, 8, drawn_share=0)
    large = sum(served._painting(np.random.default_rng(seed)).width == 512 for seed in range(120))
    assert large > 70  # 40 without


def test_small_paintings_are_used_whole(make_picture):
    image = make_picture(100, 60)
    assert cut(image, 60, np.random.default_rng(0)).size == (60, 60)


def test_turning_keeps_every_pixel(picture):
    for seed in range(20):
        turned = turn(picture, np.random.default_rng(seed))
        assert torch.equal(turned.flatten(1).sort(1).values, picture.flatten(1).sort(1).values)


def test_recoloring_stays_in_range_and_keeps_flat_areas_flat(picture):
    picture[:, :10] = torch.tensor([0.9, 0.1, 0.4]).view(3, 1, 1)
    for seed in range(40):
        changed = recolor(picture, np.random.default_rng(seed))
        assert changed.shape == picture.shape
        assert changed.min() >= 0
        assert changed.max() <= 1
        assert changed[:, :10].flatten(1).std(1).max() < 1e-5


def test_a_third_of_a_turn_permutes_the_channels(picture):
    assert torch.allclose(turn_hue(picture, 2 * math.pi / 3), picture[[2, 0, 1]], atol=1e-6)
    assert torch.allclose(turn_hue(picture, 0), picture, atol=1e-6)


def test_no_change_of_saturation_and_contrast_is_no_change(picture):
    assert torch.allclose(strengthen(picture, 1, 1), picture, atol=1e-6)
    gray = strengthen(picture, 0, 1)
    assert torch.allclose(gray[0], gray[2], atol=1e-6)


def test_broken_paintings_are_passed_over(tmp_path, make_picture):
    make_picture().save(tmp_path / "good.png")
    (tmp_path / "torn.png").write_bytes((tmp_path / "good.png").read_bytes()[:100])
    served = StylePictures(tmp_path, 16, drawn_share=0)
    assert all(served[index].shape == (3, 16, 16) for index in range(6))
    (tmp_path / "good.png").unlink()
    with pytest.raises(ConfigError, match="no usable painting"):
        StylePictures(tmp_path, 16, drawn_share=0)[0]


def test_streams_are_refused():
    stream = IterableDataset.from_generator(lambda: iter(()))
    with pytest.raises(ConfigError, match="streamed"):
        StylePictures(stream)


def test_held_out_pictures_are_whole_and_unchanged(tmp_path, make_picture):
    make_picture(90, 60).save(tmp_path / "wide.png")
    make_picture(40, 80, seed=1).save(tmp_path / "tall.png")
    held_out = {tuple(one.shape) for one in pictures(tmp_path, 40)}
    assert held_out == {(3, 40, 60), (3, 80, 40)}
    tall = next(one for one in pictures(tmp_path, 40) if one.shape[1] == 80)
    assert torch.equal(tall, read_image(tmp_path / "tall.png")[0])
