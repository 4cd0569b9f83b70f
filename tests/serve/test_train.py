"""Styles that clients have trained; a program that writes what a training writes stands in for it."""

import errno
import http.client
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")

import fastnst
from fastnst.atomic import naming
from fastnst.cli import train
from fastnst.serve import Limits, ServeJob, training
from fastnst.serve.orders import Place

from .conftest import Running, encode, running, wait_for

TRAINER = """
import shutil, sys, time
from pathlib import Path
run, model, lines, seconds, code = Path(sys.argv[1]), *sys.argv[2:]
print("training:   0%|          | 00:00<?", file=sys.stderr, flush=True)
for line in filter(None, lines.split(";")):
    print(line, file=sys.stderr, flush=True)
(run.parent / "begun").touch()
time.sleep(float(seconds))
if code == "0":
    run.mkdir(parents=True, exist_ok=True)
    shutil.copy(model, run / "style.safetensors")
sys.exit(int(code))
"""


@pytest.fixture
def trainer(monkeypatch, gallery_of_one):
    """Say what the next trainings do."""
    does = {"lines": "", "seconds": 0.0, "code": 0}

    def command(style: Path, run: Path, photos: str, job: ServeJob) -> list[str]:
        words = [run, gallery_of_one, does["lines"], does["seconds"], does["code"]]
        return [sys.executable, "-I", "-c", TRAINER, *map(str, words)]

    monkeypatch.setattr(training, "_command", command)
    return does


@pytest.fixture
def gallery_of_one(tmp_path, make_gallery):
    return make_gallery(tmp_path / "trained" / "one.safetensors", "dots", False)


@pytest.fixture
def job(models, tmp_path, shared_network, trainer):
    limits = Limits(trainings=1)
    return ServeJob(models[:1], limits=limits, device="cpu", precision="float32", styles_folder=tmp_path / "styles")


@pytest.fixture
def server(job, photos):
    with running(job, str(photos)) as found:
        yield found


def order(server: Running, picture, **fields):
    return server.post("/v1/styles", image=encode(picture), **fields)


def ended(server: Running, id: str) -> dict:
    return wait_for(lambda: (found := server(f"/v1/styles/{id}").json)["state"] in ("done", "failed") and found)


def test_a_style_is_shown_at_once_and_painted_with_when_it_is_trained(server, gallery_of_one, make_picture):
    photo = make_picture(80, 60)
    answer = order(server, make_picture(seed=5), name="Dots & Lines!", photo=encode(photo))
    assert answer.status == 202
    assert (answer.json["id"], answer.json["title"], answer.json["model"]) == ("dots_lines", "Dots & Lines!", None)
    preview = server(answer.json["preview"])
    assert (preview.image.format, preview.image.size) == ("JPEG", (80, 60))
    assert ended(server, "dots_lines")["state"] == "done"
    listed = server("/v1/models").json["models"][-1]
    assert (listed["name"], listed["title"]) == ("dots_lines", "Dots & Lines!")
    painted = fastnst.load(gallery_of_one, "cpu", "float32")(photo)
    np.testing.assert_array_equal(server.stylize(photo, model="dots_lines").image, painted)
    result = server(server("/v1/styles/dots_lines").json["result"]).image
    assert np.abs(np.asarray(result, int) - np.asarray(painted)).mean() < 3


def test_progress_is_told_as_it_comes(server, trainer, make_picture):
    trainer |= {"lines": "training:  40%|####      | 00:08<00:12, step=12, loss=0.5", "seconds": 1}
    order(server, make_picture(), name="slow")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/v1/styles/slow/events")
    response = connection.getresponse()
    assert response.headers["content-type"].startswith("text/event-stream")
    lines = response.read().decode().split("\n\n")
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    assert [event["share"] for event in events] == sorted(event["share"] for event in events)
    assert (events[-1]["state"], events[-1]["share"], events[-1]["model"]) == ("done", 1.0, "slow")
    assert "step 12, loss 0.5" in {event["message"] for event in events}


def test_a_training_that_fails_says_why_and_not_where(server, trainer, job, make_picture):
    picture = job.styles_folder.absolute() / "small" / "small.png"
    trainer |= {"lines": f"fastnst: error: {picture}: 9x9 is too small", "code": 1}
    order(server, make_picture(), name="small")
    failed = ended(server, "small")
    assert (failed["state"], failed["message"]) == ("failed", "small.png: 9x9 is too small")
    assert server("/v1/styles/small/result").status == 404
    assert [model["name"] for model in server("/v1/models").json["models"]] == ["plain"]


def test_a_full_disk_refuses_an_order_and_ends_no_thread(server, job, make_picture, monkeypatch, caplog):
    note, full = Place.note, {"queued"}

    def noting(place, order):
        if order.state in full:
            with naming(place.folder / Place.RECORD):
                raise OSError(errno.ENOSPC, "No space left on device")
        note(place, order)

    monkeypatch.setattr(Place, "note", noting)
    refused = order(server, make_picture(), name="refused")
    assert refused.status == 503
    assert refused.detail == "the server can keep nothing now (no space left on device); try again later"
    assert server("/v1/styles").json["styles"] == []
    full.clear()
    full |= {"done", "failed"}
    order(server, make_picture(), name="first")
    assert ended(server, "first")["state"] == "done"
    assert "style first: done is not noted" in caplog.text
    assert Place(job.styles_folder, "first").read().state == "queued"
    full.clear()
    order(server, make_picture(), name="second")
    assert ended(server, "second")["state"] == "done"


def test_one_is_trained_at_a_time_and_few_wait(server, trainer, make_picture):
    trainer["seconds"] = 60
    order(server, make_picture(), name="one")
    wait_for(lambda: server("/v1/styles/one").json["state"] == "training")
    assert order(server, make_picture(), name="two").json["state"] == "queued"
    refused = order(server, make_picture(), name="three")
    assert (refused.status, refused.headers["retry-after"]) == (503, "180")
    assert "2 styles are waiting to be trained" in refused.detail
    trainer["seconds"] = 0
    begun = time.monotonic()
    assert server("/v1/styles/one", "DELETE").json["message"] == "stopped"
    assert ended(server, "two")["state"] == "done"
    assert time.monotonic() - begun < 30
    assert server("/v1/styles/two", "DELETE").json["state"] == "done"
    assert [style["id"] for style in server("/v1/styles").json["styles"]] == ["one", "two"]


def test_an_order_that_waits_can_be_taken_back(server, trainer, job, make_picture):
    trainer["seconds"] = 60
    for name in ("one", "two"):
        order(server, make_picture(), name=name)
    assert server("/v1/styles/two", "DELETE").json["state"] == "failed"
    server("/v1/styles/one", "DELETE")
    assert ended(server, "one")["state"] == "failed"
    assert not (job.styles_folder / "two" / "begun").exists()


def test_an_id_is_a_plain_word_that_is_free(server, trainer, job, make_picture):
    trainer["seconds"] = 60
    ids = {"../../etc/passwd": "etc_passwd", "plain": "plain_2", "☃": "style", "A" * 80: "a" * 40, "PLAIN": "plain_3"}
    for name, id in ids.items():
        assert order(server, make_picture(), name=name).json["id"] == id
        server(f"/v1/styles/{id}", "DELETE")
    assert {path.name for path in job.styles_folder.iterdir()} == set(ids.values())


def test_what_is_no_style_is_refused_before_anything_is_kept(server, job, make_picture):
    for answer in (
        server.post("/v1/styles", image=b"text"),
        server.post("/v1/styles", image="text"),
        server.post("/v1/styles", image=encode(make_picture()), photo=b"text"),
        order(server, make_picture(), name="A" * 81),
    ):
        assert answer.status == 422
        assert answer.detail
    assert not job.styles_folder.exists()


def test_a_style_that_nobody_asked_for_is_not_there(server):
    for path in ("no", "no/events", "no/preview", "..%2f..%2fetc/preview"):
        assert server(f"/v1/styles/{path}").status == 404


def test_the_next_server_finds_what_was_trained_and_goes_on_with_the_rest(job, photos, trainer, make_picture):
    with running(job, str(photos)) as first:
        order(first, make_picture(), name="done")
        ended(first, "done")
        trainer["seconds"] = 60
        order(first, make_picture(), name="begun")
        wait_for((job.styles_folder / "begun" / "begun").exists)
        begun = time.monotonic()
    assert time.monotonic() - begun < 20  # the training was stopped, not waited for
    (job.styles_folder / "torn").mkdir()
    (job.styles_folder / "torn" / "record.json").write_text('{"id": "torn"')
    trainer["seconds"] = 0
    with running(job, str(photos)) as second:
        assert ended(second, "done")["state"] == "done"
        assert ended(second, "begun")["state"] == "done"
        assert [model["name"] for model in second("/v1/models").json["models"]] == ["plain", "done", "begun"]
        assert second("/v1/styles/torn").status == 404
        assert second("/v1/styles/done/preview").status == 200


def test_a_training_ends_with_the_server_that_began_it():
    """Whatever that one dies of: its end of the pipe is closed."""
    code = "import sys, time; from fastnst import tied; tied.watch(); print('torch' in sys.modules, flush=True)"
    code += "; time.sleep(100)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout.readline() == b"False\n"  # not only after some seconds
        process.stdin.close()
        assert process.wait(20) != 0


def test_a_tied_command_is_the_command():
    words = [sys.executable, "-m", "fastnst.tied", "--version"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.read().startswith("fastnst ")
        assert process.wait(20) == 0


def test_the_words_of_a_training_are_those_of_the_command(tmp_path):
    job = ServeJob(device="cpu", precision="float32", budget="20s", seed=3)
    words = training._command(tmp_path / "a b.png", tmp_path / "run", "photos", job)
    assert words[:4] == [sys.executable, "-m", "fastnst.tied", "train"]
    options, rest = train.read(words[4:])
    assert not rest
    assert vars(options) == {
        "model.style": str(tmp_path / "a b.png"),
        "data.photos": "photos",
        "trainer.default_root_dir": str(tmp_path / "run"),
        "time_budget": "20s",
        "seed": 3,
        "resume": "auto",
        "device": "cpu",
        "precision": "float32",
    }
