"""Try a case in a process that is watched: how it ended, how long it took, how much memory it took more."""

import json
import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mutants.case import Case, Ground

CHILD = Path(__file__).parents[1] / "child.py"
"""What runs the commands."""

SECONDS = 10
"""Processor time that a case may take."""

IDLE = 20
"""Seconds that a case may wait for something else than the processor, which other programs may want too."""

GROWTH = 2**30
"""Bytes by which the process may grow."""

LONGEST = 1200
"""Characters of a message."""

LIBTIFF = re.compile(r"(_?TIFF|JPEG|ZIP|LZW|Fax|MissingRequired|PackBits|Pixar|LogL|LZMA|WebP|ZSTD|tempfile\.tif)\w*: ")
"""What libtiff writes to standard error by itself, some of it under Pillow's name of a file in memory; Pillow does not
silence it."""

CANARY = "canary"
"""A file that appears if code in a file was run."""

GOOD, TOLD, FAILED = "good result", "one clear line", "failed"

TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Verdict:
    """How a case ended: well, by one clear line, or badly, and why."""

    end: str
    why: str
    seconds: float = 0.0
    growth: int = 0
    said: str = ""


class Trial:
    """A process that runs one command after another, and is started anew when one ends it.

    Args:
        folder: Where the files of the cases are laid; its working folder.
        ground: What the commands work on.
        first: A good command, that has all imported that is imported late; of none, a picture is painted.
    """

    def __init__(self, folder: Path, ground: Ground, first: Sequence[str] = ()) -> None:
        self.folder, self.ground, self.first = folder, ground, first
        self._process: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    def __enter__(self) -> "Trial":
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def __call__(self, case: Case) -> Verdict:
        place = self.folder / "case"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        (place / "out").mkdir()
        for name, data in ((case.name, case.data), *case.beside):
            (place / name).write_bytes(data)
        out = place / "out" / case.out if case.out else None
        names = {"file": str(place / case.name), "out": str(out)}
        words = [re.sub(r"\{(file|out)\}", lambda found: names[found[1]], word) for word in case.words]
        try:
            return self._judge(words, place, out)
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _judge(self, words: list[str], place: Path, out: Path | None) -> Verdict:
        answer, why, seconds, growth = self._run(words)
        if answer is None:
            return Verdict(FAILED, why, seconds, growth)
        said, code = str(answer["said"]), answer["code"]
        wrong = _wrong(code, said, str(answer["error"]), place, out, "--quiet" in words)
        if wrong or why:
            return Verdict(FAILED, wrong or why, seconds, growth, said + str(answer["error"]))
        return Verdict(TOLD if _message(said) else GOOD, _message(said), seconds, growth, said)

    def _run(self, words: list[str]) -> tuple[dict[str, object] | None, str, float, int]:
        """Return the answer, or why there is none; the seconds of the processor, and the bytes of growth."""
        process = self._started()
        assert process.stdin is not None
        before, start = _resident(process.pid), _processor(process.pid)
        most, idle, seen, spent = before, 0.0, time.monotonic(), 0.0
        _forget_peak(process.pid)
        try:
            process.stdin.write(json.dumps({"words": words}).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            self._end()
            return None, "the process was gone", 0.0, 0
        while True:
            line = self._line(process, 0.05)
            now, last = time.monotonic(), spent
            spent = _processor(process.pid) - start
            waits = spent == last and not _wants_the_processor(process.pid)
            idle, seen = idle + (now - seen if waits else 0), now
            most = max(most, _peak(process.pid))
            if line:
                over = "took too much memory" if most - before > GROWTH else "took too long" if spent > SECONDS else ""
                return json.loads(line), over, spent, most - before
            reason = self._reason(process, spent, idle, most - before)
            if reason:
                self._end()
                return None, reason, spent, most - before

    def _reason(self, process: "subprocess.Popen[bytes]", spent: float, idle: float, growth: int) -> str:
        if process.poll() is not None:
            return f"crashed with {process.returncode}"
        if growth > GROWTH:
            return f"grew by {growth / 2**30:.1f} GB"
        if spent > SECONDS or idle > IDLE:
            return f"hung: {spent:.1f} s of the processor, {idle:.1f} s idle"
        return ""

    def _line(self, process: "subprocess.Popen[bytes]", seconds: float) -> bytes:
        assert process.stdout is not None
        file = process.stdout.fileno()
        if b"\n" not in self._buffer and select.select([file], [], [], seconds)[0]:
            self._buffer += os.read(file, 2**20)
        line, end, rest = self._buffer.partition(b"\n")
        if not end:
            return b""
        self._buffer = rest
        return line

    def _started(self) -> "subprocess.Popen[bytes]":
        if self._process is None or self._process.poll() is not None:
            self._buffer = b""
            self._process = subprocess.Popen(
                [sys.executable, str(CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self.folder,
                env=_environment(self.folder),
            )
            self._warm()
        return self._process

    def _warm(self) -> None:
        """Have what is imported late imported, so that it counts for no case."""
        ground, out = self.ground, self.folder / "warm.png"
        words = ["stylize", str(ground.photo), "--model", str(ground.model), "--out", str(out), "-y", "--quiet"]
        words = list(self.first) or words
        process = self._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.write(json.dumps({"words": words}).encode() + b"\n")
        process.stdin.flush()
        deadline = time.monotonic() + 900
        while not (line := self._line(process, 0.2)):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the process does not start")
        if json.loads(line)["code"] != 0:
            raise RuntimeError(f"a good command fails: {line.decode()}")

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    stream.close()
            self._process = None


def _environment(folder: Path) -> dict[str, str]:
    """Keep the process off the network and off the user's caches."""
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    offline = dict.fromkeys(("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"), "1")
    caches = {"HF_HOME": str(folder / "hf"), "TORCH_HOME": str(folder / "torch"), "TMPDIR": str(folder)}
    return os.environ | nowhere | offline | caches


def _wrong(code: object, said: str, error: str, place: Path, out: Path | None, quiet: bool) -> str:
    """Say what is wrong with how a command ended; nothing if all is well."""
    lines = [line for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("fastnst: error: ")]
    if error or "Traceback" in said:
        return "a traceback"
    if code not in (0, 1, 2, 3):
        return f"exit code {code}"
    if (place.parent / CANARY).exists():
        (place.parent / CANARY).unlink()
        return "code in the file was run"
    if list(place.rglob(".fastnst-*")):
        return "left a temporary file"
    strange = [line for line in lines if not line.startswith("fastnst: ") and not LIBTIFF.match(line)]
    if code == 0 or (code == 3 and not errors):  # a survey that found something
        good = out is None or out.is_file()
        return "wrote nothing" if not good else f"noise: {strange[0][:200]}" if quiet and strange else ""
    if not errors or len(errors) > 1:
        return f"{len(errors)} lines of error"
    if "(--debug shows where)" in errors[0]:
        return "an error that nobody foresaw"
    if len(errors[0]) > LONGEST:
        return f"a message of {len(errors[0])} characters"
    return f"noise: {strange[0][:200]}" if strange else ""


def _message(said: str) -> str:
    return next((line for line in said.splitlines() if line.startswith("fastnst: error: ")), "")


def _status(process: int, field: str) -> int:
    """Return a size from what Linux says of a process, bytes; 0 elsewhere, or where it is gone."""
    try:
        text = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    found = re.search(rf"^{field}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


def _resident(process: int) -> int:
    return _status(process, "VmRSS")


def _peak(process: int) -> int:
    return _status(process, "VmHWM")


def _forget_peak(process: int) -> None:
    """Let the peak begin anew, where the system can do that; elsewhere a peak stays for the cases behind it."""
    try:
        Path(f"/proc/{process}/clear_refs").write_text("5")
    except OSError:
        return


def _wants_the_processor(process: int) -> bool:
    """Tell whether any thread of a process could go on if it had the processor."""
    for task in Path(f"/proc/{process}/task").glob("*/stat"):
        try:
            if task.read_text().rpartition(")")[2].split()[0] == "R":
                return True
        except OSError:  # the thread has ended
            continue
    return False


def _processor(process: int) -> float:
    """Return the seconds of the processor that a process took."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK
