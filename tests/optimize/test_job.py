"""A program can do what the command does."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from fastnst.errors import ConfigError
from fastnst.images import read_image, read_note
from fastnst.losses import LossConfig
from fastnst.optimize import OptimizeConfig, PaintingJob, default_loss, job, load_state
from fastnst.optimize.outputs import command, settings, state_file
from fastnst.optimize.state import read_settings


@pytest.fixture
def make(photos, style_picture, toy_weights, tmp_path, monkeypatch):
    """Make a job of a second: ``make(size=40)``."""
    monkeypatch.chdir(tmp_path)
    loss = LossConfig("vgg19", {"relu2_1": 1.0}, {"relu1_1": 1.0, "relu2_1": 1.0}, weights=str(toy_weights))

    def made(content=str(photos / "01.png"), styles=(str(style_picture),), steps=5, seed=0, **options):
        config = OptimizeConfig(steps=steps, seed=seed, precision="float32")
        own = {"size": 40, "style_size": 32, "device": "cpu", "loss": loss, "config": config}
        return PaintingJob(content, styles, **own | options)

    return made


def test_nothing_is_written_unless_the_job_says_where(make):
    painting = job.run(make())
    assert painting.image.shape[2:] == (31, 40)
    assert painting.steps == 5
    assert not painting.interrupted
    assert painting.facts()["loss"] == pytest.approx(sum(painting.facts()["terms"].values()), rel=1e-5)
    assert os.listdir() == []  # noqa: PTH208


def test_a_picture_may_be_bytes(make, photos, style_picture):
    data = make((photos / "01.png").read_bytes(), (style_picture.read_bytes(),))
    assert torch.equal(job.run(data).image, job.run(make()).image)


def test_a_callback_stops_a_job_and_its_state_goes_on(make):
    stopped = job.run(make(out="o.png"), lambda progress: progress.step == 2)
    assert stopped.interrupted
    assert stopped.steps == 2
    assert read_note("o.png")["result"]["steps"] == 2
    state = load_state(state_file("o.png"), settings(make(out="o.png")))
    whole = job.run(make())
    for resumed in (job.run(make(out="o.png"), resume=state), job.run(make(), resume=stopped.state)):
        assert torch.equal(resumed.image, whole.image)
    assert os.listdir() == ["o.png"]  # noqa: PTH208


def test_a_state_of_other_settings_is_refused(make):
    job.run(make(out="o.png"), lambda progress: progress.step == 2)
    with pytest.raises(ConfigError, match="made with color style, not content"):
        load_state(state_file("o.png"), settings(make(out="o.png", color="content")))
    load_state(state_file("o.png"), settings(make(out="o.png", steps=9)))


def test_the_last_step_is_no_interruption(make):
    assert not job.run(make(), lambda progress: progress.step == 5).interrupted


def test_callbacks_see_the_picture_in_its_colors(make):
    seen = []
    painting = job.run(make(color="content"), lambda progress: seen.append(progress.image))
    torch.testing.assert_close(seen[0], read_back(make), atol=1 / 255, rtol=0)
    assert painting.image.std(1).max() > 0.01


def read_back(make):
    from fastnst.images import fit

    return fit(read_image(make().content), longer=40)


def test_a_backbone_is_loaded_once_for_several_jobs(make, monkeypatch):
    backbone = job.load_backbone(make())
    monkeypatch.setattr("fastnst.losses.config.build_backbone", None)
    assert job.run(make(), backbone=backbone).steps == 5


def test_what_is_best_is_kept_where_the_loss_is_not_finite(make, monkeypatch):
    from fastnst.optimize import Optimization

    evaluate, count = Optimization._evaluate, []

    def broken(self, position):
        report, gradient = evaluate(self, position)
        count.append(1)
        return report, gradient if len(count) <= 3 or position is self.kept.best[1] else gradient * float("nan")

    monkeypatch.setattr(Optimization, "_evaluate", broken)
    with pytest.raises(FloatingPointError, match="third time"):
        job.run(make(out="o.png"))
    assert read_note("o.png")["result"]["steps"] == 2


def test_a_network_has_a_style_weight_of_its_own():
    assert default_loss().style_weight == 10
    assert default_loss("hrnet").style_weight == 3
    assert default_loss("hrnet", style_weight=7).style_weight == 7
    hrnet = OptimizeConfig(parameterization="hrnet")
    assert PaintingJob("c.png", ("s.png",), config=hrnet).objective == default_loss("hrnet")


def test_what_is_default_is_left_out_of_the_command():
    assert command(PaintingJob("c.png", ("s.png",), "o.png")) == [
        *("fastnst", "optimize", "--content", "c.png", "--style", "s.png", "--out", "o.png")
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mix": (1.0, 2.0)}, "--mix has 2 for 1 styles"),
        ({"masks": ("a.png", "b.png")}, "--mask has 2 for 1 styles"),
        ({"mix": (0.0,)}, "nor all zero"),
        ({"size": 0}, "--size 0: must be at least 1"),
    ],
)
def test_contradictions_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        PaintingJob("c.png", ("s.png",), **options)


def test_a_small_first_stage_is_compared_at_the_scales_it_has(make, make_picture, tmp_path):
    """Stages of 16, 32 and 64 px under all scales; relu4_1 at 1/4 wants 64 px."""
    picture = tmp_path / "picture.png"
    make_picture(64, 64).save(picture)
    loss = LossConfig(content={"relu3_1": 1.0}, style={"relu1_1": 1.0, "relu4_1": 1.0})
    seen = {}
    config = OptimizeConfig(steps=3, stages=3)
    job.run(
        make(content=str(picture), size=64, style_size=64, loss=loss, config=config),
        lambda state: seen.update({state.size[0]: set(state.report.terms)}) or False,
    )
    assert sorted(seen) == [16, 32, 64]
    assert [sum("relu4_1" in path for path in seen[size]) for size in (16, 32, 64)] == [1, 2, 3]


def test_a_small_photograph_is_refused_by_name(make, make_picture):
    make_picture(1, 1).save("dot.png")
    with pytest.raises(ConfigError, match=r"dot.png: 1x1 is too small"):
        job.run(make("dot.png"))
    assert Path("dot.png").exists()


@pytest.mark.parametrize("said", ["null", "5", "[", "[" * 50_000])
def test_an_interrupted_run_with_settings_that_are_none_is_named(tmp_path, said):
    path = tmp_path / "a.resume"
    save_file({"position": torch.zeros(1)}, path, metadata={"run": "{}", "settings": said})
    with pytest.raises(ConfigError, match=r"a\.resume: cannot be resumed from"):
        read_settings(path)
