import pytest

from fastnst.errors import ConfigError
from fastnst.inspection import SweepJob
from fastnst.inspection.plan import label, varying
from fastnst.losses import LossConfig

LAYERS = {"relu1_1": 1.0, "relu3_1": 4.0}


def job(**axes):
    return SweepJob("photo.png", "style.png", **({"style_weights": (30.0,), "optimizers": ("lbfgs",)} | axes))


def test_a_list_on_any_axis_multiplies_the_settings():
    axes = {"sizes": (64, 32), "backbones": ("compact", "vgg19"), "style_layers": (None, LAYERS), "lrs": (0.5, 1.0)}
    more = {"inits": ("content", "noise"), "style_weights": (1.0, 2.0), "optimizers": ("lbfgs", "adam")}
    settings = job(**axes, **more).settings()
    assert len(settings) == 2**7
    assert len({tuple(setting.values().values()) for setting in settings}) == 2**7
    assert settings[0].size == 32


def test_every_backbone_is_compared_in_its_own_layers():
    first, second = job(backbones=("compact", "squeezenet1_0")).settings()
    assert first.loss.style == LossConfig("compact").style
    assert second.loss.style == LossConfig("squeezenet1_0").style
    assert second.loss.content == {"fire2": 1}


def test_other_settings_of_the_loss_are_shared():
    (setting,) = job(loss=LossConfig(tv=7.0, style_loss="moments", style_weight=99.0)).settings()
    assert (setting.loss.tv, setting.loss.style_loss, setting.loss.style_weight) == (7, "moments", 30)


def test_labels_name_what_varies():
    settings = job(inits=("content", "noise"), style_layers=(None, LAYERS)).settings()
    assert varying(settings) == ["style_layers", "init"]
    assert label(settings[-1], varying(settings)) == "relu1_1:1+relu3_1:4, from noise"
    assert label(settings[0], []) == "weight 30, lbfgs"
    assert varying(job(backbones=("compact", "squeezenet1_0")).settings()) == ["backbone"]


def test_losses_are_comparable_under_one_objective_only():
    settings = job(inits=("content", "noise"), style_weights=(1.0, 2.0)).settings()
    assert settings[0].objective() == settings[1].objective() != settings[2].objective()


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ({"inits": ()}, "inits: an axis"),
        ({"backbones": ("compact", "vgg19"), "loss": LossConfig(weights="w")}, "of one backbone"),
        ({"backbones": ("vgg91",)}, "did you mean 'vgg19'"),
    ],
)
def test_impossible_sweeps_are_refused(axes, words):
    with pytest.raises(ConfigError, match=words):
        job(**axes).settings()
