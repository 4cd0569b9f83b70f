import pytest

from fastnst.backbones import BACKBONES, build_backbone
from fastnst.errors import ConfigError
from fastnst.images import fit, read_image
from fastnst.inspection import default_layers, feature_sheets, reconstruct
from fastnst.losses import LossConfig
from fastnst.optimize import OptimizeConfig


@pytest.fixture
def picture(photos):
    return fit(read_image(photos / "01.png"), longer=32)


def test_content_of_a_shallow_layer_is_the_photograph(picture):
    loss, config = LossConfig(tv=0.001), OptimizeConfig(steps=60, precision="float32")
    found = reconstruct(picture, "content", "relu1_1", loss, config).image
    assert (found.clamp(0, 1) - picture).abs().mean() < 0.03


def test_a_backbone_at_hand_is_used(picture):
    backbone = build_backbone("compact", ["relu1_1", "relu2_1"], padding="reflect")
    loss, config = LossConfig(tv=0.001), OptimizeConfig(steps=2, precision="float32")
    for kind in ("content", "style"):
        given, own = (reconstruct(picture, kind, "relu1_1", loss, config, each).image for each in (backbone, None))
        assert (given - own).abs().max() < 1e-5


def test_no_steps_are_refused(picture):
    with pytest.raises(ConfigError, match="steps must be positive"):
        reconstruct(picture, "style", "relu1_1", LossConfig(), OptimizeConfig(steps=0))


@pytest.mark.parametrize("backbone", list(BACKBONES))
def test_every_backbone_has_layers_to_inspect(backbone):
    assert set(default_layers(backbone)) <= set(BACKBONES[backbone]("max", "zeros").layers)


def test_sheets_come_layer_by_layer(picture):
    backbone = build_backbone("compact", ["relu1_1", "relu2_1"])
    assert [layer for layer, _ in feature_sheets(picture, backbone, ["relu2_1", "relu1_1"])] == ["relu1_1", "relu2_1"]
