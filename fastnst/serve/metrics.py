"""What a server counts, in the text format that Prometheus reads.

Source: https://prometheus.io/docs/instrumenting/exposition_formats (text format 0.0.4).
"""

import os
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
SIZES = (1, 2, 4, 8, 16)


class Counter:
    """A number that only grows, for each combination of labels."""

    kind = "counter"

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self._values: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    def add(self, amount: float = 1, **labels: str) -> None:
        """Count."""
        with self._lock:
            self._values[_labels(labels)] += amount

    def lines(self) -> Iterator[str]:
        """Write what was counted."""
        with self._lock:
            values = dict(self._values)
        return (f"{self.name}{labels} {value:g}" for labels, value in values.items())


class Histogram:
    """How often a value lay below each of some bounds."""

    kind = "histogram"

    def __init__(self, name: str, text: str, bounds: Sequence[float]) -> None:
        self.name, self.text, self.bounds = name, text, bounds
        self._counts, self._sum = [0] * (len(bounds) + 1), 0.0
        self._lock = threading.Lock()

    def add(self, value: float) -> None:
        """Take note of a value."""
        with self._lock:
            self._counts[sum(value > bound for bound in self.bounds)] += 1
            self._sum += value

    def lines(self) -> Iterator[str]:
        """Write how many values are at most as large as each bound."""
        with self._lock:
            counts, total = list(self._counts), self._sum
        below = 0
        for bound, count in zip([*(f"{bound:g}" for bound in self.bounds), "+Inf"], counts, strict=True):
            below += count
            yield f"{self.name}_bucket{_labels({'le': bound})} {below}"
        yield f"{self.name}_sum {total:g}"
        yield f"{self.name}_count {below}"


class Gauge:
    """A value as it is when asked."""

    kind = "gauge"

    def __init__(self, name: str, text: str, read: Callable[[], float]) -> None:
        self.name, self.text, self.read = name, text, read

    def lines(self) -> Iterator[str]:
        """Write the value."""
        yield f"{self.name} {self.read():.15g}"


class Metrics:
    """All that a server counts.

    Attributes:
        requests: Answers by path and status.
        pictures: Painted, by model.
        stylize_seconds: From a request for a painting to the end of its answer.
        paint_seconds: A batch takes.
        batch_size: Pictures of a batch.
    """

    def __init__(self) -> None:
        self.requests = Counter("fastnst_requests_total", "Answers by path and status.")
        self.pictures = Counter("fastnst_pictures_total", "Pictures painted, by model.")
        self.stylize_seconds = Histogram(
            "fastnst_stylize_seconds", "Seconds from a request for a painting to the end of its answer.", SECONDS
        )
        self.paint_seconds = Histogram("fastnst_batch_seconds", "Seconds that painting a batch takes.", SECONDS)
        self.batch_size = Histogram("fastnst_batch_size", "Pictures painted at once.", SIZES)
        self.all: list[Counter | Histogram | Gauge] = [
            self.requests, self.pictures, self.stylize_seconds, self.paint_seconds, self.batch_size,
            Gauge("process_resident_memory_bytes", "Resident memory.", resident_memory),
        ]  # fmt: skip

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """Report a value as well, as it is when asked."""
        self.all.append(Gauge(name, text, read))

    def on_batch(self, count: int, seconds: float) -> None:
        """Take note of a batch."""
        self.batch_size.add(count)
        self.paint_seconds.add(seconds)

    def text(self) -> str:
        """Write everything."""
        lines = []
        for metric in self.all:
            lines += [f"# HELP {metric.name} {metric.text}", f"# TYPE {metric.name} {metric.kind}", *metric.lines()]
        return "\n".join(lines) + "\n"


def resident_memory() -> float:
    """Return the bytes of main memory that this process takes; 0 where the system does not say."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123 (a file of the system)
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _labels(labels: Mapping[str, str]) -> str:
    """Write labels; model names are names of files, which may hold anything."""
    escaped = (
        (name, value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")) for name, value in labels.items()
    )
    inside = ",".join(f'{name}="{value}"' for name, value in escaped)
    return f"{{{inside}}}" if inside else ""
