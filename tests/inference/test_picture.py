import contextlib

import numpy as np
import pytest
import torch
from PIL import Image

from fastnst.errors import ConfigError
from fastnst.images import Picture
from fastnst.inference import Layer, Painter, load
from fastnst.inference.picture import blend, common_statistics, resized

RNG = np.random.default_rng(0)


@pytest.fixture
def stylizer(model_file):
    return load(model_file, device="cpu", precision="float32")


@pytest.fixture
def others(gallery):
    return [load(gallery, device="cpu", precision="float32", style=style) for style in ("wave", "udnie")]


def noise(*shape: int, kind=np.uint8) -> np.ndarray:
    return RNG.integers(0, np.iinfo(kind).max, shape, dtype=kind, endpoint=True)


def mask(path, box, size=(60, 40)):
    image = Image.new("L", size)
    image.paste(255, box)
    image.save(path)
    return str(path)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_painting_keeps_all_but_its_values(stylizer, kind):
    alpha = np.full((40, 60), np.iinfo(kind).max, kind)
    picture = Picture(noise(40, 60, 3, kind=kind), alpha, b"profile", b"exif", b"xmp", 40, 3)
    (painted,) = Painter([Layer(stylizer)])([picture])
    assert (painted.values.shape, painted.values.dtype) == ((40, 60, 3), kind)
    assert not np.array_equal(painted.values, picture.values)
    np.testing.assert_array_equal(painted.alpha, alpha)
    assert (painted.profile, painted.exif, painted.xmp, painted.plays) == (b"profile", b"exif", b"xmp", 3)


def test_eight_and_sixteen_bits_are_painted_alike(stylizer):
    values = noise(40, 60, 3)
    deep = stylizer.paint(values.astype(np.uint16) * 257)
    assert np.abs(stylizer.paint(values) - deep / 257).max() <= 0.51


def test_hidden_colors_are_not_painted(stylizer):
    alpha = np.zeros((40, 60), np.uint8)
    alpha[:, :30] = 255
    values = np.full((40, 60, 3), 90, np.uint8)
    hidden = values.copy()
    hidden[:, 30:] = noise(40, 30, 3)
    first, second = (Painter([Layer(stylizer)])([Picture(v, alpha)])[0] for v in (values, hidden))
    np.testing.assert_array_equal(first.values, second.values)
    np.testing.assert_array_equal(first.alpha, alpha)


@pytest.mark.parametrize("method", ["luminance", "covariance", "histogram"])
def test_the_photographs_colors_are_kept(stylizer, method):
    values = noise(40, 60, 3) // 4 + np.array([10, 90, 150], np.uint8)
    (painted,) = Painter([Layer(stylizer)], "content", method)([Picture(values)])
    if method != "luminance":
        assert np.abs(painted.values.mean((0, 1)) - values.mean((0, 1))).max() < 3
    (free,) = Painter([Layer(stylizer)])([Picture(values)])
    assert not np.array_equal(painted.values, free.values)


def test_a_mask_keeps_the_photograph_exactly_where_it_is_black(stylizer, tmp_path):
    photo = Picture(noise(40, 60, 3))
    (painted,) = Painter([Layer(stylizer, mask(tmp_path / "m.png", (0, 0, 30, 40)))])([photo])
    np.testing.assert_array_equal(painted.values[:, 34:], photo.values[:, 34:])
    np.testing.assert_array_equal(painted.values[:, :26], stylizer.paint(photo.values)[:, :26])


def test_several_styles_are_painted_where_their_masks_are(others, tmp_path):
    photo = noise(40, 60, 3)
    masks = [mask(tmp_path / "l.png", (0, 0, 20, 40)), mask(tmp_path / "r.png", (40, 0, 60, 40))]
    layers = [Layer(s, m) for s, m in zip(others, masks, strict=True)]
    values = Painter(layers)([Picture(photo)])[0].values
    np.testing.assert_array_equal(values[:, :16], others[0].paint(photo)[:, :16])
    np.testing.assert_array_equal(values[:, 24:36], photo[:, 24:36])
    np.testing.assert_array_equal(values[:, 44:], others[1].paint(photo)[:, 44:])


def test_overlapping_masks_share(others, tmp_path):
    photo = noise(40, 60, 3)
    everywhere = mask(tmp_path / "m.png", (0, 0, 60, 40))
    values = Painter([Layer(s, everywhere) for s in others])([Picture(photo)])[0].values
    halves = sum(s.paint(photo).astype(float) for s in others) / 2
    assert np.abs(values - halves).max() <= 0.51


def test_several_styles_without_masks_are_refused(others):
    with pytest.raises(ConfigError, match="2 styles want a mask each"):
        Painter([Layer(others[0], "a.png"), Layer(others[1])])


def test_a_masks_size_follows_the_picture(stylizer, tmp_path):
    painter = Painter([Layer(stylizer, mask(tmp_path / "m.png", (0, 0, 30, 40)))])
    for shape in ((40, 60), (20, 30), (40, 60)):
        assert painter([Picture(noise(*shape, 3))])[0].size == shape


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (500, 1), (2, 3)])
def test_thin_pictures_are_painted(stylizer, shape):
    alpha = np.full(shape, 128, np.uint8)
    (painted,) = Painter([Layer(stylizer)], "content", "covariance")([Picture(noise(*shape, 3), alpha)])
    assert painted.size == shape


def test_what_does_not_change_between_frames_is_painted_the_same(stylizer):
    still, frames = noise(48, 200, 3), []
    for light in (0, 120, 255):
        frame = still.copy()
        frame[:, 150:] = light
        frames.append(Picture(frame, duration=50))
    painted = Painter([Layer(stylizer)])(frames)
    for other in painted[1:]:
        np.testing.assert_array_equal(other.values[:, :100], painted[0].values[:, :100])
    alone = [Painter([Layer(stylizer)])([frame])[0].values[:, :100] for frame in frames]
    assert np.abs(alone[0].astype(int) - alone[2]).max() > 2


def test_common_statistics_of_equal_frames_are_their_own(stylizer):
    photo = noise(48, 64, 3)
    with common_statistics(stylizer, [photo] * 3):
        held = stylizer.paint(photo)
    assert np.abs(held.astype(int) - stylizer.paint(photo)).max() <= 1
    assert not stylizer.network.holds_statistics


def test_an_engine_without_statistics_paints_frames_each_on_its_own(stylizer, caplog):
    stylizer.engine = lambda images: images
    assert len(Painter([Layer(stylizer)])([Picture(noise(8, 8, 3))] * 2)) == 2
    assert "choose engine torch" in caplog.text


def test_layers_are_blended_by_opacity():
    below, above = np.zeros((4, 6, 3), np.uint16), np.full((4, 6, 3), 60000, np.uint16)
    assert set(np.unique(blend(below, above, torch.full((1, 1, 2, 3), 0.25)))) == {15000}


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_values_and_alpha_are_resized_alike(kind):
    values = np.full((8, 6, 3), np.iinfo(kind).max // 3, kind)
    assert resized(values, 4, 12).shape == (4, 12, 3)
    assert set(np.unique(resized(values, 4, 12))) == {np.iinfo(kind).max // 3}
    assert resized(values[..., 0], 16, 3).shape == (16, 3)


@pytest.mark.parametrize("how", [{}, {"stroke": 2.0}, {"size": 160}, {"memory": 2**22}])
def test_equal_frames_are_painted_as_the_still_is(stylizer, how):
    photo = noise(48, 64, 3).repeat(2, 0).repeat(2, 1)
    (still,) = Painter([Layer(stylizer)], how=how)([Picture(photo)])
    frames = Painter([Layer(stylizer)], how=how)([Picture(photo, duration=50)] * 2)
    for frame in frames:
        assert np.abs(frame.values.astype(int) - still.values).max() <= 1


def test_large_frames_are_measured_on_a_reduced_copy(stylizer, monkeypatch):
    monkeypatch.setattr("fastnst.inference.picture.MEASURED", 24 * 32)
    seen = []
    monkeypatch.setattr(type(stylizer.network), "forward", lambda self, images: seen.append(images.shape[2:]))
    with contextlib.suppress(IndexError, StopIteration), common_statistics(stylizer, [noise(48, 64, 3)] * 2):
        pass
    assert seen == [(24, 32)] * 2


def test_frames_of_one_color_do_not_count(stylizer):
    photo, black = noise(48, 64, 3), np.zeros((48, 64, 3), np.uint8)
    (still,) = Painter([Layer(stylizer)])([Picture(photo)])
    painted = Painter([Layer(stylizer)])([Picture(values, duration=50) for values in (black, photo, black)])
    assert np.abs(painted[1].values.astype(int) - still.values).max() <= 1
    for frame in Painter([Layer(stylizer)])([Picture(black, duration=50)] * 2):
        assert (frame.values == frame.values[0, 0]).all()
