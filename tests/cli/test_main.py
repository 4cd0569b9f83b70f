import subprocess
import sys
from pathlib import Path

import pytest

from fastnst import cli
from fastnst.cli import run
from fastnst.errors import ConfigError


def test_help_lists_every_command(capsys):
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(command in said for command in cli.COMMANDS)


def test_no_command_is_a_usage_error(capsys):
    assert run([]) == 2


def test_unknown_commands_are_guessed(capsys):
    assert run(["stilize"]) == 2
    assert "did you mean 'stylize'?" in capsys.readouterr().err


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_every_command_has_help(command, capsys):
    try:
        code = run([command, "--help"])
    except SystemExit as exit_:
        code = exit_.code
    assert code == 0
    words = {
        "stylize": "--model",
        "models": "--json",
        "info": "--json",
        "inspect": "features",
        "import": "--license",
        "push": "--private",
        "web": "--runtime",
        "serve": "--host",
        "check": "--photos",
    }
    word = words.get(command, "--style")
    assert word in capsys.readouterr().out


@pytest.fixture
def failing(monkeypatch):
    def fail(error):
        class Command:
            @staticmethod
            def run(argv):
                raise error

        monkeypatch.setattr(cli.importlib, "import_module", lambda name: Command)

    return fail


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigError("no such\nlayer"), 2, "no such layer"),
        (ValueError("broken"), 1, "broken"),
        (RuntimeError("odd"), 1, "RuntimeError: odd (--debug shows where)"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_errors_become_one_line_and_a_code(failing, capsys, error, code, words):
    failing(error)
    assert run(["stylize"]) == code
    assert capsys.readouterr().err == f"fastnst: error: {words}\n"


def test_debug_shows_the_traceback(failing):
    failing(ValueError("broken"))
    with pytest.raises(ValueError, match="broken"):
        run(["stylize", "--debug"])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_one_line_for_help_too():
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "fastnst", "--version"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.stderr.startswith("fastnst: error: ")
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error():
    command = f"{sys.executable} -m fastnst stylize --help | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""


@pytest.mark.parametrize(("name", "rank", "who"), [("RANK", "3", "process 3: "), ("LOCAL_RANK", "0", "")])
def test_one_of_several_processes_says_which_it_is(name, rank, who, monkeypatch, capsys):
    monkeypatch.setenv(name, rank)
    assert run(["paint"]) == 2
    assert capsys.readouterr().err.startswith(f"fastnst: error: {who}unknown command")
