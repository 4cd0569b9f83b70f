"""The server as a process: where it listens, what it says, and how it ends."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")

import fastnst
from fastnst.cli import main, run
from fastnst.cli import serve as command
from fastnst.serve import Limits, ServeJob
from fastnst.serve import server as serving_room
from fastnst.serve.guard import is_loopback
from fastnst.serve.server import address

from .conftest import BOUNDARY, Answer, encode, multipart


def test_a_signal_finishes_what_was_begun(models, make_picture):
    """A picture is half uploaded when SIGTERM comes: it is painted, nobody else is served, and all was in order."""
    words = ["-m", "fastnst", "serve", "--model", models[0], "--port", "0", "--device", "cpu", "--precision", "float32"]
    with subprocess.Popen(
        [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            said = process.stdout.readline()
            port = int(re.fullmatch(r"serving at http://127\.0\.0\.1:(\d+)/; .*\n", said)[1])
            photo = make_picture(60, 40)
            answer = _answer_after(port, encode(photo), lambda: os.kill(process.pid, signal.SIGTERM))
            assert answer.status == 200
            np.testing.assert_array_equal(answer.image, fastnst.load(models[0], "cpu", "float32")(photo))
            assert (process.wait(30), process.stderr.read()) == (0, "")
        finally:
            process.kill()


def _answer_after(port: int, picture: bytes, interrupt) -> Answer:
    """Send half a request, interrupt the server, see that it takes no other, and send the rest."""
    body = multipart({"image": picture, "model": "plain"})
    head = f"POST /v1/stylize HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n"
    head += f"content-type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(head.encode() + body[: len(body) // 2])
        threading.Event().wait(0.3)
        interrupt()
        threading.Event().wait(0.5)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))
        connection.sendall(body[len(body) // 2 :])
        data = b"".join(iter(lambda: connection.recv(65536), b""))
    head, _, body = data.partition(b"\r\n\r\n")
    return Answer(int(head.split()[1]), {}, body)


@pytest.fixture
def served(monkeypatch):
    """Take note of the job in place of serving it."""
    jobs: list[ServeJob] = []
    monkeypatch.setattr(serving_room, "run", lambda job, on_start: (jobs.append(job), on_start("http://x/"), 0)[-1])
    monkeypatch.delenv(command.TOKEN, raising=False)
    return jobs


def test_the_words_become_a_job(served, capsys):
    words = (
        "--model a --model b --port 0 --max_bytes 1MB --max_pixels 1e6 --max_seconds 1m --queue 3 --batch 2 --seed 4"
    )
    more = (
        "--allow_training --styles_folder kept --photos p --training_budget 20s --engine torch --device cpu --token t"
    )
    assert run(["serve", *words.split(), *more.split()]) == 0
    assert served[0] == ServeJob(
        models=("a", "b"),
        port=0,
        token="t",
        limits=Limits(2**20, 1_000_000, 60.0, 3, 2),
        device="cpu",
        engine="torch",
        allow_training=True,
        styles_folder=serving_room.Path("kept"),
        photos="p",
        budget="20s",
        seed=4,
    )
    assert (
        capsys.readouterr().out
        == "serving at http://x/ (first with ?token= and the token); the API is at http://x/docs; Ctrl-C stops\n"
    )


def test_the_defaults_are_those_of_the_job(served):
    assert run(["serve"]) == 0
    assert served == [ServeJob()]


def test_the_token_comes_from_the_environment(served, monkeypatch, capsys):
    monkeypatch.setenv(command.TOKEN, "sesame")
    run(["serve", "--host", "0.0.0.0"])
    assert served[0].token == "sesame"
    told = capsys.readouterr()
    assert "sesame" not in told.out + told.err
    assert "warning" not in told.err


@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", True), ("192.168.1.7", True), ("127.0.0.1", False)])
def test_an_open_server_without_a_token_is_warned_of(served, capsys, host, warned):
    run(["serve", "--host", host, "--quiet"])
    expected = f"fastnst: warning: {host} can be reached by others, and no token is set (FASTNST_TOKEN)\n"
    assert capsys.readouterr().err == (expected if warned else "")


def test_a_missing_extra_is_named(monkeypatch, capsys):
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    assert run(["serve"]) == 2
    assert "serving needs fastapi, python_multipart, uvicorn; pip install 'fastnst[serve]'" in capsys.readouterr().err


def test_an_address_that_is_taken_is_told_before_models_are_loaded(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run(["serve", "--model", "nothing.safetensors", "--port", str(port)]) == 2
    assert re.search(rf"cannot listen at 127.0.0.1:{port} \(.*\); choose another --host or", capsys.readouterr().err)


def test_an_answer_in_parts_is_sent_at_once():
    """Else a client that keeps its connection waits 40 ms for the second part, as Nagle's algorithm has it."""

    async def accept() -> int:
        done = asyncio.get_running_loop().create_future()
        with serving_room._listen(ServeJob(port=0)) as listener:
            await asyncio.start_server(lambda reader, writer: done.set_result(writer), sock=listener)
            with socket.create_connection(listener.getsockname()):
                connection = (await done).get_extra_info("socket")
                return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)

    assert asyncio.run(accept())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--port", "70000"], 2, "port 70000: must be from 0 to 65535"),
        (["--host", "no.such.host.invalid"], 2, "cannot listen at no.such.host.invalid:0"),
        (["--model", "no_such"], 2, "unknown style 'no_such'"),
        (["--model", "none.safetensors"], 1, "none.safetensors: no such file"),
        (["--max_seconds", "soon"], 2, "must be a time above zero"),
        (["--allow_training", "--training_budget", "0"], 2, "time budget '0'"),
        (["--allow_training", "--styles_folder", "/proc/nothing"], 1, "cannot write to /proc/nothing"),
    ],
)
def test_what_cannot_be_served_is_one_line(words, code, said, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--port", "0", *words])
    assert ended.value.code == code
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_two_models_of_one_name_are_refused(models, tmp_path, capsys):
    other = tmp_path / "plain.safetensors"
    other.write_bytes(serving_room.Path(models[0]).read_bytes())
    assert run(["serve", "--port", "0", "--model", models[0], "--model", str(other)]) == 2
    assert "two models are called plain; rename a file" in capsys.readouterr().err


def test_a_model_without_names_to_choose_is_refused(make_gallery, tmp_path, capsys):
    any_style = make_gallery(tmp_path / "any.safetensors", "", True)
    assert run(["serve", "--port", "0", "--model", str(any_style)]) == 2
    assert "model any: knows no style by name" in capsys.readouterr().err


def test_an_address_can_be_opened():
    assert address("127.0.0.1", 80) == "http://127.0.0.1:80/"
    assert address("0.0.0.0", 80) == address("::", 80) == "http://localhost:80/"
    assert address("::1", 80) == "http://[::1]:80/"


def test_loopback_is_known_by_name_and_number():
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1")))
    assert not any(map(is_loopback, ("", "0.0.0.0", "::", "10.0.0.1", "localhost.example")))
