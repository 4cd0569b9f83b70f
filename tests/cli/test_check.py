import json
import os
import signal
import threading
import time

import pytest

from fastnst.cli import run
from fastnst.data.survey import Finding


@pytest.fixture
def folder(tmp_path, make_picture):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(6):
        make_picture(80, 64, number).save(folder / f"{number}.png")
    return folder


def check(folder, *words):
    return run(["check", "--photos", str(folder), "--size", "64", "--seconds", "0", *words])


def test_all_usable_is_done(folder, capsys):
    assert check(folder) == 0
    assert capsys.readouterr().out == "6 photographs: 6 usable (100 %)\n"


def test_some_broken_is_partly(folder, capsys, tmp_path):
    (folder / "text.jpg").write_text("no")
    assert check(folder, "--list", str(tmp_path / "bad.tsv")) == 3
    said = capsys.readouterr().out
    assert "7 photographs: 6 usable (85.7 %)" in said
    assert "1 broken, to be skipped, such as" in said
    kind, name, why = (tmp_path / "bad.tsv").read_text().strip().split("\t")
    assert (kind, name) == ("broken", str(folder / "text.jpg"))
    assert why.startswith("not a picture")


def test_gray_ones_and_copies_are_told_and_no_failure(folder, capsys, make_picture):
    make_picture(80, 64, 2).save(folder / "copy.png")
    make_picture(80, 64, 9).convert("L").save(folder / "gray.png")
    assert check(folder, "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["looked"], facts["usable"], facts["gray"], facts["duplicate"]) == (8, 8, 1, 1)
    assert "like" in facts["examples"]["duplicate"][0]
    assert facts["pace"] is None


def test_nothing_usable_fails(tmp_path, capsys):
    (tmp_path / "a.jpg").write_text("no")
    assert check(tmp_path) == 1
    assert "0 of 1 photographs can be used; 2 are needed" in capsys.readouterr().err


def test_no_such_source_and_a_list_that_exists_are_usage(folder, tmp_path, capsys):
    assert check(tmp_path / "gone") == 2
    (tmp_path / "bad.tsv").write_text("mine")
    assert check(folder, "--list", str(tmp_path / "bad.tsv")) == 2
    assert (tmp_path / "bad.tsv").read_text() == "mine"


def test_an_interruption_tells_what_was_found_so_far(folder, capsys, monkeypatch, tmp_path):
    (folder / "0.png").write_text("no")
    monkeypatch.setattr("fastnst.data.survey.TOGETHER", 1)
    look = __import__("fastnst.data.survey", fromlist=["_look"])._look

    def slow(*args):
        time.sleep(0.05)
        return look(*args)

    monkeypatch.setattr("fastnst.data.survey._look", slow)
    timer = threading.Timer(0.12, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    assert check(folder, "--list", str(tmp_path / "bad.tsv")) == 130
    timer.join()
    assert "photographs looked at so far" in capsys.readouterr().out
    assert (tmp_path / "bad.tsv").read_text().startswith("broken\t")


def test_photographs_that_cannot_be_read_are_no_fault_of_the_list(folder, capsys, monkeypatch, tmp_path):
    def broken(photos, least, most, seed, on_finding, on_progress):
        on_finding(Finding("broken", "a.jpg", "not a picture"))
        raise OSError("the photographs cannot be read (no such host)")

    monkeypatch.setattr("fastnst.data.survey.survey", broken)
    assert check(folder, "--list", str(tmp_path / "bad.tsv")) == 1
    said = capsys.readouterr().err
    assert "the photographs cannot be read (no such host)" in said
    assert "bad.tsv" not in said
    assert (tmp_path / "bad.tsv").read_text() == "broken\ta.jpg\tnot a picture\n"
