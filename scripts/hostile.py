"""Give fastnst bad files of every kind, and print what became of them.

    python scripts/hostile.py --cases 500 --seed 1 --out hostile.md

A case is a file made by chance from its kind, the seed and a number, and a command that reads it. It ends well if the
command writes a good result, or says in one clear line why not; within 10 s of the processor, growing by at most 1 GB,
and leaving no temporary file. All cases of a kind run in one process, which is watched and started anew where one
brings it down. What failed is listed by its number: --kind pictures --only 17 tries it again and shows all it said.
"""

import argparse
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "hostile"))

from mutants.ground import lay
from mutants.kinds import KINDS, Absent, case_of
from mutants.trial import FAILED, GOOD, TOLD, Trial, Verdict


def attempt(trial: Trial, kind: str, seed: int, number: int, show: bool) -> Verdict:
    """Try one case, and say what failed."""
    case = case_of(kind, seed, number, trial.ground)
    verdict = trial(case)
    if show or verdict.end == FAILED:
        print(
            f"{kind} {seed}/{number}: {case.what}: {verdict.end}: {verdict.why} "
            f"[{verdict.seconds:.1f} s, {verdict.growth / 2**20:.0f} MB] {' '.join(case.words)[:200]}",
            flush=True,
        )
        if show or verdict.said:
            print("   ", "\n    ".join(verdict.said.splitlines()[-40:] if show else verdict.said.splitlines()[-3:]))
    return verdict  # fmt: skip


def row(kind: str, verdicts: list[Verdict]) -> str:
    """Return a line of the table."""
    ends = Counter(verdict.end for verdict in verdicts)
    slowest = max((verdict.seconds for verdict in verdicts), default=0)
    largest = max((verdict.growth for verdict in verdicts), default=0) / 2**20
    counts = f"{len(verdicts)} | {ends[GOOD]} | {ends[TOLD]} | {ends[FAILED]}"
    return f"| {kind} | {counts} | {slowest:.1f} | {largest:.0f} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", nargs="+", choices=sorted(KINDS), default=list(KINDS), metavar="KIND")
    parser.add_argument("--cases", type=int, default=200, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number to begin with")
    parser.add_argument("--only", type=int, nargs="+", help="numbers to try again, with all that is said")
    parser.add_argument("--out", type=Path, help="a file for the table")
    options = parser.parse_args()
    numbers = options.only or range(options.first, options.first + options.cases)
    lines = [
        "| kind | tried | good result | one clear line | failed | slowest, s | growth, MB |",
        "|---|---|---|---|---|---|---|",
    ]
    start, failed = time.monotonic(), 0
    for kind in options.kind:
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            ground = lay(Path(folder) / "ground")
            trial = stack.enter_context(Trial(Path(folder), ground, KINDS[kind].first(ground)))
            try:
                verdicts = [attempt(trial, kind, options.seed, n, bool(options.only)) for n in numbers]
            except Absent as absent:
                print(f"left out: {absent}")
                continue
        lines.append(row(kind, verdicts))
        failed += sum(verdict.end == FAILED for verdict in verdicts)
        print(lines[-1], flush=True)
    table = "\n".join(lines)
    print(f"{table}\n{time.monotonic() - start:.0f} s")
    if options.out:
        options.out.write_text(table + "\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
