import json
from dataclasses import replace

import pytest

from fastnst.checkpoint import load_checkpoint, save_checkpoint
from fastnst.compare import CompareJob, run, write_report
from fastnst.compare.chart import strip
from fastnst.compare.job import name_models, read_photos
from fastnst.errors import ConfigError


@pytest.fixture
def job(trained, photos):
    return CompareJob((str(trained),), str(photos), count=1, sizes=(32,), steps=2, device="cpu", precision="float32")


def with_header(trained, path, **change):
    network, metadata = load_checkpoint(trained)
    save_checkpoint(path, network, replace(metadata, **change))
    return str(path)


def test_the_scales_of_the_training_are_those_of_the_comparison(job, trained, tmp_path):
    _, metadata = load_checkpoint(trained)
    loss = metadata.loss | {"content_scales": {"relu2_1": 1.0}}
    other = replace(job, models=(with_header(trained, tmp_path / "other.safetensors", loss=loss),))
    content = []
    for each in (job, other):
        comparison = run(each)
        (case,) = comparison.cases
        content.append(next(iter(case.networks.values())).verdict.terms["content/relu2_1"])
        assert comparison.facts["loss"]["content_scales"] == comparison.content_scales
    assert content[0] == pytest.approx(2 * content[1], rel=1e-5)


def test_the_page_says_by_what_content_is_scaled(job, trained, tmp_path):
    write_report(tmp_path / "with", run(job))
    assert "by the scales of its training" in (tmp_path / "with" / "report.html").read_text()
    _, metadata = load_checkpoint(trained)
    bare = with_header(trained, tmp_path / "bare.safetensors", loss=metadata.loss | {"content_scales": None})
    write_report(tmp_path / "without", run(replace(job, models=(bare,))))
    assert "each photograph is scaled by itself" in (tmp_path / "without" / "report.html").read_text()


def test_one_step_at_a_size_of_several_stages(job, tmp_path, monkeypatch):
    monkeypatch.setattr("fastnst.optimize.schedule.SMALLEST", 32)
    comparison = run(replace(job, sizes=(64,), steps=2))
    (case,) = comparison.cases
    assert all(case.curves.values())
    assert case.curves["fastnst optimize"][-1].evaluations == 2  # one at 32 px, one at 64 px
    write_report(tmp_path, comparison)
    assert json.loads((tmp_path / "report.json").read_text())["networks"][0]["photographs"] == 1


def test_a_checkpoint_that_lists_no_style_is_compared_with_the_picture_given(job, trained, style_picture, tmp_path):
    bare = with_header(trained, tmp_path / "bare.safetensors", styles=[])
    comparison = run(replace(job, models=(bare,), style=str(style_picture), steps=1))
    assert comparison.facts["style"] == {}


def test_progress_may_stop_a_job(job):
    heard = []

    def stop(case, done, total):
        heard.append((case.size, done, total))
        return True

    comparison = run(replace(job, sizes=(48, 32), count=2, steps=1), stop)
    assert heard == [(32, 1, 4)]
    assert comparison.interrupted
    assert len(comparison.cases) == 1


def test_pictures_of_the_first_photograph_are_shown(job):
    comparison = run(replace(job, count=2))
    first, second = comparison.cases
    titles = [title for title, _ in strip(first, "waves")]
    assert titles[:2] == ["photograph", "waves"]
    assert titles[-1].startswith("waves, then L-BFGS")
    assert not second.pictures


def test_there_may_be_fewer_photographs_than_wanted(photos, make_picture, tmp_path):
    assert len(read_photos(str(photos), 99)) == 12
    for folder in "ab":
        (tmp_path / folder).mkdir()
        make_picture().save(tmp_path / folder / "same.png")
    (tmp_path / "broken.jpg").write_text("no picture")
    make_picture(20, 20).save(tmp_path / "tiny.png")
    assert list(read_photos(str(tmp_path), 5)) == ["same.png", "same.png (2)"]
    (tmp_path / "a" / "same.png").unlink()
    (tmp_path / "b" / "same.png").unlink()
    with pytest.raises(ConfigError, match="no photograph that can be used"):
        read_photos(str(tmp_path), 5)


def test_networks_of_one_name_are_told_apart(tmp_path):
    files = [tmp_path / "run" / "style.safetensors", tmp_path / "a.safetensors", tmp_path / "b" / "a.safetensors"]
    assert name_models(files) == ["run", "a (2)", "a (3)"]


@pytest.mark.parametrize("change", [{"models": ()}, {"sizes": ()}, {"sizes": (8,)}, {"count": 0}, {"steps": 0}])
def test_impossible_jobs_are_refused(job, change):
    with pytest.raises(ConfigError):
        replace(job, **change)


def test_a_network_of_several_styles_is_refused(job, gallery):
    with pytest.raises(
        ConfigError, match=r"holds 3 styles \(wave, starry, udnie\); compare judges networks of one style"
    ):
        run(replace(job, models=(*job.models, str(gallery))))
