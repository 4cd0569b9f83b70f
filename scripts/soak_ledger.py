"""What was done to the programs of a soak, what they had promised, and what is there; used by ``soak.py``."""

import json
import time
from collections import Counter, defaultdict
from pathlib import Path

ACTIVITIES = ("training", "folder", "server")


class Ledger:
    """Count faults and promises, each written down at once as a line of JSON.

    Args:
        file: Gets the lines.

    Attributes:
        broken: What was not as it must be, in words.
    """

    def __init__(self, file: Path) -> None:
        self.file, self.begun = file, time.monotonic()
        self.broken: list[str] = []
        self.episode = -1
        self._faults: dict[str, Counter[str]] = defaultdict(Counter)
        self._wrong: Counter[str] = Counter()
        self._promises: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)

    def fault(self, activity: str, kind: str, wrong: str = "") -> None:
        """Note a fault, and what was wrong after it, or nothing."""
        self._faults[kind][activity] += 1
        self._wrong[kind] += bool(wrong)
        self._note(activity, wrong and f"after {kind}: {wrong}", fault=kind)

    def promise(self, activity: str, what: str, promised: int, lost: int, doubled: int = 0, wrong: str = "") -> None:
        """Note at the end of a run how many things were promised, are missing, and are there twice."""
        self._promises[activity, what].update(runs=1, promised=promised, lost=lost, doubled=doubled)
        bad = (
            f"{what}: {lost} of {promised} lost, {doubled} doubled {wrong}".strip() if lost or doubled or wrong else ""
        )
        self._note(activity, bad, what=what, promised=promised, there=promised - lost, lost=lost, doubled=doubled)

    def say(self, activity: str, **facts: object) -> None:
        """Note something else."""
        self._note(activity, "", **facts)

    def _note(self, activity: str, wrong: str, **facts: object) -> None:
        seconds = round(time.monotonic() - self.begun, 2)
        line = {"seconds": seconds, "episode": self.episode, "activity": activity, **facts}
        if wrong:
            line["wrong"] = wrong
            self.broken.append(f"episode {self.episode}, {activity}: {wrong}")
            print(self.broken[-1], flush=True)
        with self.file.open("a") as lines:
            lines.write(json.dumps(line) + "\n")

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
