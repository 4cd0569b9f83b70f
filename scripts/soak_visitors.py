"""Clients of a server under faults, who note what they sent and what came back; used by ``soak_serve.py``."""

import asyncio
import json
import random
import time
from dataclasses import dataclass, replace
from io import BytesIO

import numpy as np
from load_client import Client, Request, form, malformed, photo
from PIL import Image
from soak_ground import MODEL

CONNECTIONS = 6

READ = 2.0
"""Seconds after which a server that is not stopped has read a request, on a machine with other work."""

LEVELS = 2
"""By so much a value of a painting may be another in another batch."""

REFUSED = (503, 504, 507)
"""Answers of a server that would rather not, now."""


@dataclass
class Sent:
    """A request, when it was sent, and how it was answered: 0 for not at all."""

    request: Request
    number: int
    at: float
    status: int = 0
    until: float = 0.0
    body: bytes = b""


def wish(number: int) -> Request:
    """Return one of a few pictures to be painted; every sixth is larger than a server keeps in memory."""
    if number % 6 == 5:
        noise = np.random.default_rng(number).integers(0, 256, (600, 720, 3), dtype=np.uint8)
        data = BytesIO()
        Image.fromarray(noise).save(data, "PNG")
        return Request(form(image=data.getvalue(), model=MODEL, format="png", size="72"), size=(72, 60))
    side = 48 + 16 * (number % 3)
    body = form(image=photo(side, number), model=MODEL, format="png")
    return Request(body, size=(side, side * 3 // 4))


WISHES = [wish(number) for number in range(12)]


class Visitors:
    """Send requests as long as there is somebody to answer.

    Args:
        port: Of the server.
        seed: Of what they ask for.

    Attributes:
        sent: All requests.
        over: Send no more.
    """

    def __init__(self, port: int, seed: str) -> None:
        self.port, self.seed = port, seed
        self.sent: list[Sent] = []
        self.over = False

    async def visit(self, number: int) -> None:
        """Send one request after the other over one connection."""
        chance, client = random.Random(f"{self.seed} {number}"), Client(self.port)
        while not self.over:
            sent = await self.ask(client, self._draw(chance))
            await asyncio.sleep(chance.uniform(0, 0.5 if sent.status in REFUSED else 0.05))
        client.close()

    def _draw(self, chance: random.Random) -> Sent:
        if chance.random() < 0.15:
            bad = malformed(MODEL, chance.randrange(1000))
            if bad.status == 413 and len(bad.body) > 2**20:
                bad = replace(bad, body=bad.body * 2)  # beyond what is taken here
            return Sent(bad, -1, 0)
        number = chance.randrange(len(WISHES))
        return Sent(WISHES[number], number, 0)

    async def ask(self, client: Client, sent: Sent) -> Sent:
        """Send one request, and note what comes."""
        sent.at = time.monotonic()
        self.sent.append(sent)
        try:
            sent.status, sent.body = await client.send(sent.request)
        except (OSError, asyncio.IncompleteReadError, TypeError):
            client.close()
            await asyncio.sleep(0.05)
        sent.until = time.monotonic()
        return sent


async def ask(port: int, path: str) -> object:
    """Return what a server says at an address, as JSON."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    if b" 200 " not in head.splitlines()[0]:
        raise ValueError(f"{path}: {head.splitlines()[0]!r} {body[:200]!r}")
    return json.loads(body)


def differs(body: bytes, expected: bytes) -> bool:
    """Tell whether a painting is another one than that of a server that was left alone."""
    if body == expected:
        return False
    first, second = (np.asarray(Image.open(BytesIO(data)).convert("RGB"), dtype=np.int16) for data in (body, expected))
    return first.shape != second.shape or int(np.abs(first - second).max()) > LEVELS
