"""Run commands of fastnst one after another, and tell of each how it ended; started by :mod:`mutants.trial`.

A line of standard input is ``{"words": [...]}``; one of standard output ``{"code", "said", "error"}``.
"""

import json
import os
import sys
import tempfile
import traceback

from fastnst.cli import run


def one(words: list[str], said: int) -> dict[str, object]:
    """Run a command in this process; keep what it, or a library below it, writes to the standard streams."""
    os.ftruncate(said, 0)
    os.lseek(said, 0, os.SEEK_SET)
    error = ""
    try:
        code = run(words)
    except SystemExit as ended:
        code = ended.code
    except BaseException:  # anything at all that was not caught is a finding
        code, error = None, traceback.format_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    size = min(os.lseek(said, 0, os.SEEK_END), 2**16)
    return {"code": code, "said": os.pread(said, size, 0).decode(errors="replace"), "error": error[-4000:]}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    said = os.open(tempfile.mkstemp(dir=".")[1], os.O_RDWR | os.O_APPEND)
    os.dup2(said, 1)
    os.dup2(said, 2)
    for line in sys.stdin:
        print(json.dumps(one(json.loads(line)["words"], said)), file=answers)


if __name__ == "__main__":
    main()
