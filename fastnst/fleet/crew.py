"""The workers of a Ray cluster, of which any may be lost at any time.

Plain actors, not Ray Data: there a block is counted when all of it has passed, so that an end of the driver loses what
was painted; a picture that takes its worker with it is tried for ever; and a pool that takes all CPUs waits without a
word. Here a worker is an actor without restarts, and what it had in hand comes back to whoever gave it.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastnst.errors import LONGEST, ConfigError, first_line, shortened
from fastnst.fleet.cluster import CrewError, Post, posts

WAIT = 120.0
"""Seconds without any worker after which the work ends."""

FAILED = 5
"""Workers in a row that may fail to start."""

LOOK = 10.0
"""Seconds between two looks for new machines."""


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
        ray: As :func:`~fastnst.fleet.cluster.joined` gives it.
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


def _reason(error: Exception) -> str:
    """Return the line of Ray's message that tells why, or else the first."""
    lines = [line.strip() for line in str(error).splitlines()]
    return shortened(next((line for line in lines if "dead because" in line), first_line(error)), LONGEST)
