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

from load_client import Client
from soak_disk import PLAIN, SLOW, SMALL, Disk
from soak_ground import MODEL, Ground
from soak_ledger import Ledger
from soak_life import PATIENCE, Life
from soak_orders import Orders
from soak_visitors import CONNECTIONS, READ, REFUSED, WISHES, Sent, Visitors, ask, differs

GROWTH, SLACK = 0.05, 8 * 2**20
"""By such a share and so many bytes more its memory may grow once it is warm."""

WARM = 60
"""Answers after which it is."""


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
        self.orders = Orders(ledger, disk) if styles else None
        self.words += self.orders.words(ground.root / "scenes") if self.orders else []
        self.asked = self.killed_at = float("inf")

    def __call__(self) -> None:
        done = 0
        while done < self.faults:
            life = self.begin()
            done += asyncio.run(self._live(life, self.faults - done))
            self._check_words(life)
        if self.orders:
            life = self.begin()
            asyncio.run(self.orders.wait(life.port))
            self.orders.check(self.ended(life))

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
        able = [("SIGKILL", self.killed), ("SIGTERM", self.ended), *[("SIGSTOP, SIGCONT", self.stopped)] * 3]
        more = {SMALL: [("full disk", self.full)] * 3, SLOW: [("slow disk", self.slow)] * 3, PLAIN: []}
        return able + more[self.disk.kind]

    async def _live(self, life: Life, most: int) -> int:
        """Disturb one life until it ends; return the number of faults."""
        visitors = Visitors(life.port, f"{self.ledger.episode} {most}")
        visits = [asyncio.create_task(visitors.visit(number)) for number in range(CONNECTIONS)]
        watch = asyncio.create_task(self._watch_memory(life, visitors))
        done = 0
        if self.orders:
            await self.orders.look(life.port)
            await self.orders.order(life.port)
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
        if self.orders:
            self.orders.filled = True
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
                grown = last > first * (1 + GROWTH) + SLACK and not self.orders
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
