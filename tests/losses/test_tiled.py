"""A picture judged in tiles is judged as a whole."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fastnst.backbones._extractor import BACKBONES
from fastnst.errors import ConfigError
from fastnst.losses import STYLE_LOSSES, LossConfig, PerceptualLoss, Region, TiledLoss, WholeLoss
from fastnst.losses.tiled import tiled_style_target
from fastnst.tiles import plan_tiles

LAYERS = {
    "vgg19": ("relu1_1", "relu2_1", "relu3_1", "relu4_1"),
    "compact": ("relu1_1", "relu2_1", "relu3_1", "relu4_1"),
    "squeezenet1_0": ("relu1", "fire2", "fire4", "fire5"),
    "squeezenet1_1": ("relu1", "fire2", "fire4", "fire5"),
}
SCALES = {1: 1.0, 2: 0.9, 4: 0.8}


def make(backbone, layers, style_loss, pooling="max", padding="reflect", units="relative", scales=SCALES, at=2):
    torch.manual_seed(5)
    network = BACKBONES[backbone](pooling, padding)
    for stage in network.layers[network.layers.index(layers[-1]) + 1 :]:
        del network.stages[stage]
    style = dict.fromkeys(layers, 1.0)
    return PerceptualLoss(network, {layers[-2]: 1.0}, style, STYLE_LOSSES[style_loss](), 30.0, 5.0, units, scales, at)


def compare(loss, masks=(None,), height=203, width=170, tile=64, dtype=torch.float64):
    """In float64, where no rounding turns the choice of a maximum over; and in float32, which is used."""
    loss = loss.to(dtype)
    photo, image = torch.rand(2, 1, 3, height, width, dtype=dtype)
    style = torch.rand(1, 3, 90, 80, dtype=dtype)
    styles = [Region(loss.style_target(style.pow(n + 1)), 1 / len(masks), mask) for n, mask in enumerate(masks)]
    whole = image.clone().requires_grad_()
    expected = loss(whole, loss.content_target(photo), styles)
    expected.total.backward()
    tiled = TiledLoss(loss, photo, styles, tile)
    assert len(tiled.levels[min(tiled.levels)].tiles) > 1
    report, gradient = tiled(image)
    assert list(report.terms) == list(expected.terms)
    for path, term in expected.terms.items():
        torch.testing.assert_close(report.terms[path], term.detach(), rtol=1e-4, atol=1e-7, check_dtype=False)
    error = (gradient - whole.grad).norm() / whole.grad.norm()
    assert error < (1e-4 if dtype == torch.float32 else 1e-5)


@pytest.mark.parametrize("style_loss", [name for name in STYLE_LOSSES if STYLE_LOSSES[name].additive])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_every_style_loss(style_loss, dtype):
    compare(LossConfig(style_loss=style_loss).build(), dtype=dtype)


def test_style_at_a_reduced_scale_alone():
    loss = PerceptualLoss(
        BACKBONES["compact"]("max", "reflect"), {}, {"relu2_1": 1.0}, STYLE_LOSSES["gram"](), 30.0, 0.0, scales={2: 1.0}
    )
    compare(loss)


@pytest.mark.parametrize("padding", ["reflect", "zeros"])
@pytest.mark.parametrize("backbone", sorted(LAYERS))
def test_every_backbone(backbone, padding):
    compare(make(backbone, LAYERS[backbone], "gram", padding=padding), height=139, width=118)


@pytest.mark.parametrize(("scales", "at"), [({1: 1.0}, 1), ({1: 1.0}, 4), ({2: 1.0, 8: 3.0}, 1), ({4: 1.0}, 4)])
def test_any_scales(scales, at):
    compare(make("compact", LAYERS["compact"][:3], "gram", scales=scales, at=at), tile=32)


@pytest.mark.parametrize("side", [160, 161, 162, 163, 167])
def test_sides_of_every_remainder(side):
    compare(make("compact", LAYERS["compact"][:3], "gram"), height=side, width=side + 2, tile=48)


def test_a_scale_that_nothing_needs_is_not_computed():
    loss = make("compact", LAYERS["compact"][:3], "gram", scales={2: 1.0})
    loss.tv = 0.0
    compare(loss)
    styles = [Region(loss.style_target(torch.rand(1, 3, 40, 40)))]
    assert list(TiledLoss(loss, torch.rand(1, 3, 40, 40), styles).levels) == [2]


def test_average_pooling_and_raw_units():
    compare(make("vgg19", LAYERS["vgg19"][:3], "gram", "average", units="raw"), dtype=torch.float32)


def test_masks():
    mask = torch.zeros(1, 1, 203, 170)
    mask[..., 40:110, 30:] = torch.rand(70, 140)
    compare(make("compact", LAYERS["compact"][:3], "gram"), (mask, 1 - mask), dtype=torch.float32)


def test_content_alone_and_style_alone():
    for left_out in ("content", "style"):
        loss = make("compact", LAYERS["compact"][:3], "gram")
        setattr(loss, left_out, {})
        compare(loss)


@pytest.mark.parametrize("style_loss", [name for name in STYLE_LOSSES if STYLE_LOSSES[name].additive])
def test_a_style_in_tiles_is_the_style(style_loss):
    loss, style = LossConfig(style_loss=style_loss).build(), torch.rand(1, 3, 203, 170)
    whole, tiled = loss.style_target(style), tiled_style_target(loss, style, 64)
    assert list(tiled.values) == list(whole.values)
    for layer in whole.values:
        torch.testing.assert_close(tiled.values[layer], whole.values[layer], rtol=1e-4, atol=1e-5)
        assert tiled.scales[layer] == pytest.approx(whole.scales[layer], rel=1e-3)


def test_one_tile_is_the_whole():
    loss = make("compact", LAYERS["compact"][:2], "gram")
    photo = torch.rand(1, 3, 40, 50)
    styles = [Region(loss.style_target(torch.rand(1, 3, 40, 40)))]
    assert [len(level.tiles) for level in TiledLoss(loss, photo, styles, 64).levels.values()] == [1, 1, 1]


def test_windows_of_a_small_scale_are_as_small_as_those_of_the_whole():
    loss = make("compact", LAYERS["compact"], "gram")
    styles = [Region(loss.style_target(torch.rand(1, 3, 64, 64)))]
    widest = {}
    for factor, level in TiledLoss(loss, torch.rand(1, 3, 400, 320), styles, 64).levels.items():
        widest[factor] = max(tile.rows[1] - tile.rows[0] for tile in level.tiles)
    assert max(widest.values()) == widest[1]


def test_sorting_cannot_be_done_in_tiles():
    loss = make("compact", LAYERS["compact"][:2], "sliced")
    with pytest.raises(ConfigError, match="cannot be taken in tiles"):
        TiledLoss(loss, torch.rand(1, 3, 40, 50), [Region(loss.style_target(torch.rand(1, 3, 40, 40)))])


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from([8, 32, 64]), st.sampled_from([0, 8, 24]))
def test_cores_cover_every_pixel_once(height, width, core, halo):
    covered = torch.zeros(height, width)
    for tile in plan_tiles(height, width, core, halo):
        covered[slice(*tile.core_rows), slice(*tile.core_columns)] += 1
        assert tile.rows[0] <= tile.core_rows[0] < tile.core_rows[1] <= tile.rows[1]
    assert covered.eq(1).all()


def test_content_scales_may_be_given():
    loss = make("compact", LAYERS["compact"][:3], "gram")
    photo, image = torch.rand(2, 1, 3, 80, 90)
    styles, scales = [Region(loss.style_target(torch.rand(1, 3, 40, 40)))], {LAYERS["compact"][1]: 3.0}
    reports = [
        WholeLoss(loss, photo, styles, content_scales=scales)(image)[0],
        TiledLoss(loss, photo, styles, 32, content_scales=scales)(image)[0],
    ]
    expected = loss(image, loss.content_target(photo, scales), styles)
    for report in reports:
        torch.testing.assert_close(report.part("content"), expected.part("content"), rtol=1e-4, atol=1e-6)
