from itertools import islice, pairwise

import pytest
import torch

from fastnst.errors import ConfigError
from fastnst.losses import GramLoss, PerceptualLoss
from fastnst.optimize import OptimizeConfig


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("parameterization", ["pixels", "hrnet"])
def test_the_loss_falls(start, optimizer, parameterization):
    run = start(optimizer=optimizer, parameterization=parameterization, steps=30)
    first = next(iter(run)).report.total
    for _ in run:
        pass
    assert run.result().report.total < 0.6 * first


def test_a_network_is_trained_with_adam_unless_told_otherwise():
    assert OptimizeConfig().method == "lbfgs"
    assert OptimizeConfig(parameterization="hrnet").method == "adam"
    assert OptimizeConfig(parameterization="hrnet", optimizer="lbfgs").method == "lbfgs"


def test_it_begins_with_the_photograph(start):
    run = start(steps=1)
    states = list(run)
    assert torch.equal(states[0].image, run.content)
    assert not torch.equal(states[-1].image, run.content)


def test_the_result_is_no_worse_than_any_state(start):
    run = start(steps=25, optimizer="adam", lr=0.3)
    totals = [float(state.report.total) for state in run]
    assert float(run.result().report.total) <= min(totals) * 1.001


def test_each_report_judges_the_picture_beside_it(start):
    run = start(steps=5, precision="float32")
    for state in run:
        torch.testing.assert_close(run.objective(state.image)[0].total, state.report.total)


def test_one_evaluation_a_step(start, monkeypatch):
    count = []
    forward = PerceptualLoss.forward
    monkeypatch.setattr(PerceptualLoss, "forward", lambda *args: count.append(1) or forward(*args))
    list(start(steps=10))
    assert len(count) <= 13


@pytest.mark.parametrize("parameterization", ["pixels", "hrnet"])
def test_the_same_seed_gives_the_same_picture(start, parameterization):
    def last(seed):
        *_, state = start(steps=4, parameterization=parameterization, seed=seed)
        return state.image

    assert torch.equal(last(0), last(0))
    assert torch.equal(last(0), last(1)) == (parameterization == "pixels")


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_weights_do_not_change_the_descent(start, toy_backbone, optimizer):
    """The scale of the loss is no setting: a thousandfold objective is descended alike."""

    def last(factor):
        weights = {"relu2_1": factor}, {"relu1_1": factor, "relu2_1": factor}
        *_, state = start(
            objective=PerceptualLoss(toy_backbone, *weights, GramLoss(), units="raw"), steps=8, optimizer=optimizer
        )
        return state.image

    torch.testing.assert_close(last(1.0), last(1024.0), atol=2e-3, rtol=0)


def test_no_step_leaps_out_of_the_picture(start):
    states = list(start(steps=40))
    lengths = [(b.image - a.image).abs().mean().item() for a, b in pairwise(states)]
    assert max(lengths) < 0.0401


def test_sizes_double_up_to_that_of_the_photograph(start):
    run = start(height=52, width=60, steps=6)
    sizes = [tuple(state.image.shape[2:]) for state in run]
    assert sizes[0] == (26, 30)
    assert sizes[-1] == (52, 60)
    assert run.result().image.shape[2:] == (52, 60)


def test_what_was_learned_is_carried_to_the_next_size(start):
    for optimizer, memory in (("lbfgs", "step0"), ("adam", "mean")):
        run = start(height=52, width=60, steps=6, optimizer=optimizer)
        for state in run:
            if state.stage == 1:
                break
        assert run.descent.state()[memory].numel() == 3 * 52 * 60


def test_a_given_picture_is_refined_at_full_size(start):
    first = torch.rand(1, 3, 40, 40)
    assert len(start(height=52, width=60, steps=2, first=first).stages) == 2
    run = start(height=52, width=60, steps=2, first=first, refine=True)
    assert len(run.stages) == 1
    assert next(iter(run)).image.shape[2:] == (52, 60)


@pytest.mark.parametrize("parameterization", ["pixels", "hrnet"])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
@pytest.mark.parametrize("after", [3, 8])
def test_an_interrupted_run_goes_on_bit_for_bit(start, optimizer, parameterization, after):
    options = {"height": 48, "width": 56, "steps": 12, "optimizer": optimizer}
    options["parameterization"] = parameterization
    whole = start(**options)
    list(whole)
    stopped, resumed = start(**options), start(**options)
    list(islice(stopped, after + 1))
    resumed.load(stopped.state())
    list(resumed)
    assert resumed.step == whole.step
    assert torch.equal(resumed.result().image, whole.result().image)


def test_a_time_budget_ends_a_run(start):
    run = start(time_budget="0.3s")
    *_, last = run
    assert 1 < last.step < 100_000
    assert run.seconds < 3


def test_a_loss_that_is_no_number_is_survived_twice(start, monkeypatch):
    run = start(steps=10)
    bad = {4, 7}
    spoil(run, monkeypatch, lambda count: count in bad)
    *_, last = run
    assert last.step == 10
    assert run.caution == 0.25
    assert run.result().report.total.isfinite()


def test_the_third_time_ends_the_run_and_keeps_the_picture(start, monkeypatch):
    run = start(steps=10)
    spoil(run, monkeypatch, lambda count: 4 <= count < 12)
    with pytest.raises(FloatingPointError, match="third time"):
        list(run)
    assert torch.isfinite(run.kept.best[1]).all()
    assert run.kept.best[0].total < float("inf")


def spoil(run, monkeypatch, when):
    """Make the loss infinite at some of its evaluations, but never where it was finite before."""
    evaluate, count = run._evaluate, 0

    def spoiled(position):
        nonlocal count
        report, gradient = evaluate(position)
        count += 1
        return report, gradient * float("nan") if when(count) and position is not run.kept.best[1] else gradient

    monkeypatch.setattr(run, "_evaluate", spoiled)


def test_black_keeps_and_white_paints(start):
    mask = torch.zeros(1, 1, 20, 24)
    mask[..., 12:] = 1
    run = start(steps=10, masks=(mask,))
    image = run.content
    *_, last = run
    assert torch.equal(last.image[..., :12], image[..., :12])
    assert not torch.allclose(last.image[..., 12:], image[..., 12:], atol=0.01)


def test_tiles_change_nothing(start):
    def last(tile):
        run = start(height=64, width=72, steps=5, tile=tile, precision="float32")
        *_, state = run
        return state.image

    torch.testing.assert_close(last(24), last(None), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    "options", [{"steps": 0}, {"lr": 0.0}, {"tile": 0}, {"stages": 0}, {"time_budget": "0s"}, {"time_budget": "soon"}]
)
def test_impossible_settings_are_refused(options):
    with pytest.raises(ConfigError, match="positive|above zero"):
        OptimizeConfig(**options)


def test_all_is_float32_if_asked(start):
    run = start(steps=5, precision="float32")
    assert {run.objective.content.values["relu2_1"].dtype for _ in run} == {torch.float32}


def test_bfloat16_ends_before_the_end_of_the_last_stage(start):
    run = start(height=52, width=60, steps=20, precision="bfloat16")
    found = [(state.stage, run.objective.content.values["relu2_1"].dtype) for state in run]
    assert {dtype for stage, dtype in found if stage == 0} == {torch.bfloat16}
    assert [dtype for stage, dtype in found if stage == 1] == [torch.bfloat16] * 6 + [torch.float32] * 4


def test_progress_says_how_much_is_over(start):
    shares = [state.share for state in start(height=52, width=60, steps=10)]
    assert shares == [step / 10 for step in range(11)]
