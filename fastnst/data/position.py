"""How far a training has come in the photographs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Position:
    """Where a run stood, and how it got there; plain data.

    Args:
        steps: Steps done.
        photographs: Served so far, to all processes.
        together: Photographs of one step of all processes.
        processes: That trained.
        workers: Processes of each that decoded.
    """

    steps: int = 0
    photographs: int = 0
    together: int = 0
    processes: int = 1
    workers: int = 0

    def compared(self, now: "Position", streamed: bool) -> str:
        """Say what is different in a run that goes on from here, or nothing if it goes on exactly."""
        changes = []
        if now.processes != self.processes:
            changes.append(f"{now.processes} processes in place of {self.processes}")
        if now.together != self.together:
            changes.append(f"{now.together} photographs a step in place of {self.together}")
        if streamed and now.workers != self.workers:
            changes.append(f"{now.workers} workers in place of {self.workers}")
        if not changes:
            return ""
        where = f"{self.photographs} photographs from the beginning"
        how = f"near there, {where}, in another order" if streamed else f"there, {where}"
        return f"the run goes on with {' and '.join(changes)}: the photographs follow on from {how}"
