"""Bad files end in a good result or one clear line, in bounded time and memory; ``scripts/hostile.py`` tries more."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))

from mutants.ground import lay
from mutants.kinds import KINDS, Absent, case_of
from mutants.trial import FAILED, GOOD, TOLD, Trial

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux, to measure a process")

SAMPLE = {"pictures": 24, "styles": 24, "weights": 24, "configs": 24, "tables": 12, "videos": 10, "graphs": 16}

KEPT = {
    "pictures": [(0, 7), (1, 48), (1, 144), (1, 286), (10, 122)],
    "styles": [(0, 21), (0, 27), (0, 43), (0, 55), (0, 81), (0, 87), (0, 95), (0, 97), (0, 116), (2, 87)],
    "weights": [(0, 7), (0, 56), (0, 96), (0, 102), (10, 1)],
    "configs": [(0, 5), (10, 88), (10, 112)],
    "tables": [(0, 2), (0, 12), (0, 24), (0, 29)],
    "graphs": [(0, 0), (0, 3), (0, 6), (0, 30), (0, 46), (30, 256)],
}
"""Seed and number of cases that failed once; what they found has tests of its own besides, which depend on no seed."""


@pytest.fixture(scope="module")
def trial(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    with Trial(folder, lay(folder / "ground")) as trial:
        yield trial


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_bad_files_end_well_or_in_one_clear_line(kind, trial):
    numbers = [*KEPT.get(kind, []), *((7, number) for number in range(SAMPLE[kind]))]
    try:
        cases = [case_of(kind, *number, trial.ground) for number in numbers]
    except Absent as absent:
        pytest.skip(str(absent))
    # Lightning takes seconds to import.
    tried = [(number, case) for number, case in zip(numbers, cases, strict=True) if case.words[0] != "train"]
    failed = [(number, case.what, verdict) for number, case in tried if (verdict := trial(case)).end == FAILED]
    assert not failed


def test_a_case_is_always_the_same(trial):
    for kind in ("pictures", "styles", "configs"):
        assert case_of(kind, 3, 5, trial.ground) == case_of(kind, 3, 5, trial.ground)
        assert case_of(kind, 3, 5, trial.ground) != case_of(kind, 3, 6, trial.ground)


@pytest.fixture
def behaving(trial, tmp_path):
    """Judge a process that does what a line of Python says, in place of a command of fastnst."""

    def judge(code):
        child = tmp_path / "child.py"
        source = (Path(__file__).parent / "child.py").read_text()
        child.write_text(source.replace("from fastnst.cli import run", f"import time\ndef run(words):\n    {code}"))
        return child

    return judge


@pytest.mark.parametrize(
    ("code", "end", "why"),
    [
        ("return 0", FAILED, "wrote nothing"),
        ("open(words[-1], 'w').write('x'); return 0", GOOD, ""),
        ("print('fastnst: error: broken', file=sys.stderr); return 1", TOLD, ""),
        ("print('fastnst: error: KeyError: x (--debug shows where)', file=sys.stderr); return 1", FAILED, "foresaw"),
        ("print('Traceback', file=sys.stderr); return 1", FAILED, "traceback"),
        ("raise KeyError(1)", FAILED, "traceback"),
        ("return 1", FAILED, "0 lines of error"),
        ("os.kill(os.getpid(), 11)", FAILED, "crashed with -11"),
        ("while True: pass", FAILED, "hung"),
        ("x = b'x' * (4 * 10**8); return 0", FAILED, "grew by"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_the_judge_sees_what_goes_wrong(behaving, trial, monkeypatch, tmp_path, code, end, why):
    from mutants import trial as module
    from mutants.case import Case

    monkeypatch.setattr(module, "CHILD", behaving(code))
    monkeypatch.setattr(module, "SECONDS", 0.5)
    monkeypatch.setattr(module, "GROWTH", 2**27)
    monkeypatch.setattr(Trial, "_warm", lambda self: None)
    (tmp_path / "work").mkdir()
    with Trial(tmp_path / "work", trial.ground) as watched:
        verdict = watched(Case("a file", "a.png", b"", ("stylize", "{file}", "{out}"), "o.png"))
    assert verdict.end == end, verdict
    assert why in verdict.why
