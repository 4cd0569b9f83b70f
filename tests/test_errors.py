import logging

import pytest

from fastnst.cli import run
from fastnst.errors import LONGEST, discreet, first_line, printable


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("https://anna:s3cret@host/a.parquet: gone", "s3cret"),
        ("https://host/a?X-Amz-Signature=abcdef0123&x=1", "abcdef0123"),
        ("https://host/a?token=abcdef0123", "abcdef0123"),
        ("s3://in/a.jpg?access_key=AKIA123456&region=eu", "AKIA123456"),
        ("401 for Authorization: Bearer abcdefgh.ijkl", "abcdefgh.ijkl"),
        ("invalid token hf_AbCdEfGhIjKlMn", "AbCdEfGhIjKlMn"),
    ],
)
def test_secrets_are_left_out_of_what_is_printed(text, hidden):
    for said in (discreet(text), printable(text)):
        assert hidden not in said
        assert "***" in said


@pytest.mark.parametrize(
    "text",
    [
        "https://host:8080/a@b.jpg",
        "a.jpg: 3x4?",
        "hf_home",
        "photos/key=5/a.png",
        "C:\\a@b\\c.jpg",
        "bearer of bad news",
    ],
)
def test_what_is_no_secret_stays(text):
    assert discreet(text) == text


def test_a_library_that_quotes_a_whole_file_is_cut_short():
    assert len(first_line(ValueError("x" * 10**6))) <= LONGEST
    assert first_line(KeyError()) == "KeyError"


def test_notes_of_the_log_are_one_line_without_secrets(capsys, monkeypatch):
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    run(["--version"])
    logging.getLogger("fastnst.images").warning("%s: animated", "https://me:secret1@host/a\nb.gif")
    assert capsys.readouterr().err == "fastnst: https://me:***@host/a\\nb.gif: animated\n"
