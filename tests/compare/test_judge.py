import pytest
import torch

from fastnst.compare import Judge, Verdict
from fastnst.compare.judge import unseen_loss
from fastnst.losses import GramLoss, LossConfig, PerceptualLoss


@pytest.fixture
def loss(toy_backbone):
    return PerceptualLoss(toy_backbone, {"relu2_1": 1.0}, {"relu1_1": 1.0}, GramLoss())


def test_what_is_written_is_what_is_judged(loss):
    photo, style = torch.rand(1, 3, 20, 24), torch.rand(1, 3, 16, 16)
    judge = Judge(loss, loss, style, photo)
    image = 3 * torch.rand(1, 3, 20, 24) - 1
    written = (image.clamp(0, 1) * 255).round() / 255
    assert judge(image) == judge(written)
    expected = loss(written, loss.content_target(photo), loss.style_target(style))
    assert judge(image).total == pytest.approx(float(expected.total), rel=1e-6)


def test_content_terms_are_divided_by_the_scales_of_the_training(loss):
    photo, style, image = torch.rand(1, 3, 20, 24), torch.rand(1, 3, 16, 16), torch.rand(1, 3, 20, 24)
    one, two = (Judge(loss, loss, style, photo, {"relu2_1": scale})(image).terms for scale in (1.0, 2.0))
    assert one["content/relu2_1"] == pytest.approx(2 * two["content/relu2_1"], rel=1e-6)
    assert one["style/relu1_1"] == two["style/relu1_1"]


def test_a_verdict_sums_its_terms_by_kind():
    verdict = Verdict({"content/relu1_1": 1.0, "style/relu1_1": 2.0, "style/relu2_1": 4.0})
    assert verdict.kinds() == {"content": 1, "style": 6}
    assert verdict.total == 7


@pytest.mark.parametrize("trained", ["gram", "moments", "wasserstein", "sliced"])
def test_the_unseen_distance_is_of_another_statistic_than_the_trained_one(trained):
    config = LossConfig(style_loss=trained)
    unseen = unseen_loss(config)
    assert type(unseen.style_loss) is not type(config.build().style_loss)
    assert not unseen.content
    assert unseen.style.keys() - config.style.keys() == {"relu4_1"}
