import pytest
import torch
import torch.nn.functional as F

from fastnst.losses import GramLoss, PerceptualLoss
from fastnst.networks import build_network
from fastnst.training.draws import Disturbance, Draw
from fastnst.training.steady import unsteadiness
from fastnst.training.steps import judge, mean_report, painter, step, take_targets


@pytest.fixture
def loss(toy_backbone):
    return PerceptualLoss(toy_backbone, {"relu2_1": 1}, {"relu1_1": 1, "relu2_1": 1}, GramLoss(), 5, 1)


@pytest.fixture
def targets(loss):
    return take_targets(loss, torch.rand(1, 3, 32, 32), torch.rand(4, 3, 32, 32))


@pytest.fixture
def several(loss):
    styles = [torch.rand(1, 3, 32, 40), torch.rand(1, 3, 24, 24) ** 2, torch.rand(1, 3, 40, 40) ** 3]
    return take_targets(loss, styles, torch.rand(4, 3, 32, 32))


@pytest.fixture
def network():
    made = build_network("lite", width=4, blocks=1)
    styles = made.add_styles(3)
    torch.nn.init.normal_(styles.codes, 1, 0.2)
    torch.nn.init.normal_(styles.photograph, 1, 0.2)
    return made


def same(images):
    """Paint nothing."""
    return images


def test_content_scales_of_a_checkpoint_are_kept(targets):
    kept = take_targets(targets.loss, torch.rand(1, 3, 32, 32), torch.rand(4, 3, 32, 32), {"relu2_1": 0.5})
    assert kept.scales == {"relu2_1": 0.5}


def test_a_step_compares_with_the_batch_and_the_style(targets):
    batch = torch.rand(2, 3, 32, 32)
    report = step(same, batch, targets)
    assert set(report.terms) == {"content/relu2_1", "style/relu1_1", "style/relu2_1", "tv"}
    assert float(report.part("content")) == 0


def test_each_photograph_is_held_to_its_own_style(network, several):
    batch, index = torch.rand(2, 3, 32, 32), torch.tensor([2, 0])
    report = step(network, batch, several, Draw(index))
    alone = [
        step(network, image, several, Draw(row)) for image, row in zip(batch.split(1), index.split(1), strict=True)
    ]
    torch.testing.assert_close(report.part("style"), (alone[0].part("style") + alone[1].part("style")) / 2)


def test_only_the_styles_of_a_step_get_gradients(network, several):
    step(network, torch.rand(2, 3, 32, 32), several, Draw(torch.tensor([2, 0]))).total.backward()
    assert [bool(row.any()) for row in network.styles.codes.grad] == [True, False, True]
    assert not network.styles.photograph.grad.abs().max() > 1e-6


def test_a_weakened_style_trains_the_code_of_the_photograph_too(network, several):
    strength = torch.tensor([0.0, 0.4])
    step(network, torch.rand(2, 3, 32, 32), several, Draw(torch.tensor([2, 0]), strength)).total.backward()
    assert network.styles.photograph.grad.any()
    assert [bool(row.any()) for row in network.styles.codes.grad] == [True, False, False]


def test_at_strength_zero_the_photograph_as_it_is_is_asked_for(network, several):
    batch, index = torch.rand(2, 3, 32, 32), torch.tensor([1, 0])
    network.paint = lambda images, style=None: images
    report = step(network, batch, several, Draw(index, torch.zeros(2)))
    assert float(report.part("content")) == 0
    assert float(report.part("style")) == pytest.approx(0, abs=1e-10)


def test_small_style_pictures_are_held_to_at_the_scales_that_they_have(network, toy_backbone):
    scaled = PerceptualLoss(
        toy_backbone, {"relu2_1": 1}, {"relu1_1": 1, "relu2_1": 1}, GramLoss(), 5, 1, scales={1: 1.0, 8: 1.0}
    )
    targets = take_targets(scaled, [torch.rand(1, 3, 8, 8) for _ in range(3)], torch.rand(4, 3, 64, 64))
    drawn = Draw(torch.tensor([2, 0]), torch.tensor([0.0, 0.4]))
    report = step(network, torch.rand(2, 3, 64, 64), targets, drawn)
    assert [path for path in report.terms if path.startswith("style/")] == ["style/relu1_1", "style/relu2_1"]
    assert "relu1_1@8" in scaled.style_target(torch.rand(1, 3, 64, 64)).values


def test_the_style_terms_go_by_the_strength(network, several):
    batch, index = torch.rand(2, 3, 32, 32), torch.tensor([1, 0])
    network.paint = lambda images, style=None: images
    full, half = (step(network, batch, several, Draw(index, torch.full((2,), s))).part("style") for s in (1.0, 0.5))
    torch.testing.assert_close(half, full / 2)
    torch.testing.assert_close(full, step(network, batch, several, Draw(index)).part("style"))


def test_full_strength_paints_as_the_code_alone(network):
    batch, index = torch.rand(2, 3, 16, 16), torch.tensor([1, 2])
    painted = painter(network, Draw(index))(batch)
    torch.testing.assert_close(painted, network(batch, network.styles.codes[index]), atol=1e-5, rtol=1e-4)


def test_steadiness_is_a_term_of_its_own(targets):
    batch = torch.rand(1, 3, 32, 32)
    pool = lambda images: F.interpolate(F.avg_pool2d(images, 2), scale_factor=2)  # noqa: E731
    report = step(pool, batch, targets, Draw(disturbance=Disturbance(noise=0.1)), steady=10.0)
    assert set(report.terms) == {*step(pool, batch, targets).terms, "steady"}
    expected = 10 * unsteadiness(pool, batch, pool(batch), Disturbance(noise=0.1))
    torch.testing.assert_close(report.terms["steady"], expected)
    assert report.terms["steady"] > 0


def test_every_style_is_judged_and_the_mean_is_of_all(network, several):
    batch = torch.rand(2, 3, 32, 32)
    reports = judge(network, batch, several)
    for row, report in enumerate(reports):
        alone = step(network, batch, several, Draw(torch.tensor([row, row])))
        torch.testing.assert_close(report.total, alone.total, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(mean_report(reports).total, sum(report.total for report in reports) / 3)


def test_a_network_of_one_style_is_judged_by_it(targets):
    batch = torch.rand(2, 3, 32, 32)
    (report,) = judge(same, batch, targets)
    torch.testing.assert_close(report.total, step(same, batch, targets).total)
