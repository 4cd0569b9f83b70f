"""A contender of ``bench.py`` in a process of its own: none profits or suffers from what another allocates or sets."""

import multiprocessing
import resource
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import bench_recipes
import torch
from torch.utils.flop_counter import FlopCounterMode

from fastnst.devices import reuse_memory


@dataclass(frozen=True)
class Contender:
    """What is measured: a function of ``bench_recipes``, and what its arithmetic is done in."""

    name: str
    recipe: str
    arguments: tuple[Any, ...]
    precision: torch.dtype = torch.float32

    @property
    def plain(self) -> bool:
        return self.recipe.startswith("plain")


class Process:
    """A running contender."""

    def __init__(self, contender: Contender, device: torch.device) -> None:
        self.contender = contender
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, contender, device), daemon=True)
        self._process.start()
        self.ask("ready")

    def ask(self, what: str) -> Any:
        """Return the ``seconds`` of a turn, its ``operations``, or the peak ``memory`` so far in bytes."""
        self._pipe.send(what)
        return self._pipe.recv()

    def close(self) -> None:
        self._pipe.send("end")
        self._process.join()


def _serve(pipe: Connection, contender: Contender, device: torch.device) -> None:
    before = _peak(device)
    if not contender.plain:
        reuse_memory()
    work = getattr(bench_recipes, contender.recipe)(*contender.arguments, device)
    while (order := pipe.recv()) != "end":
        if order == "seconds":
            _synchronize(device)
            start = time.perf_counter()
            work()
            _synchronize(device)
            pipe.send(time.perf_counter() - start)
        elif order == "operations":
            with FlopCounterMode(display=False) as counter:
                work()
            pipe.send(counter.get_total_flops())
        else:
            pipe.send(_peak(device) - before)


def _peak(device: torch.device) -> int:
    """Return the most bytes held so far: of the GPU where there is one."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
