"""What was done to the programs of a soak, what they had promised, and what is there; used by ``soak.py``."""

import json
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

ACTIVITIES = ("training", "folder", "server")


class Ledger:
    """Count faults and promises, each written down at once as a line of JSON.

    Args:
        file: Gets the lines; those of episodes that were played to their end are counted, if it exists.

    Attributes:
        episode: That is being played.
        broken: What was not as it must be, in words.
    """

    def __init__(self, file: Path) -> None:
        self.file, self.begun = file, time.monotonic()
        self.episode = -1
        self.broken: list[str] = []
        self._faults: dict[str, Counter[str]] = defaultdict(Counter)
        self._wrong: Counter[str] = Counter()
        self._promises: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._recount()

    @property
    def seconds(self) -> float:
        """The time of the soak, with that of earlier sittings."""
        return time.monotonic() - self.begun

    def _recount(self) -> None:
        lines = [json.loads(text) for text in self.file.read_text().splitlines()] if self.file.exists() else []
        self.episode = max((line["episode"] for line in lines if "took" in line), default=-1)
        lines = [line for line in lines if line["episode"] <= self.episode]
        self.file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        self.begun -= lines[-1]["seconds"] if lines else 0
        for line in lines:
            self._count(line)

    def fault(self, activity: str, kind: str, wrong: str = "") -> None:
        """Note a fault, and what was wrong after it, or nothing."""
        self._note(activity, wrong and f"after {kind}: {wrong}", fault=kind)

    def promise(self, activity: str, what: str, promised: int, lost: int, doubled: int = 0, wrong: str = "") -> None:
        """Note at the end of a run how many things were promised, are missing, and are there twice."""
        bad = (
            f"{what}: {lost} of {promised} lost, {doubled} doubled {wrong}".strip() if lost or doubled or wrong else ""
        )
        self._note(activity, bad, what=what, promised=promised, there=promised - lost, lost=lost, doubled=doubled)

    def say(self, activity: str, **facts: object) -> None:
        """Note something else."""
        self._note(activity, "", **facts)

    def _note(self, activity: str, wrong: str, **facts: object) -> None:
        line = {"seconds": round(self.seconds, 2), "episode": self.episode, "activity": activity, **facts}
        if wrong:
            line["wrong"] = wrong
        self._count(line)
        if wrong:
            print(self.broken[-1], flush=True)
        with self.file.open("a") as lines:
            lines.write(json.dumps(line) + "\n")

    def _count(self, line: dict[str, Any]) -> None:
        activity = line["activity"]
        if "fault" in line:
            self._faults[line["fault"]][activity] += 1
            self._wrong[line["fault"]] += "wrong" in line
        if "what" in line:
            counts = {key: line[key] for key in ("promised", "lost", "doubled")}
            self._promises[activity, line["what"]].update(runs=1, **counts)
        if "wrong" in line:
            self.broken.append(f"episode {line['episode']}, {activity}: {line['wrong']}")

    def table(self) -> str:
        """Return faults and promises as two tables of Markdown."""
        lines = [f"| fault | {' | '.join(ACTIVITIES)} | survived | not |", "|---|---|---|---|---|---|"]
        for kind, by in sorted(self._faults.items()):
            counts = " | ".join(str(by[activity]) for activity in ACTIVITIES)
            lines.append(f"| {kind} | {counts} | {by.total() - self._wrong[kind]} | {self._wrong[kind]} |")
        every = [sum(by[activity] for by in self._faults.values()) for activity in ACTIVITIES]
        wrong = self._wrong.total()
        lines.append(f"| all | {' | '.join(map(str, every))} | {sum(every) - wrong} | {wrong} |")
        lines += ["", "| promised | runs | promised | there | lost | doubled |", "|---|---|---|---|---|---|"]
        for (activity, what), counts in sorted(self._promises.items()):
            promised, lost = counts["promised"], counts["lost"]
            numbers = f"{counts['runs']} | {promised} | {promised - lost} | {lost} | {counts['doubled']}"
            lines.append(f"| {activity}: {what} | {numbers} |")
        return "\n".join(lines)
