"""A Ray cluster, joined or started for the while, and how many workers its machines have a place for."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fastnst.errors import ConfigError, first_line

THREADS = 8
"""A node without a GPU has a worker for so many CPUs, or a part of them: pictures are painted side by side in one."""

OBJECTS = 2**27
"""Bytes of Ray's store of objects on a cluster that is started here; nothing large goes through it."""


class CrewError(OSError):
    """There are no workers; the message says why."""


def import_ray() -> Any:
    """Return Ray.

    Raises:
        ConfigError: It is not installed.
    """
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # under uv run, it would install all anew per worker
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # if a cluster is started here; Ray's 15 gives way to anything
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise ConfigError(f"engine ray needs Ray ({error}): install fastnst[ray]") from None
    return ray


@contextmanager
def joined(threads: int) -> Iterator[Any]:
    """Give Ray, connected to the cluster of ``RAY_ADDRESS`` or of this machine, or to one started for the while.

    Args:
        threads: CPUs of the one that is started.

    Raises:
        ConfigError: Ray is not installed.
        CrewError: The cluster cannot be reached.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    quiet = {"log_to_driver": False, "logging_level": "ERROR", "configure_logging": True}
    with _own_signals():
        try:
            ray.init(address="auto", **quiet)
        except ConnectionError as error:
            if os.environ.get("RAY_ADDRESS"):
                raise CrewError(f"{os.environ['RAY_ADDRESS']}: no Ray cluster answers ({first_line(error)})") from error
            _start(ray, num_cpus=threads, object_store_memory=OBJECTS, include_dashboard=False, **quiet)
    try:
        yield ray
    finally:
        ray.shutdown()


def _start(ray: Any, **settings: Any) -> None:
    try:
        ray.init(address="local", **settings)
    except Exception as error:  # Ray has no type for it: where its processes take 30 s, it raises a plain Exception
        raise CrewError(
            f"Ray did not start ({first_line(error)}); try when this machine is less busy, or after ray start --head"
        ) from error


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the handlers of signals, which Ray replaces."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True)
class Post:
    """What a worker needs of a machine."""

    cpus: int
    gpus: int = 0


def posts(resources: dict[str, float], device: str | None) -> list[Post]:
    """Plan the workers of a machine: one for every GPU, or else one for every :data:`THREADS` CPUs."""
    cpus, gpus = int(resources.get("CPU", 0)), int(resources.get("GPU", 0))
    kind = (device or "").partition(":")[0]
    if gpus and kind in ("", "cuda"):
        return [Post(max(1, cpus // gpus), 1)] * gpus if cpus else []
    if kind == "cuda" or not cpus:
        return []
    count = -(-cpus // THREADS)
    return [Post(cpus // count)] * count
