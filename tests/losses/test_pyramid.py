"""A loss at several scales of a picture."""

import json

import pytest
import torch
import torch.nn.functional as F

from fastnst.errors import ConfigError
from fastnst.losses import GramLoss, LossConfig, PerceptualLoss, Region, select, stack_targets
from fastnst.losses.pyramid import gather, pyramid, reduced

SCALES = {1: 1.0, 2: 0.9, 4: 0.8}


@pytest.fixture
def make_loss(toy_backbone):
    def make(**options) -> PerceptualLoss:
        usual = {"content": {"relu2_1": 1.0}, "style": {"relu1_1": 1.0, "relu2_2": 3.0}, "scales": SCALES}
        return PerceptualLoss(toy_backbone, style_loss=GramLoss(), **(usual | {"content_scale": 2} | options))

    return make


def report(loss, stylized, photo, style):
    return loss(stylized, loss.content_target(photo), loss.style_target(style))


def test_a_value_of_a_smaller_picture_is_the_mean_of_a_square():
    picture = torch.rand(2, 3, 8, 12)
    expected = F.interpolate(picture, (2, 3), mode="area")
    torch.testing.assert_close(reduced(picture, 4), expected)
    assert reduced(picture, 1) is picture


def test_the_last_row_and_column_of_an_odd_side_count_twice():
    picture = torch.rand(1, 3, 5, 7)
    doubled = F.pad(picture, (0, 1, 0, 1), mode="replicate")
    torch.testing.assert_close(reduced(picture, 2), F.avg_pool2d(doubled, 2))
    assert reduced(torch.rand(1, 3, 1, 9), 4).shape == (1, 3, 1, 3)


def test_every_pixel_of_an_odd_picture_has_a_gradient():
    picture = torch.rand(1, 3, 5, 7, requires_grad=True)
    reduced(picture, 4).sum().backward()
    assert (picture.grad > 0).all()


def test_gradients_of_all_levels_come_back_to_the_picture():
    picture = torch.rand(1, 3, 9, 6, requires_grad=True)
    levels = pyramid(picture, {4, 1, 2})
    slopes = {factor: torch.rand_like(level) for factor, level in levels.items()}
    sum((levels[factor] * slope).sum() for factor, slope in slopes.items()).backward()
    torch.testing.assert_close(gather(picture.detach(), slopes), picture.grad)


def test_terms_name_their_scale_and_add_up(make_loss):
    result = report(make_loss(tv=0.1), *torch.rand(3, 1, 3, 32, 32))
    style = [f"style/{layer}{at}" for at in ("", "@2", "@4") for layer in ("relu1_1", "relu2_2")]
    assert list(result.terms) == ["content/relu2_1", *style, "tv"]
    torch.testing.assert_close(result.part("style"), sum(result.terms[path] for path in style))


def test_each_scale_is_the_loss_of_the_reduced_pictures(make_loss):
    painted, photo, style = torch.rand(3, 2, 3, 32, 40)
    several, shares = report(make_loss(), painted, photo, style[:1]), {1: 1 / 2.7, 2: 0.9 / 2.7, 4: 0.8 / 2.7}
    for factor, share in shares.items():
        small = [reduced(pictures, factor) for pictures in (painted, photo, style[:1])]
        one = report(make_loss(scales={1: 1.0}, content_scale=1), *small).terms
        at = f"@{factor}" if factor > 1 else ""
        torch.testing.assert_close(several.terms[f"style/relu2_2{at}"], share * one["style/relu2_2"])
        if factor == 2:
            torch.testing.assert_close(several.terms["content/relu2_1"], one["content/relu2_1"])


@pytest.mark.parametrize("scales", [{1: 1.0}, SCALES, {1: 2.0, 4: 6.0}, {2: 1.0}])
def test_relative_weights_of_scales_are_shares(make_loss, scales):
    """A blank picture's style term is the style weight, with any scales."""
    loss = make_loss(scales=scales, style_weight=30.0, style={"relu1_1": 1.0})
    for stage in loss.backbone.stages.values():
        if getattr(stage, "bias", None) is not None:
            torch.nn.init.zeros_(stage.bias)
    blank = loss.backbone.mean.expand(1, 3, 64, 64)
    total = report(loss, blank, blank, torch.rand(1, 3, 64, 64)).part("style")
    assert float(total) == pytest.approx(30, rel=1e-3)


def test_one_pass_per_scale_goes_no_deeper_than_needed(make_loss, toy_backbone, monkeypatch):
    passes = []
    forward = type(toy_backbone).forward
    monkeypatch.setattr(
        type(toy_backbone), "forward", lambda *a: passes.append((a[1].shape[-1], set(a[2]))) or forward(*a)
    )
    loss = make_loss(style={"relu1_1": 1.0}, scales={1: 1.0, 4: 1.0})
    report(loss, *torch.rand(3, 1, 3, 32, 32))
    content, style, both = passes[:1], passes[1:3], passes[3:]
    assert content == [(16, {"relu2_1"})]
    assert style == [(32, {"relu1_1"}), (8, {"relu1_1"})]
    assert sorted(both) == [(8, {"relu1_1"}), (16, {"relu2_1"}), (32, {"relu1_1"})]
    passes.clear()
    report(make_loss(scales={2: 1.0}), *torch.rand(3, 1, 3, 32, 32))
    assert passes[2:] == [(16, {"relu1_1", "relu2_1", "relu2_2"})]


def test_a_picture_too_small_for_a_scale_gives_its_weight_to_the_others(make_loss):
    loss = make_loss()
    assert loss.backbone.min_size(["relu2_2"]) == 2
    assert (loss.min_size, loss.min_style_size) == (2, 2)
    assert loss.style_scales((5, 99)) == loss.scales
    assert loss.style_scales((4, 99)) == pytest.approx({1: 1 / 1.9, 2: 0.9 / 1.9})
    assert loss.style_scales((2, 2)) == {1: pytest.approx(1)}
    small = torch.rand(3, 1, 3, 2, 2)
    assert set(report(loss, *small).terms) == {"content/relu2_1", "style/relu1_1", "style/relu2_2"}
    assert (loss.scale_of_content((2, 2)), loss.scale_of_content((3, 3))) == (1, 2)


def test_a_style_too_small_for_a_scale_takes_it_from_the_painting(make_loss):
    loss, painted = make_loss(style_weight=30.0), torch.rand(1, 3, 32, 32)
    result = report(loss, painted, painted, torch.rand(1, 3, 4, 4))
    assert not any(path.endswith("@4") for path in result.terms)
    assert sum(loss.style_scales((32, 32), [loss.style_target(torch.rand(1, 3, 4, 4))]).values()) == pytest.approx(1)


def test_raw_units_at_one_scale_are_what_they_were(make_loss, toy_backbone):
    painted, photo, style = torch.rand(3, 1, 3, 16, 16)
    options = {"content": {"relu2_1": 3.0}, "style": {"relu1_1": 5.0}, "units": "raw", "style_weight": 2.0}
    terms = report(make_loss(scales={1: 1.0}, content_scale=1, **options), painted, photo, style).terms
    ours, photos, styles = (toy_backbone(image, ["relu1_1", "relu2_1"]) for image in (painted, photo, style))
    assert list(terms) == ["content/relu2_1", "style/relu1_1"]
    torch.testing.assert_close(terms["content/relu2_1"], 3 * (ours["relu2_1"] - photos["relu2_1"]).square().mean())
    grams = [maps["relu1_1"].flatten(2) @ maps["relu1_1"].flatten(2).mT / 256 for maps in (ours, styles)]
    torch.testing.assert_close(terms["style/relu1_1"], 10 * (grams[0] - grams[1]).square().mean())


def test_raw_weights_of_scales_are_factors(make_loss):
    images = torch.rand(3, 1, 3, 32, 32)
    one, half = (report(make_loss(units="raw", scales={4: weight}), *images).part("style") for weight in (1.0, 0.5))
    torch.testing.assert_close(half, 0.5 * one)


# Several styles in one batch


def test_a_batch_may_mix_styles(make_loss):
    loss, photos, painted = make_loss(), torch.rand(3, 3, 32, 32), torch.rand(3, 3, 32, 32)
    targets = [loss.style_target(torch.rand(1, 3, *size)) for size in ((20, 30), (40, 28))]
    index, content = torch.tensor([1, 0, 1]), loss.content_target(photos, {"relu2_1": 1.0})
    mixed = loss(painted, content, select(stack_targets(targets), index)).terms
    for path in mixed:
        if path.startswith("style/"):
            alone = [loss(painted[i : i + 1], loss.content_target(photos[i : i + 1]), targets[s]).terms[path]
                     for i, s in enumerate(index)]  # fmt: skip
            torch.testing.assert_close(mixed[path], torch.stack(alone).mean())


def test_a_stack_of_styles_of_one_size_may_be_taken_at_once(make_loss):
    loss, styles = make_loss(), torch.rand(3, 3, 24, 24)
    at_once, one_by_one = loss.style_target(styles), stack_targets([loss.style_target(style[None]) for style in styles])
    for path, value in at_once.values.items():
        torch.testing.assert_close(one_by_one.values[path], value)
        torch.testing.assert_close(one_by_one.scales[path], at_once.scales[path])


def test_weights_of_regions_may_differ_by_image(make_loss):
    loss, painted = make_loss(), torch.rand(2, 3, 32, 32)
    content, style = loss.content_target(painted), loss.style_target(torch.rand(1, 3, 32, 32))
    terms = loss(painted, content, [Region(style, torch.tensor([1.0, 0.0]))]).terms
    alone = loss(painted[:1], loss.content_target(painted[:1]), style).terms
    torch.testing.assert_close(terms["style/relu1_1@2"], alone["style/relu1_1@2"] / 2)


def test_styles_that_cannot_be_stacked_are_refused(make_loss):
    loss = make_loss()
    with pytest.raises(ConfigError, match="too small for a scale"):
        stack_targets([loss.style_target(torch.rand(1, 3, side, side)) for side in (32, 4)])
    sliced = LossConfig(style_loss="sliced", style={"relu1_1": 1.0}, scales={1: 1.0}).build()
    with pytest.raises(ConfigError, match="of one size"):
        stack_targets([sliced.style_target(torch.rand(1, 3, side, side)) for side in (32, 40)])


# As a setting


def test_default_scales_and_what_older_files_mean():
    assert (LossConfig().scales, LossConfig().content_scale) == (SCALES, 2)
    old = {key: value for key, value in LossConfig(tv=7.0).describe().items() if "scale" not in key}
    read = LossConfig.from_metadata(old | {"content_scales": {"relu3_1": 2.0}}, weights="w")
    assert (read.scales, read.content_scale, read.tv, read.weights) == ({1: 1.0}, 1, 7.0, "w")


def test_scales_survive_json():
    config = LossConfig(scales={4: 1, 1: 2}, content_scale=4)
    assert LossConfig.from_metadata(json.loads(json.dumps(config.describe()))) == config
    assert list(config.scales) == [1, 4]
    assert LossConfig(scales={"1": 1, "2": 0.5}).scales == {1: 1.0, 2: 0.5}


@pytest.mark.parametrize(
    "scales",
    [{}, {3: 1.0}, {0: 1.0}, {-1: 1.0}, {"x": 1.0}, {"1.5": 1.0}, {2.0: 1.0}, {True: 1.0}, {1: -1.0}, {1: float("nan")},
     {1: 0.0}, {1: "much"}, {1: None}, None, [1, 2], 3, "1"],
)  # fmt: skip
def test_impossible_scales_are_refused(scales):
    with pytest.raises(ConfigError, match="scales .* powers of two"):
        LossConfig(scales=scales)


@pytest.mark.parametrize("scale", [0, 3, -2, 1.0, True, None, "2"])
def test_impossible_scales_of_content_are_refused(scale):
    with pytest.raises(ConfigError, match="content_scale .* power of two"):
        LossConfig(content_scale=scale)


def test_a_scale_without_weight_is_not_computed(make_loss):
    assert set(make_loss(scales={1: 1.0, 2: 0.0}).scales) == {1}
