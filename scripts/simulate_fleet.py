"""What stragglers, lost workers and lost machines cost a fleet that paints a million photographs; nothing is painted.

    python scripts/simulate_fleet.py

An event simulation of ``stylize --engine ray``: the very bookkeeping that gives batches to workers
(``fastnst.fleet.dispatch``) runs against a simulated clock. Workers differ in speed, some are several times slower,
some hang, processes die, and machines are taken away and come back. The same fleet with a fixed share for each worker,
as one would cut a list of files, is simulated beside it. All assumptions are in ``Assumptions``.
"""

import argparse
import heapq
import math
import random
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

from fastnst.fleet import dispatch as policy
from fastnst.fleet.dispatch import Dispatch


@dataclass
class Assumptions:
    """Of a fleet; times in seconds.

    Args:
        pictures: To paint.
        workers: At work.
        per_machine: Workers that are lost together.
        seconds: For a picture, by a worker of usual speed.
        batch: Pictures of a half batch.
        spread: Deviation of the logarithm of a picture's time.
        slow_share: Of workers that are ``slow_times`` slower, for as long as they live.
        hang: Mean time until a worker hangs and gives nothing any more.
        death: Mean time until a process dies.
        preempted: Mean time until a machine is taken away.
        process_start: Until another process is there.
        machine_start: Until another machine is there.
        seed: Of chance.
    """

    pictures: int = 1_000_000
    workers: int = 64
    per_machine: int = 8
    seconds: float = 0.05
    batch: int = 16
    spread: float = 0.3
    slow_share: float = 0.02
    slow_times: float = 4.0
    hang: float = 500 * 3600.0
    death: float = 50 * 3600.0
    preempted: float = 24 * 3600.0
    process_start: float = 20.0
    machine_start: float = 300.0
    seed: int = 0


@dataclass
class Outcome:
    """What came of it."""

    seconds: float = 0.0
    painted: int = 0
    lost_workers: int = 0
    lost_machines: int = 0
    hung: int = 0
    settled: int = 0
    given_up: int = 0


@dataclass(eq=False)
class Worker:
    """A process on a machine."""

    machine: int
    pace: float
    hand: list[Any] = field(default_factory=list)
    busy: bool = False
    alive: bool = True
    hung: bool = False


class Fleet:
    """Workers that take from a dispatch, and what happens to them."""

    def __init__(self, given: Assumptions) -> None:
        self.given, self.chance, self.out = given, random.Random(given.seed), Outcome()
        cut = range(0, given.pictures, given.batch)
        self.dispatch = Dispatch([range(at, min(at + given.batch, given.pictures)) for at in cut])
        self.events: list[tuple[float, int, Any, tuple[Any, ...]]] = []
        self.number, self.now = count(), 0.0
        self.machines: dict[int, list[Worker]] = {}
        for machine in range(-(-given.workers // given.per_machine)):
            self._join(machine, min(given.per_machine, given.workers - machine * given.per_machine))

    def run(self) -> Outcome:
        while not self.dispatch.done:
            self.now, _, what, about = heapq.heappop(self.events)
            what(*about)
        self.out.seconds = self.now
        return self.out

    def _at(self, delay: float, what: Any, *about: Any) -> None:
        heapq.heappush(self.events, (self.now + delay, next(self.number), what, about))

    def _join(self, machine: int, workers: int) -> None:
        self.machines[machine] = []
        for _ in range(workers):
            self._hire(machine)
        self._at(self.chance.expovariate(1 / self.given.preempted), self._preempt, machine)

    def _hire(self, machine: int) -> None:
        if machine not in self.machines:
            return
        slow = self.chance.random() < self.given.slow_share
        worker = Worker(machine, self.given.seconds * (self.given.slow_times if slow else 1))
        self.machines[machine].append(worker)
        self._at(self.chance.expovariate(1 / self.given.death), self._die, worker)
        self._at(self.chance.expovariate(1 / self.given.hang), self._hang, worker)
        self._work(worker)

    def _work(self, worker: Worker) -> None:
        """Take what there is, and begin the next batch; look again later where there is nothing."""
        if not worker.alive:
            return
        while batch := self.dispatch.take(worker, self.now):
            worker.hand.append(batch)
        if worker.busy or worker.hung:
            return
        if not worker.hand:
            self._at(5.0, self._work, worker)
            return
        worker.busy = True
        pictures = len(worker.hand[0].items)
        deviation = (math.exp(self.given.spread**2) - 1) ** 0.5 / pictures**0.5  # of a sum of lognormal times
        times = max(0.1, self.chance.gauss(1, deviation)) * pictures * math.exp(self.given.spread**2 / 2)
        self._at(worker.pace * times, self._finish, worker)

    def _finish(self, worker: Worker) -> None:
        if not worker.alive or worker.hung:
            return
        batch, worker.busy = worker.hand.pop(0), False
        self.out.painted += len(batch.items)
        if self.dispatch.settle(worker, batch, self.now):
            self.out.settled += len(batch.items)
        self._work(worker)

    def _hang(self, worker: Worker) -> None:
        worker.hung = True
        self.out.hung += worker.alive

    def _lose(self, worker: Worker) -> None:
        worker.alive = False
        self.out.lost_workers += 1
        if worker.busy and not worker.hung:
            self.out.painted += len(worker.hand[0].items) // 2  # on average
        self.out.given_up += len(self.dispatch.lose(worker))

    def _die(self, worker: Worker) -> None:
        if worker.alive:
            self._lose(worker)
            self.machines[worker.machine].remove(worker)
            self._at(self.given.process_start, self._hire, worker.machine)

    def _preempt(self, machine: int) -> None:
        workers = self.machines.pop(machine)
        for worker in workers:
            self._lose(worker)
        self.out.lost_machines += 1
        self._at(self.given.machine_start, self._join, machine, len(workers))


def fixed_shares(given: Assumptions) -> float:
    """Return how long it takes if each worker has its share of the list, and a lost one goes on where it stood.

    A worker that hangs is found after an hour, by a person or a watchdog.
    """
    chance, ends = random.Random(given.seed), []
    for _ in range(given.workers):
        slow = chance.random() < given.slow_share
        usual = given.seconds * math.exp(given.spread**2 / 2)
        left = given.pictures / given.workers * usual * (given.slow_times if slow else 1)
        now = 0.0
        while True:
            death = chance.expovariate(1 / given.death)
            taken = chance.expovariate(1 / given.preempted)
            hang = chance.expovariate(1 / given.hang)
            first = min(death, taken, hang)
            if first >= left:
                break
            now, left = now + first, left - first
            now += 3600.0 if first == hang else given.process_start if first == death else given.machine_start
        ends.append(now + left)
    return max(ends)


def simulate(given: Assumptions, copies: bool = True) -> Outcome:
    """Run a fleet; without copies, what a worker is slow at is left to it."""
    with patch.object(policy, "SLOW", policy.SLOW if copies else float("inf")):
        return Fleet(given).run()


FLEETS = {
    "1 GPU": {"workers": 1, "per_machine": 1},
    "8 GPUs": {"workers": 8, "per_machine": 8},
    "64 GPUs": {"workers": 64, "per_machine": 8},
    "1,000 cores": {"workers": 125, "per_machine": 8},
}
"""Of a worker for each GPU, or for every eight cores."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=1_000_000)
    parser.add_argument("--gpu_seconds", type=float, default=0.05, help="for a picture on a GPU; assumed, not measured")
    parser.add_argument("--core_seconds", type=float, default=2.0, help="for a picture on a core; measured by fleet.py")
    parser.add_argument("--trouble", type=float, default=1.0, help="so many times as many deaths, hangs and losses")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the table there as well")
    options = parser.parse_args()
    print(Assumptions(), "\n")
    lines = [
        "| fleet | ideal | simulated | of the ideal | without copies | fixed shares | painted twice | lost: workers, "
        "machines | given up |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    usual, rate = Assumptions(), options.trouble
    rates = {"hang": usual.hang / rate, "death": usual.death / rate, "preempted": usual.preempted / rate}
    for name, size in FLEETS.items():
        seconds = options.gpu_seconds if "GPU" in name else options.core_seconds / 8
        given = {"pictures": options.pictures, "seconds": seconds} | size | rates
        lines.append(row(name, [Assumptions(seed=seed, **given) for seed in range(options.seeds)]))
        print(lines[-1], flush=True)
    if options.out:
        options.out.write_text("\n".join(lines) + "\n")


def row(name: str, cases: list[Assumptions]) -> str:
    """Return a line of the table: medians over the seeds."""
    found, plain = [simulate(case) for case in cases], [simulate(case, copies=False) for case in cases]
    middle = lambda values: sorted(values)[len(values) // 2]  # noqa: E731
    one = cases[0]
    usual = one.seconds * math.exp(one.spread**2 / 2)
    ideal = one.pictures * usual / one.workers
    taken, bare = middle([each.seconds for each in found]), middle([each.seconds for each in plain])
    shares = middle([fixed_shares(case) for case in cases])
    twice = middle([each.painted - each.settled for each in found])
    lost = f"{middle([e.lost_workers for e in found])}, {middle([e.lost_machines for e in found])}"
    return (
        f"| {name} | {ideal / 3600:.2f} h | {taken / 3600:.2f} h | {taken / ideal:.3f} | {bare / ideal:.3f} | "
        f"{shares / ideal:.3f} | {twice} ({twice / one.pictures:.3%}) | {lost} | {sum(e.given_up for e in found)} |"
    )


if __name__ == "__main__":
    main()
