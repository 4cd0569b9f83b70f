import os
import signal
import subprocess
import sys

import pytest

from fastnst.cli._signals import stop_gently

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]

PROGRAM = """
import sys, time
from fastnst.cli._signals import stop_gently
with stop_gently("finishing") as stop:
    print("ready", flush=True)
    for _ in range(600):
        time.sleep(0.05)
"""


def test_the_first_signal_is_noted(capsys):
    with stop_gently("finishing this step") as stop:
        signal.raise_signal(signal.SIGTERM)
    assert stop.signal == signal.SIGTERM
    assert "finishing this step; once more to stop at once" in capsys.readouterr().err


@pytest.mark.parametrize(("number", "code"), SIGNALS)
@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_the_program_by_its_own_number(first, number, code):
    with stop_gently("finishing"):
        signal.raise_signal(first)
        with pytest.raises(SystemExit) as ended:
            signal.raise_signal(number)
    assert ended.value.code == code


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_process_exits_with_the_number_of_its_second_signal(number, code):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == "ready\n"
    os.kill(process.pid, number)
    assert "once more" in process.stderr.readline()
    os.kill(process.pid, number)
    assert process.wait(timeout=60) == code


def test_handlers_come_back():
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stop_gently("finishing"):
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_signal_in_the_middle_of_a_message_is_noted(monkeypatch):
    def reentrant(*_, **__):
        raise RuntimeError("reentrant call inside <_io.BufferedWriter name='<stderr>'>")

    monkeypatch.setattr("fastnst.cli._signals.tqdm.write", reentrant)
    with stop_gently("finishing") as stop:
        signal.raise_signal(signal.SIGINT)
    assert stop.signal == signal.SIGINT
