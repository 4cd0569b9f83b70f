"""Styles that a server under faults is asked to train: what is promised is done, once; used by ``soak_serve.py``."""

import asyncio
import time
from pathlib import Path

from load_client import Client, Request, form, photo
from soak_disk import Disk
from soak_ledger import Ledger
from soak_visitors import REFUSED, Sent, Visitors, ask

SECONDS = 600
"""In which a style must be trained that takes four."""


class Orders:
    """What one server was asked to train in all its lives.

    Args:
        ledger: Gets what came of it.
        disk: On which the server keeps styles.

    Attributes:
        states: By title, of what was answered with a promise.
        filled: The disk was full at a time: then a training may fail, and say so.
    """

    def __init__(self, ledger: Ledger, disk: Disk) -> None:
        self.ledger, self.disk, self.filled = ledger, disk, False
        self.states: dict[str, str] = {}

    def words(self, photos: Path) -> list[str]:
        """Return what allows it on the command line."""
        kept = str(self.disk.path / "styles")
        words = ["--allow_training", "--styles_folder", kept, "--photos", str(photos)]
        return [*words, "--training_budget", "4s"]

    async def order(self, port: int) -> None:
        """Have a style trained, unless one was promised already."""
        if self.states:
            return
        title = f"style {self.ledger.episode}"
        request = Request(form(image=photo(200, self.ledger.episode), name=title), 202, path="/v1/styles")
        client = Client(port)
        for _ in range(20):
            sent = await Visitors(port, "").ask(client, Sent(request, -1, 0))
            if sent.status not in REFUSED:
                break
            await asyncio.sleep(0.3)
        client.close()
        if sent.status == 202:
            self.states[title] = "queued"
        elif sent.status and sent.status not in REFUSED:
            said = sent.body.decode(errors="replace")[:300]
            self.ledger.promise("server", "orders answered clearly", 1, 1, wrong=f"{sent.status} {said}")

    async def look(self, port: int) -> list[dict[str, str]]:
        """See that all orders are there, once each, that none falls back, and that one training runs at most."""
        found = await _orders(port)
        titles = [order["title"] for order in found]
        lost = [title for title in self.states if title not in titles]
        lost += [order["title"] for order in found if self.states.get(order["title"]) == "done" != order["state"]]
        twice = len(titles) - len(set(titles)) + max(0, len(self.trainings()) - 1)
        self.states |= {order["title"]: order["state"] for order in found if order["title"] in self.states}
        wrong = f"{lost} of {found}" if lost else f"trainings {self.trainings()}" if twice else ""
        if self.states:
            self.ledger.promise("server", "orders of styles there", len(self.states), len(lost), twice, wrong)
        return found

    async def wait(self, port: int) -> None:
        """Wait until all is trained, and see that it can be painted with."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if all(order["state"] in ("done", "failed") for order in await _orders(port)):
                break
            await asyncio.sleep(1)
        found = await self.look(port)
        for order in found:
            self.ledger.say("server", order=order["title"], state=order["state"], message=order["message"])
        models = [model["name"] for model in (await ask(port, "/v1/models"))["models"]]
        missing = [order["id"] for order in found if order["state"] == "done" and order["id"] not in models]
        if missing:
            self.ledger.promise("server", "orders of styles fulfilled", len(missing), len(missing), wrong=f"{missing}")

    def check(self, wrong: str) -> None:
        """Note at the end what was fulfilled, and what was wrong at the server's end."""
        failed = sum(state != "done" and not (self.filled and state == "failed") for state in self.states.values())
        self.ledger.promise("server", "orders of styles fulfilled", len(self.states), failed, wrong=wrong)
        if left := self.trainings():
            self.ledger.promise("server", "trainings ended with their server", 1, 0, len(left), wrong=f"{left}")

    def trainings(self) -> list[int]:
        """Return the processes that train in the folder of styles, but for their workers."""
        wanted, found = str(self.disk.path).encode(), []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes()
                parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            if wanted in words and b"train\0" in words:
                found.append((int(process.name), parent))
        own = {number for number, _ in found}
        return [number for number, parent in found if parent not in own]


async def _orders(port: int) -> list[dict[str, str]]:
    return [dict(order) for order in (await ask(port, "/v1/styles"))["styles"]]
