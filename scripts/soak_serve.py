"""A server under faults: what it takes it answers, what it promised is there after a new start; used by ``soak.py``."""

import asyncio
import os
import random
import re
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from load_client import Client, Request, form, photo
from soak_disk import PLAIN, SLOW, SMALL, Disk
from soak_ground import MODEL, Ground
from soak_ledger import Ledger
from soak_life import PATIENCE, Life
from soak_visitors import CONNECTIONS, READ, REFUSED, WISHES, Sent, Visitors, ask, differs

GROWTH, SLACK = 0.05, 8 * 2**20
"""By such a share and so many bytes more its memory may grow once it is warm."""

WARM = 60
"""Answers after which it is."""

STYLE_SECONDS = 600
"""In which a style must be trained that takes four."""


class Service:
    """One server, again and again disturbed and started anew, with visitors all the while.

    Args:
        ground: Has what it trains on.
        ledger: Gets what was done, and what came of it.
        disk: On which styles and what is uploaded lie.
        chance: Decides.
        faults: So many.
        styles: Have one trained.
    """

    def __init__(
        self, ground: Ground, ledger: Ledger, disk: Disk, chance: random.Random, faults: int, styles: bool
    ) -> None:
        self.ground, self.ledger, self.disk, self.chance, self.faults = ground, ledger, disk, chance, faults
        self.said = disk.path.with_name("said.txt")
        words = ["serve", "-m", MODEL, "--port", "0", "--max_bytes", "3MB", "--queue", "5", "--engine", "torch"]
        self.words = [*words, "--device", "cpu", "--precision", "float32"]
        self.styles = styles
        if styles:
            kept = str(disk.path / "styles")
            self.words += ["--allow_training", "--styles_folder", kept, "--photos", str(ground.root / "scenes")]
            self.words += ["--training_budget", "4s"]
        self.orders: dict[str, str] = {}
        self.filled = False
        self.asked = self.killed_at = float("inf")

    def __call__(self) -> None:
        done = 0
        while done < self.faults:
            life = self.begin()
            done += asyncio.run(self._live(life, self.faults - done))
            self._check_words(life)
        self._finish()

    def begin(self) -> Life:
        """Start it, and wait until it listens."""

        def first() -> None:
            (self.disk.path / "tmp").mkdir(exist_ok=True)
            os.environ["TMPDIR"], tempfile.tempdir = str(self.disk.path / "tmp"), None

        self.asked = self.killed_at = float("inf")
        life = Life(self.words, self.ground.root, self.said, first)
        life.until(lambda: "serving at" in life.text())
        found = re.search(r"serving at \S+:(\d+)/", life.text())
        if not found:
            life.kill()
            raise RuntimeError(f"the server does not start: {life.last()}")
        life.port = int(found[1])
        return life

    def strikes(self) -> list[tuple[str, Callable[[Life], str]]]:
        """Return the faults that can be here; each returns what is wrong after it."""
        able = [("SIGKILL", self.killed), ("SIGTERM", self.ended), *[("SIGSTOP, SIGCONT", self.stopped)] * 6]
        more = {SMALL: [("full disk", self.full)] * 3, SLOW: [("slow disk", self.slow)] * 3, PLAIN: []}
        return able + more[self.disk.kind]

    async def _live(self, life: Life, most: int) -> int:
        """Disturb one life until it ends; return the number of faults."""
        visitors = Visitors(life.port, f"{self.ledger.episode} {most}")
        visits = [asyncio.create_task(visitors.visit(number)) for number in range(CONNECTIONS)]
        watch = asyncio.create_task(self._watch_memory(life, visitors))
        done = 0
        await self._look_at_orders(life)
        if self.styles and not self.orders:
            await self._order(life)
        while life.alive:
            await asyncio.sleep(self.chance.uniform(0.5, 3))
            name, strike = self.chance.choice(self.strikes()) if done + 1 < most else ("SIGTERM", self.ended)
            wrong = await asyncio.to_thread(strike, life)
            done += 1
            if life.alive and not wrong:
                wrong = await self._healthy(life)
            self.ledger.fault("server", name, wrong)
        visitors.over = True
        await asyncio.gather(*visits)
        watch.cancel()
        self._judge(visitors.sent)
        return done

    def killed(self, life: Life) -> str:
        """End it as a lack of memory would: what it has begun is not told."""
        self.killed_at = time.monotonic()
        life.kill()
        return ""

    def ended(self, life: Life) -> str:
        self.asked = time.monotonic()
        life.send(signal.SIGTERM)
        code = life.wait()
        return "" if code == 0 else f"SIGTERM ends it with {code}: {life.last()}"

    def stopped(self, life: Life) -> str:
        life.pause(self.chance.uniform(0.2, 3), whole=self.chance.random() < 0.5)
        return ""

    def full(self, life: Life) -> str:
        self.filled = True
        with self.disk.full():
            time.sleep(self.chance.uniform(0.5, 3))
        return ""

    def slow(self, life: Life) -> str:
        self.disk.stutter(self.chance.uniform(0.5, 3))
        return ""

    async def _healthy(self, life: Life) -> str:
        try:
            await asyncio.wait_for(ask(life.port, "/readyz"), PATIENCE)
        except (OSError, ValueError, IndexError, TimeoutError) as error:
            return f"it is not ready: {error!r}"
        return ""

    async def _watch_memory(self, life: Life, visitors: Visitors) -> None:
        """Note how memory grows from when it is warm, in a life that is long enough."""
        memories: list[int] = []
        try:
            while life.alive:
                await asyncio.sleep(0.2)
                if sum(sent.status == 200 for sent in visitors.sent) >= WARM and life.alive:
                    memories.append(life.memory())
        except (OSError, IndexError):
            pass
        finally:
            if len(memories) > 20:
                first, last = max(memories[:5]), memories[-1]
                grown = last > first * (1 + GROWTH) + SLACK and not self.styles
                wrong = f"{first >> 20} MB became {last >> 20}" if grown else ""
                self.ledger.promise("server", "lives without growing memory", 1, int(grown), wrong=wrong)

    def _judge(self, sent: list[Sent]) -> None:
        """Compare what came back with what was promised."""
        owed, lost, wrong, painted, other = 0, 0, "", 0, 0
        for each in sent:
            if each.request.hang_up or (not each.status and self._may_be_lost(each)):
                continue
            owed += 1
            if not each.status:
                lost += 1
                when = {"asked": each.until - self.asked, "sent": each.at - self.asked}
                wrong = wrong or f"no answer where {each.request.status} was expected {when}"
            elif each.status == 200 and each.request.size:
                painted += 1
                other += differs(each.body, self.ground.answers[each.number])
            elif each.status not in (each.request.status, *REFUSED):
                wrong = wrong or f"{each.status} where {each.request.status} was expected: {each.body[:200]!r}"
        self.ledger.promise("server", "answers to requests", owed, lost, wrong=wrong)
        self.ledger.promise("server", "paintings as from a server left alone", painted, other)

    def _may_be_lost(self, sent: Sent) -> bool:
        """Tell whether a request had no right to an answer: open at a kill, or not taken when it was asked to end."""
        return sent.until >= self.killed_at or sent.at >= self.asked - READ

    def _check_words(self, life: Life) -> None:
        if text := life.unclear():
            self.ledger.promise("server", "lives without a traceback", 1, 1, wrong=text)

    async def _order(self, life: Life) -> None:
        """Have a style trained; once it is answered, it is promised."""
        title = f"style {self.ledger.episode}"
        request = Request(form(image=photo(200, self.ledger.episode), name=title), 202, path="/v1/styles")
        client = Client(life.port)
        sent = await Visitors(life.port, "").ask(client, Sent(request, -1, 0))
        client.close()
        if sent.status == 202:
            self.orders[title] = "queued"
        elif sent.status and sent.status not in REFUSED:
            self.ledger.say("server", refused=sent.status, body=sent.body.decode()[:300])

    async def _look_at_orders(self, life: Life) -> list[dict[str, str]]:
        """See that all orders are there, once each, and none falls back."""
        if not self.styles:
            return []
        found = await self._orders(life)
        titles = [order["title"] for order in found]
        lost = [title for title in self.orders if title not in titles]
        lost += [order["title"] for order in found if self.orders.get(order["title"]) == "done" != order["state"]]
        doubled = len(titles) - len(set(titles)) + max(0, len(self._trainings()) - 1)
        self.orders |= {order["title"]: order["state"] for order in found if order["title"] in self.orders}
        wrong = f"{lost} of {found}" if lost else f"trainings {self._trainings()}" if doubled else ""
        self.ledger.promise("server", "orders of styles there", len(self.orders), len(lost), doubled, wrong)
        return found

    async def _orders(self, life: Life) -> list[dict[str, str]]:
        return [dict(order) for order in (await ask(life.port, "/v1/styles"))["styles"]]

    def _trainings(self) -> list[int]:
        """Return the processes that train in the folder of styles."""
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

    def _finish(self) -> None:
        """Start it a last time: all orders become styles, and it ends in order."""
        if not self.styles:
            return
        life = self.begin()
        asyncio.run(self._wait_for_styles(life))
        wrong = self.ended(life)
        self.ledger.promise("server", "orders of styles fulfilled", len(self.orders), self._unfulfilled(), wrong=wrong)
        if left := self._trainings():
            self.ledger.promise("server", "trainings ended with their server", 1, 0, len(left), wrong=f"{left}")

    async def _wait_for_styles(self, life: Life) -> None:
        deadline = time.monotonic() + STYLE_SECONDS
        while time.monotonic() < deadline:
            if all(order["state"] in ("done", "failed") for order in await self._orders(life)):
                break
            await asyncio.sleep(1)
        found = await self._look_at_orders(life)
        for order in found:
            self.ledger.say("server", order=order["title"], state=order["state"], message=order["message"])
        models = [model["name"] for model in (await ask(life.port, "/v1/models"))["models"]]
        missing = [order["id"] for order in found if order["state"] == "done" and order["id"] not in models]
        if missing:
            self.ledger.promise("server", "orders of styles fulfilled", len(missing), len(missing), wrong=f"{missing}")

    def _unfulfilled(self) -> int:
        """Count what is not done; a training may fail, and say so, where the disk was full."""
        return sum(state != "done" and not (self.filled and state == "failed") for state in self.orders.values())


def answers(ground: Ground, said: Path) -> list[bytes]:
    """Return the paintings of a server that is left alone, asked one by one."""
    words = ["serve", "-m", MODEL, "--port", "0", "--max_bytes", "3MB", "--engine", "torch"]
    life = Life([*words, "--device", "cpu", "--precision", "float32"], ground.root, said)
    life.until(lambda: "serving at" in life.text())
    port = int(re.search(r"serving at \S+:(\d+)/", life.text())[1])

    async def collect() -> list[bytes]:
        client = Client(port)
        return [(await client.send(each))[1] for each in WISHES]

    try:
        return asyncio.run(collect())
    finally:
        life.send(signal.SIGTERM)
        life.wait(30)
