"""What a worker does, without a cluster."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pyarrow import parquet

from fastnst.data import open_photos
from fastnst.fleet.table import MANIFEST, parts, remove_unnamed
from fastnst.fleet.worker import Worker, pack_job
from fastnst.inference import folder
from fastnst.inference.job import StylizeJob
from fastnst.inference.plan import plan_folder


@pytest.fixture(autouse=True)
def threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def job(model_file, photos, tmp_path, monkeypatch) -> StylizeJob:
    """The job of painting twelve photographs and a broken one into ``out``."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").symlink_to(photos)
    tasks = plan_folder(["in"], "out").tasks
    (tmp_path / "broken.png").write_bytes(b"none")
    tasks.append((Path("broken.png"), Path("out/broken.png")))
    return StylizeJob(tasks, str(model_file), device="cpu", engine="torch")


def test_a_worker_paints_what_a_folder_is_painted(job):
    plain = folder.run(job)
    Path("out").rename("plain")
    outcomes, obstacle = Worker(pack_job(job), 2, str(Path.cwd())).paint(job.tasks)
    assert obstacle is None
    strip = lambda outcome: replace(outcome, seconds=0)  # noqa: E731
    assert [strip(outcome) for outcome in outcomes] == [strip(o) for o in (*plain.painted, *plain.failed)]
    for path in Path("plain").rglob("*.png"):
        assert path.read_bytes() == (Path("out") / path.relative_to("plain")).read_bytes()


def test_a_parcel_brings_the_files_a_job_names(job, style_picture, two_styles, tmp_path):
    several = replace(job, style=(str(two_styles[0]), "name"), mask=(str(style_picture),))
    parcel = pack_job(several)
    assert set(parcel.files) == {job.model, str(two_styles[0]), str(style_picture)}
    assert (parcel.job.tasks, parcel.job.model) == ((), job.model)
    away = Path(job.model).rename(tmp_path / "away")
    try:
        (tmp_path / "files").mkdir()
        painter = pack_job(replace(job, style=None)).files  # the file is not here: nothing to bring
        assert painter == {}
        assert replace(parcel, job=replace(parcel.job, style=None, mask=())).load(tmp_path / "files").layers
    finally:
        away.rename(job.model)


def test_a_batch_becomes_a_table_that_training_reads(job):
    table = Path("out.parquet")
    tasks = [(source, table / target.relative_to("out")) for source, target in job.tasks]
    outcomes, _ = Worker(pack_job(job), 1, str(Path.cwd()), table).paint(tasks)
    (part,) = parts(table)
    rows = parquet.read_table(table / part).to_pylist()
    assert [row["source"] for row in rows] == [str(source) for source, _ in tasks[:-1]]
    painted = {outcome.target: outcome for outcome in outcomes[1:]}
    assert set(painted) == {f"out.parquet/{part}#{row['image']['path']}" for row in rows}
    assert all(row["sha256"] == painted[f"out.parquet/{part}#{row['image']['path']}"].sha256 for row in rows)
    assert outcomes[0].source == "broken.png"
    (table / MANIFEST).write_text("{}")
    assert len(open_photos(str(table))) == 12
    remove_unnamed(table, {part})
    assert parts(table) == {part}
    remove_unnamed(table, ())
    assert [path.name for path in table.iterdir()] == [MANIFEST]


def test_a_table_that_cannot_be_written_fails_its_pictures(job, monkeypatch):
    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("fastnst.fleet.table.replacing", full)
    table = Path("out.parquet")
    tasks = [(source, table / source.name) for source, _ in job.tasks[:2]]
    outcomes, obstacle = Worker(pack_job(job), 1, str(Path.cwd()), table).paint(tasks)
    assert all("cannot be written (No space left" in outcome.error for outcome in outcomes)
    assert "No space left" in obstacle
