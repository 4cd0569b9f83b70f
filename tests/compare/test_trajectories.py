import pytest
import torch

from fastnst.compare import Judge, Point, Verdict
from fastnst.compare.trajectories import Problem, crossing, follow, judged_at, trajectories
from fastnst.losses import GramLoss, PerceptualLoss, Region, TiledLoss, WholeLoss
from fastnst.optimize import Optimization, OptimizeConfig, Style

SCALES = {"relu2_1": 3.0}


@pytest.fixture
def loss(toy_backbone):
    return PerceptualLoss(toy_backbone, {"relu2_1": 1.0}, {"relu1_1": 1.0}, GramLoss())


@pytest.fixture
def judge(loss):
    return Judge(loss, loss, torch.rand(1, 3, 16, 16), torch.rand(1, 3, 20, 24))


def curve(*totals):
    return [Point(i * 10, i * 1.0, Verdict({"style/relu1_1": total}, 0.5)) for i, total in enumerate(totals)]


def test_where_a_curve_reaches_a_goal():
    assert crossing(curve(9, 5, 3), 4) == (15, 1.5)
    assert crossing(curve(9, 5, 3), 9) == (0, 0)
    assert crossing(curve(9, 5, 3), 1) is None
    assert crossing([], 1) is None


def test_judged_ever_more_rarely_but_at_the_end():
    marks = sorted(judged_at(200))
    assert marks[:4] == [0, 1, 2, 3]
    assert marks[-1] == 200
    assert len(marks) < 50


def test_the_end_is_judged_however_many_evaluations_it_took(judge):
    pictures = [torch.rand(1, 3, 20, 24) for _ in range(4)]
    small = torch.rand(1, 3, 10, 12)
    points = follow(iter([small, small, *pictures]), judge, steps=1)
    assert [point.evaluations for point in points] == [5]
    assert points[0].verdict == judge(pictures[-1], closely=True)


def test_a_trajectory_that_never_gets_to_the_full_size_has_no_points(judge):
    assert follow(iter([torch.rand(1, 3, 10, 12)] * 3), judge, steps=2) == []


def test_an_end_that_is_not_finite_is_left_out(judge):
    good, bad = torch.rand(1, 3, 20, 24), torch.full((1, 3, 20, 24), float("nan"))
    assert [point.evaluations for point in follow(iter([good, good, bad]), judge, steps=2)] == [0, 1]


def test_pictures_are_kept_on_request(judge):
    pictures = [torch.rand(1, 3, 20, 24) for _ in range(2)]
    assert [point.image is None for point in follow(iter(pictures), judge, 1)] == [True, True]
    assert [point.image.size for point in follow(iter(pictures), judge, 1, keep=True)] == [(24, 20), (24, 20)]


def test_every_objective_divides_content_terms_by_the_given_scales(loss):
    photo, image, style = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32), torch.rand(1, 3, 16, 16)
    regions = [Region(loss.style_target(style))]
    expected = loss(image, loss.content_target(photo, SCALES), regions).terms["content/relu2_1"]
    for objective in (
        WholeLoss(loss, photo, regions, content_scales=SCALES),
        TiledLoss(loss, photo, regions, tile=16, content_scales=SCALES),
    ):
        torch.testing.assert_close(objective(image)[0].terms["content/relu2_1"], expected)
    config = OptimizeConfig(steps=1, precision="float32")
    run = Optimization(photo, [Style(style)], loss, config, image, refine=True, content_scales=SCALES)
    torch.testing.assert_close(next(iter(run)).report.terms["content/relu2_1"], expected)


def test_every_optimizer_minimizes_the_objective_of_the_judge(loss, monkeypatch):
    given = []
    for kind in (WholeLoss, Optimization):
        create = kind.__init__

        def spy(self, *arguments, create=create, **options):
            given.append(options.get("content_scales"))
            create(self, *arguments, **options)

        monkeypatch.setattr(kind, "__init__", spy)
    photo, style = torch.rand(1, 3, 20, 24), torch.rand(1, 3, 16, 16)
    found = trajectories(Problem(photo, style, loss, SCALES, OptimizeConfig(steps=1)), {"net": photo})
    for pictures in found.values():
        next(pictures)
    assert [scales for scales in given if scales is not None] == [SCALES] * 3
    assert "net, then L-BFGS" in found
