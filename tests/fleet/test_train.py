"""One network for each of many styles: how jobs are made of one, and how a run that loses its process goes on."""

import json
import os
from contextlib import contextmanager
from pathlib import Path

import pytest

from fastnst.cli import run
from fastnst.errors import ConfigError
from fastnst.fleet import train
from fastnst.fleet.train import LIVES, expand, share, split
from fastnst.training.job import TrainJob


class CancelledError(Exception):
    pass


class FailedError(Exception):
    def __init__(self, cause) -> None:
        self.cause = cause


class LostError(Exception):
    pass


class Ray:
    """Tasks that run at once in this process; some end as a process that is killed does."""

    def __init__(self, deaths: dict[str, int]) -> None:
        self.deaths, self.begun = deaths, []
        errors = {"TaskCancelledError": CancelledError, "RayTaskError": FailedError, "RayError": Exception}
        self.exceptions = type("errors", (), errors)

    def nodes(self):
        return [{"Alive": True, "Resources": {"CPU": 2.0}}]

    def remote(self, work):
        task = type("task", (), {})()
        task.options = lambda **_: task
        task.remote = lambda *given: self.begin(work, *given)
        return task

    def begin(self, work, job, *more):
        self.begun.append(job)
        return lambda: self.work(work, job, *more)

    def work(self, work, job, *more):
        name = Path(job.settings["trainer.default_root_dir"]).name
        if self.deaths.get(name, 0):
            self.deaths[name] -= 1
            raise LostError("the worker died")
        try:
            return work(job, *more)
        except Exception as error:  # whatever a task raises, Ray hands over in an error of its own
            raise FailedError(error) from error

    def wait(self, refs, **_):
        return refs[:1], refs[1:]

    def get(self, ref):
        return ref()

    def cancel(self, ref, force):
        pass


@pytest.fixture
def cluster(monkeypatch):
    pytest.importorskip("ray", reason="needs the extra ray")

    def begin(**deaths):
        ray = Ray(deaths)
        monkeypatch.setattr(train, "joined", contextmanager(lambda threads: iter([ray])))
        return ray

    return begin


def test_styles_become_a_run_each(two_styles, tmp_path):
    twin = tmp_path / "more" / two_styles[1].name
    twin.parent.mkdir()
    twin.write_bytes(two_styles[0].read_bytes())
    jobs = split(TrainJob({"model.style": [*map(str, two_styles), str(twin.parent)], "data.photos": "p"}))
    assert {name: job.settings["model.style"] for name, job in jobs.items()} == {
        "waves": str(two_styles[0]), "sun": str(two_styles[1]), "sun_2": str(twin)
    }  # fmt: skip
    assert [job.settings["trainer.default_root_dir"] for job in jobs.values()] == [
        "runs/waves",
        "runs/sun",
        "runs/sun_2",
    ]
    (tmp_path / "none").mkdir()
    with pytest.raises(ConfigError, match="holds no pictures"):
        expand([str(tmp_path / "none")])
    with pytest.raises(ConfigError, match="give --styles"):
        split(TrainJob({}))


def test_every_run_has_its_share_of_a_machine():
    assert share([{"CPU": 2.0}], 2, None) == (1, 0)
    assert share([{"CPU": 16.0}], 3, None) == (5, 0)
    assert share([{"CPU": 16.0}] * 8, 2, "cpu") == (8, 0)
    assert share([{"CPU": 32.0, "GPU": 4.0}, {"CPU": 8.0}], 9, None) == (8, 1)
    with pytest.raises(ConfigError, match="a GPU to train on"):
        share([{"CPU": 2.0}], 1, "cuda")


@pytest.fixture
def words(train_options, two_styles, tmp_path) -> list[str]:
    """Train two styles side by side."""
    at = train_options.index("--style")
    styles = ["--styles", *map(str, two_styles), "--engine", "ray"]
    return [*train_options[:at], *styles, *train_options[at + 2 :]]


def test_two_styles_are_trained_and_one_loses_its_process(cluster, words, tmp_path, capsys):
    ray = cluster(sun=2)
    assert run(words) == 0
    assert [job.resume for job in ray.begun] == [None, None, "auto", "auto"]
    facts = json.loads((tmp_path / "run" / "runs.json").read_text())
    assert [(one["name"], one["steps"], one["deaths"]) for one in facts] == [("sun", 4, 2), ("waves", 4, 0)]
    assert all((tmp_path / "run" / name / "style.safetensors").is_file() for name in ("sun", "waves"))
    said = capsys.readouterr().out
    assert "sun: 4 steps in" in said
    assert "went on after 2 deaths of its process" in said
    assert "trained 2 of 2 styles" in said.splitlines()[-1]
    assert run(words) == 2
    assert "holds a run already" in capsys.readouterr().err


def test_a_process_lost_early_does_not_bring_the_old_run_back(cluster, words, tmp_path):
    cluster()
    assert run(words) == 0
    for file in (tmp_path / "run").rglob("*.ckpt"):
        os.utime(file, (1e9, 1e9))
    ray = cluster(sun=1)
    assert run([*words, "--overwrite"]) == 0
    assert [(job.resume, job.overwrite) for job in ray.begun] == [(None, True), (None, True), (None, True)]
    facts = json.loads((tmp_path / "run" / "runs.json").read_text())
    assert [one["steps"] for one in facts] == [4, 4]


def test_a_style_that_cannot_be_trained_stops_no_other(cluster, words, two_styles, tmp_path, capsys):
    two_styles[1].write_bytes(b"none")
    cluster(waves=LIVES - 1)
    assert run(words) == 3
    said = capsys.readouterr()
    assert "fastnst: error: sun: " in said.err
    assert "trained 1 of 2 styles" in said.out
    assert run([*words, "--overwrite", "--resume"]) == 2


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_training_that_is_killed_goes_on_in_another_process(words, two_styles, tmp_path, capsys, monkeypatch):
    import os
    import signal
    import threading
    import time

    pytest.importorskip("ray", reason="needs the extra ray")
    words = [*words, "--steps", "60", "--trainer.val_check_interval", "2", "--data.workers", "0"]
    killed = []

    def kill():
        """Kill the process that trains the sun, once it has saved; it tells its number in the name of its log."""
        log = tmp_path / "run" / "sun"
        while not killed:
            time.sleep(0.05)
            for file in log.glob("events.out.tfevents.*") if (log / "checkpoints/last.ckpt").exists() else ():
                killed.append(int(file.name.split(".")[-2]))
                os.kill(killed[0], signal.SIGKILL)
                return

    threading.Thread(target=kill, daemon=True).start()
    code = run(words)
    if "Ray did not start" in capsys.readouterr().err:
        pytest.skip("this machine is too busy to start Ray in its 30 s")
    assert code == 0
    facts = {one["name"]: one for one in json.loads((tmp_path / "run" / "runs.json").read_text())}
    assert (facts["sun"]["deaths"], facts["sun"]["steps"], facts["waves"]["deaths"]) == (1, 60, 0)
