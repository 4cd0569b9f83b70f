"""Put a server under load: pictures per second and waiting times, one by one and from many; then a soak.

    taskset -c 1 python scripts/load.py --model udnie --sides 128 256 --out load.json

Starts ``fastnst serve`` in a process of its own and talks to it over sockets, as any client does. The soak sends
malformed requests among good ones: all must be answered, the good ones by paintings of the right size, the others by a
refusal; the server's memory must not grow, and it must end in order. Exit code 1 if any of that is not so.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from statistics import median, quantiles

import numpy as np
from load_client import Client, Request, good, malformed
from PIL import Image

FLAT = 0.05
"""Of its memory when the soak has begun, a server may have grown by so much at its end."""

WARM = 0.25
"""Share of the soak that fills pools and caches before memory is looked at."""


@dataclass
class Tally:
    """What came of some requests."""

    seconds: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    wall: float = 0.0

    def facts(self) -> dict[str, float]:
        return {
            "pictures_per_s": round(len(self.seconds) / self.wall, 1),
            "p50_ms": round(1e3 * median(self.seconds), 1),
            "p99_ms": round(1e3 * quantiles(self.seconds, n=100)[98], 1),
        }


async def load(port: int, requests: Iterator[Request], connections: int) -> Tally:
    """Send all requests, each connection one after the other."""
    tally, begun = Tally(), time.perf_counter()

    async def work() -> None:
        client = Client(port)
        for request in requests:
            await _one(client, request, tally)
        client.close()

    await asyncio.gather(*(work() for _ in range(connections)))
    tally.wall = time.perf_counter() - begun
    return tally


async def _one(client: Client, request: Request, tally: Tally) -> None:
    begun = time.perf_counter()
    try:
        status, body = await client.send(request)
    except (OSError, asyncio.IncompleteReadError) as error:
        tally.wrong.append(f"{type(error).__name__} where {request.status} was expected")
        client.close()
        return
    tally.statuses["hung up" if request.hang_up else str(status)] += 1
    if request.hang_up:
        return
    if status == 200:
        tally.seconds.append(time.perf_counter() - begun)
    if status != request.status:
        tally.wrong.append(f"{status} where {request.status} was expected: {body[:200]!r}")
    elif request.size and Image.open(BytesIO(body)).size != request.size:
        tally.wrong.append(f"a painting of another size than {request.size}")


class Server:
    """``fastnst serve`` in a process of its own."""

    def __init__(self, *words: str) -> None:
        command = [sys.executable, "-m", "fastnst", "serve", "--port", "0", *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        self.port = int(re.search(r":(\d+)/", line)[1])

    def memory(self) -> int:
        """Return resident bytes."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def processor(self) -> float:
        """Return the seconds of processor time it has taken."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def count(self, name: str) -> float:
        """Return one of the server's metrics."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        text = (await reader.read()).decode()
        writer.close()
        found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    async def mean_batch(self, before: tuple[float, float] = (0, 0)) -> tuple[float, tuple[float, float]]:
        """Return the pictures of a batch on average since another time, and what is to be given then."""
        now = await self.count("fastnst_batch_size_sum"), await self.count("fastnst_batch_size_count")
        return round((now[0] - before[0]) / max(1, now[1] - before[1]), 2), now

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


async def speeds(server: Server, options: argparse.Namespace) -> list[dict[str, object]]:
    """Measure one by one, and from many connections."""
    rows = []
    for side in options.sides:
        for connections in (1, options.connections):
            await load(server.port, iter([good(options.model, side, i) for i in range(8)]), min(8, connections))
            (_, before), spent = await server.mean_batch(), server.processor()
            requests = iter([good(options.model, side, i) for i in range(options.pictures)])
            tally = await load(server.port, requests, connections)
            batch, _ = await server.mean_batch(before)
            each = round(1e3 * (server.processor() - spent) / options.pictures, 1)
            row = {"width": side, "connections": connections, **tally.facts(), "processor_ms": each, "batch": batch}
            rows.append(row)
            print(json.dumps(rows[-1]), flush=True)
            if tally.wrong:
                raise SystemExit(f"wrong answers: {tally.wrong[:3]}")
    return rows


async def soak(server: Server, options: argparse.Namespace) -> dict[str, object]:
    """Send good and malformed requests; say what was wrong, and how memory grew."""
    rng = np.random.default_rng(0)
    bad = rng.random(options.requests) < options.bad
    sides = rng.choice(options.sides, options.requests)
    memories: list[int] = []

    def requests() -> Iterator[Request]:
        for number in range(options.requests):
            if number % 50 == 0 and number >= WARM * options.requests:
                memories.append(server.memory())
            if bad[number]:
                yield malformed(options.model, int(bad[:number].sum()))
            else:
                yield good(options.model, int(sides[number]), number)

    tally = await load(server.port, requests(), options.connections)
    answered = sum(tally.statuses.values())
    return {
        "requests": options.requests,
        "malformed": int(bad.sum()),
        "answered": answered,
        "lost": options.requests - answered,
        "statuses": dict(sorted(tally.statuses.items())),
        "wrong": tally.wrong[:5],
        **tally.facts(),
        "memory_mb": [round(memories[0] / 2**20), round(max(memories) / 2**20), round(memories[-1] / 2**20)],
        "growth": round(memories[-1] / memories[0] - 1, 4),
    }


async def measure(server: Server, options: argparse.Namespace) -> dict[str, object]:
    rows = await speeds(server, options)
    soaked = await soak(server, options)
    print(json.dumps(soaked), flush=True)
    return {"speeds": rows, "soak": soaked}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="udnie")
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128, 256], help="widths of the pictures")
    parser.add_argument("--pictures", type=int, default=200, help="for each speed")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--requests", type=int, default=2000, help="of the soak")
    parser.add_argument("--bad", type=float, default=0.1, help="share of malformed ones")
    parser.add_argument("--out", help="file for the figures, as JSON")
    parser.add_argument("serve", nargs="*", help="more words for fastnst serve, behind --")
    options = parser.parse_args()
    server = Server("--model", options.model, "--max_bytes", "1MB", *options.serve)
    try:
        facts = asyncio.run(measure(server, options))
    finally:
        code = server.stop()
    facts["exit_code"] = code
    if options.out:
        Path(options.out).write_text(json.dumps(facts, indent=2))
    soaked = facts["soak"]
    if soaked["lost"] or soaked["wrong"] or soaked["growth"] > FLAT or code:
        raise SystemExit(f"not as it must be: {json.dumps(soaked)}, exit code {code}")


if __name__ == "__main__":
    main()
