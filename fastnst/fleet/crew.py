"""The workers of a Ray cluster, of which any may be lost at any time.

Plain actors, not Ray Data: there a block is counted when all of it has passed, so that an end of the driver loses what
was painted; a picture that takes its worker with it is tried for ever; and a pool that takes all CPUs waits without a
word. Here a worker is an actor without restarts, and what it had in hand comes back to whoever gave it.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from fastnst.errors import LONGEST, ConfigError, first_line, shortened

THREADS = 8
"""A node without a GPU has a worker for so many CPUs, or a part of them: pictures are painted side by side in one."""

WAIT = 120.0
"""Seconds without any worker after which the work ends."""

FAILED = 5
"""Workers in a row that may fail to start."""

LOOK = 10.0
"""Seconds between two looks for new machines."""

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
    except Exception as error:  # Ray raises just that where its processes take more than 30 s
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


def _reason(error: Exception) -> str:
    """Return the line of Ray's message that tells why, or else the first."""
    lines = [line.strip() for line in str(error).splitlines()]
    return shortened(next((line for line in lines if "dead because" in line), first_line(error)), LONGEST)


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


@dataclass(eq=False)
class Member:
    """A worker, by its actor."""

    actor: Any
    post: Post


@dataclass(frozen=True)
class Event:
    """What a crew has to tell.

    Args:
        member: Of whom.
        given: What it was given, if that is done.
        result: What came of it.
        lost: Why the member is lost, if it is.
    """

    member: Member
    given: Any = None
    result: Any = None
    lost: str | None = None


class Crew:
    """Hire a worker for every post of a cluster, and another one for each that is lost; also on machines that join.

    Args:
        ray: As :func:`joined` gives it.
        hire: Makes an actor with methods ``ready`` and ``paint``, for a post.
        device: As of a job.
        version: What ``ready`` must return.

    Attributes:
        members: Those that are ready.

    Raises:
        ConfigError: No machine has what a worker needs.
    """

    def __init__(self, ray: Any, hire: Callable[[Any, Post], Any], device: str | None, version: str) -> None:
        self._ray, self._hire, self._device, self._version = ray, hire, device, version
        self.members: list[Member] = []
        self._calls: dict[Any, tuple[Member, Any]] = {}  # what was given; nothing to those that are not ready
        self._known: set[str] = set()
        self._failed, self._alone_since, self._looked = 0, time.monotonic(), 0.0
        if not self._look():
            wanted = "a GPU and a CPU" if device else "a CPU"
            raise ConfigError(f"engine ray: no machine of the cluster has {wanted} for a worker; add one")

    @property
    def size(self) -> int:
        """Posts that there are workers for, or will be."""
        return len(self.members) + sum(given is None for _, given in self._calls.values())

    def give(self, member: Member, given: Any, items: Any) -> None:
        """Let a worker paint items; ``given`` comes back with the result."""
        self._calls[member.actor.paint.remote(items)] = member, given

    def wait(self, seconds: float = 1.0) -> Iterator[Event]:
        """Wait for what comes first, and tell it.

        Raises:
            CrewError: There are no workers any more, and none can be hired.
            ConfigError: A machine has another version of fastnst.
        """
        if time.monotonic() - self._looked > LOOK:
            self._look()
        ready, _ = self._ray.wait(list(self._calls), num_returns=1, timeout=seconds)
        for call in ready:
            if call in self._calls:  # not of one that was lost meanwhile
                yield self._told(call)
        if self.members:
            self._alone_since = time.monotonic()
        elif time.monotonic() - self._alone_since > WAIT:
            raise CrewError(
                f"no worker could start for {WAIT:.0f} s: all CPUs or GPUs of the cluster are taken, or its machines "
                f"are gone"
            )

    def dismiss(self) -> None:
        """End all workers, whatever they are at."""
        for member in [*self.members, *(member for member, given in self._calls.values() if given is None)]:
            with suppress(Exception):  # it may be gone, and the cluster too
                self._ray.kill(member.actor)

    def _told(self, call: Any) -> Event:
        member, given = self._calls.pop(call)
        try:
            result = self._ray.get(call)
        except self._ray.exceptions.RayTaskError:  # an error of ours
            raise
        except self._ray.exceptions.RayError as error:
            return self._lost(member, _reason(error))
        if given is None:
            if result != self._version:
                raise ConfigError(f"engine ray: a machine has fastnst {result}, this one {self._version}")
            self._failed = 0
            self.members.append(member)
        return Event(member, given, result)

    def _lost(self, member: Member, reason: str) -> Event:
        started = member in self.members
        if started:
            self.members.remove(member)
        self._calls = {call: entry for call, entry in self._calls.items() if entry[0] is not member}
        self._failed += not started
        if self._failed >= FAILED:
            raise CrewError(f"{FAILED} workers in a row could not start ({reason})")
        self._apply(member.post)
        return Event(member, lost=reason)

    def _look(self) -> bool:
        """Hire for machines that are new; says whether there are any posts."""
        self._looked = time.monotonic()
        for node in self._ray.nodes():
            if node["Alive"] and node["NodeID"] not in self._known:
                self._known.add(node["NodeID"])
                for post in posts(node["Resources"], self._device):
                    self._apply(post)
        return bool(self.members or self._calls)

    def _apply(self, post: Post) -> None:
        actor = self._hire(self._ray, post)
        self._calls[actor.ready.remote()] = Member(actor, post), None
