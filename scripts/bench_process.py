"""A contender of ``bench.py`` in a process of its own: none profits or suffers from what another allocates or sets."""

import math
import multiprocessing
import platform
import resource
import statistics
import time
from collections.abc import Callable, Iterable
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
        theirs.close()  # or a process that dies would be waited for without end
        self.ask("ready")

    def ask(self, what: str) -> Any:
        """Return the ``seconds`` of a turn, its ``operations``, levels ``painted``, or the peak ``memory`` in bytes."""
        self._pipe.send(what)
        return self._pipe.recv()

    def close(self) -> None:
        self._pipe.send("end")
        self._process.join()


def medians(processes: Iterable[Process], turns: int) -> list[float]:
    taken = [[process.ask("seconds") for process in processes] for _ in range(turns)]
    return [statistics.median(own) for own in zip(*taken, strict=True)]


ENOUGH = 0.05
"""Seconds on a GPU that a time is taken of."""

PEAKS: dict[torch.dtype, float] = {}


def peak(dtype: torch.dtype, device: torch.device) -> float:
    """Measure the operations per second of a large convolution, the machine's own limit."""
    if dtype not in PEAKS:
        process = Process(Contender("peak", "our_convolution", (dtype,)), device)
        process.ask("seconds")
        operations, seconds = process.ask("operations"), medians([process], 9)[0]
        PEAKS[dtype] = operations / seconds
        process.close()
    return PEAKS[dtype]


def machine(device: torch.device) -> dict[str, object]:
    """Say where figures are from: the processor with the units that they depend on, or the GPU."""
    able = torch.cpu.get_capabilities()
    units = [name for name in ("avx2", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16") if able.get(name)]
    processor = f"{able.get('cpu_name', platform.machine())} ({', '.join(units) or 'no such units'})"
    return {
        "device": f"{device.type}: {torch.cuda.get_device_name() if device.type == 'cuda' else processor}",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "date": time.strftime("%Y-%m-%d"),
    }


def _serve(pipe: Connection, contender: Contender, device: torch.device) -> None:
    before = _peak(device)
    if not contender.plain:
        reuse_memory()
    work = getattr(bench_recipes, contender.recipe)(*contender.arguments, device)
    while (order := pipe.recv()) != "end":
        if order == "seconds":
            pipe.send(_seconds(work, device))
        elif order == "operations":
            pipe.send(_operations(work))
        elif order == "painted":
            pipe.send((255 * work()).round().to("cpu", torch.int16).numpy())
        else:
            pipe.send(_peak(device) - before)


def _seconds(work: Callable[[], Any], device: torch.device) -> float:
    """Time a call; on a GPU the mean of as many as take a while, for its clock rises first."""
    times = 1
    while True:
        _synchronize(device)
        start = time.perf_counter()
        for _ in range(times):
            work()
        _synchronize(device)
        taken = time.perf_counter() - start
        if device.type != "cuda" or taken > ENOUGH:
            return taken / times
        times = math.ceil(1.2 * times * ENOUGH / taken)


def _operations(work: Callable[[], Any]) -> int:
    """Count multiplications and additions; 0 where this torch cannot count a product that widens."""
    try:
        with FlopCounterMode(display=False) as counter:
            work()
    except TypeError:
        return 0
    return counter.get_total_flops()


def _peak(device: torch.device) -> int:
    """Return the most bytes held so far: of the GPU where there is one."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
