import pytest
import torch

from fastnst.backbones import BACKBONES
from fastnst.errors import ConfigError
from fastnst.losses import GramLoss, LossConfig, PerceptualLoss, by_kind


@pytest.fixture
def make_loss(toy_backbone):
    def make(**options) -> PerceptualLoss:
        layers = {"content": {"relu2_1": 1.0}, "style": {"relu1_1": 1.0, "relu2_2": 3.0}}
        return PerceptualLoss(toy_backbone, style_loss=GramLoss(), **(layers | options))

    return make


def report(loss, stylized, photo, style):
    return loss(stylized, loss.content_target(photo), loss.style_target(style))


def test_terms_are_weighted_named_by_path_and_add_up(make_loss):
    images = torch.rand(3, 1, 3, 16, 16)
    result = report(make_loss(tv=0.1), *images)
    assert list(result.terms) == ["content/relu2_1", "style/relu1_1", "style/relu2_2", "tv"]
    torch.testing.assert_close(result.total, sum(result.terms.values()))
    torch.testing.assert_close(result.part("style"), result.terms["style/relu1_1"] + result.terms["style/relu2_2"])
    single = report(make_loss(style={"relu1_1": 1.0}, tv=0.2), *images)
    torch.testing.assert_close(single.terms["tv"], 2 * result.terms["tv"])


def test_a_picture_is_no_distance_from_itself(make_loss):
    picture = torch.rand(1, 3, 16, 16)
    assert report(make_loss(), picture, picture, picture).total.item() < 1e-10


def test_batch_of_two_is_the_mean_of_two_batches_of_one(make_loss):
    loss, photos, painted, style = (
        make_loss(),
        torch.rand(2, 3, 16, 16),
        torch.rand(2, 3, 16, 16),
        torch.rand(1, 3, 9, 9),
    )
    scales = loss.content_scales(photos)
    target = loss.style_target(style)
    both = loss(painted, loss.content_target(photos, scales), target).total
    each = [loss(painted[i : i + 1], loss.content_target(photos[i : i + 1], scales), target).total for i in range(2)]
    torch.testing.assert_close(both, sum(each) / 2)


def test_relative_units_make_a_blank_statistic_weigh_one(make_loss, toy_backbone):
    loss, style = make_loss(style={"relu1_1": 5.0}, style_weight=2.0), torch.rand(1, 3, 16, 16)
    target = loss.style_target(style)
    blank = GramLoss()(torch.zeros(1, 4, 16, 16), target.values["relu1_1"])
    assert (2.0 * blank / target.scales["relu1_1"]).item() == pytest.approx(2.0)


def test_relative_units_forget_the_scale_of_the_features(make_loss, toy_backbone):
    images = torch.rand(3, 1, 3, 16, 16)
    before = report(make_loss(content={"relu1_1": 1.0}, style={"relu1_1": 1.0}), *images)
    with torch.no_grad():
        for parameter in toy_backbone.stages["conv1_1"].parameters():
            parameter.mul_(37)
    after = report(make_loss(content={"relu1_1": 1.0}, style={"relu1_1": 1.0}), *images)
    for path, term in before.terms.items():
        torch.testing.assert_close(after.terms[path], term)


def test_relative_layer_weights_are_shares(make_loss):
    images = torch.rand(3, 1, 3, 16, 16)
    once = report(make_loss(style={"relu1_1": 1.0, "relu2_1": 2.0}), *images).terms
    twice = report(make_loss(style={"relu1_1": 2.0, "relu2_1": 4.0}), *images).terms
    assert once == twice


def test_raw_units_are_plain_mean_squares(make_loss, toy_backbone):
    painted, photo, style = torch.rand(3, 1, 3, 16, 16)
    terms = report(
        make_loss(content={"relu2_1": 3.0}, style={"relu1_1": 5.0}, units="raw"), painted, photo, style
    ).terms
    ours, photos, styles = (toy_backbone(image, ["relu1_1", "relu2_1"]) for image in (painted, photo, style))
    torch.testing.assert_close(terms["content/relu2_1"], 3 * (ours["relu2_1"] - photos["relu2_1"]).square().mean())
    grams = [maps["relu1_1"].flatten(2) @ maps["relu1_1"].flatten(2).mT / 256 for maps in (ours, styles)]
    torch.testing.assert_close(terms["style/relu1_1"], 5 * (grams[0] - grams[1]).square().mean())


def test_style_of_another_size_is_fine(make_loss):
    assert report(make_loss(), torch.rand(2, 3, 16, 12), torch.rand(2, 3, 16, 12), torch.rand(1, 3, 31, 20)).total > 0


def test_flat_pictures_give_finite_terms(make_loss):
    flat = torch.zeros(1, 3, 16, 16)
    assert torch.isfinite(report(make_loss(), torch.rand(1, 3, 16, 16), flat, flat).total)


def test_one_pass_serves_content_and_style(make_loss, toy_backbone, monkeypatch):
    passes = []
    forward = type(toy_backbone).forward
    monkeypatch.setattr(type(toy_backbone), "forward", lambda *a: passes.append(a[2]) or forward(*a))
    report(make_loss(), *torch.rand(3, 1, 3, 16, 16))
    assert [set(layers) for layers in passes] == [
        {"relu2_1"},
        {"relu1_1", "relu2_2"},
        {"relu1_1", "relu2_1", "relu2_2"},
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"style_weight": -1.0}, "not negative"),
        ({"tv": float("nan")}, "finite"),
        ({"content": {}, "style": {}}, "compares nothing"),
        ({"units": "relativ"}, "units 'relativ': must be relative or raw"),
        ({"pooling": "maximum"}, "pooling 'maximum': must be max or average"),
        ({"padding": "same"}, "padding 'same': must be zeros or reflect"),
    ],
)
def test_impossible_weights_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        LossConfig(**options)


def test_unknown_style_loss_lists_known_names():
    with pytest.raises(ConfigError, match=r"unknown style loss 'grm'; did you mean 'gram'"):
        LossConfig(style_loss="grm").build()


def test_description_holds_no_path_of_this_machine():
    assert "weights" not in LossConfig(weights="/home/me/w.safetensors").describe()


def test_every_backbone_knows_good_layers():
    assert LossConfig("squeezenet1_1").content == {"fire2": 1.0}
    assert set(LossConfig("vgg16").style) == {"relu1_2", "relu2_2", "relu3_3", "relu4_3"}
    assert LossConfig("vgg19", content={}).content == {}
    for name in BACKBONES:
        config = LossConfig(name)
        assert {*config.content, *config.style} <= set(BACKBONES[name]("max", "reflect").layers)


def test_terms_are_summed_by_the_first_part_of_their_path():
    assert by_kind({"content/a": 1.0, "style/a": 2.0, "style/b": 3.0, "tv": 4.0}) == {
        "content": 1.0,
        "style": 5.0,
        "tv": 4.0,
    }
