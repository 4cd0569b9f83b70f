"""How much memory there is, and how much may be used."""

import ctypes
import os
import platform
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fastnst.errors import ConfigError

if TYPE_CHECKING:
    import torch

UNITS = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}

UNKNOWN = 2 * 2**30
"""Taken for free where the system does not say."""

LASTING = Path("/var/tmp")
"""For large temporary files, by the Filesystem Hierarchy Standard; ``/tmp`` may be memory."""


def scratch_folder() -> str:
    """Return where large temporary files go: what TMPDIR says, or :data:`LASTING`."""
    named = any(os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP"))
    return tempfile.gettempdir() if named or not os.access(LASTING, os.W_OK) else str(LASTING)


def parse_memory(text: str) -> int:
    """Read an amount such as ``2GB``, ``1.5G``, ``800MB`` or a number of bytes; units are powers of 1024.

    Raises:
        ConfigError: Not an amount, or not above zero.
    """
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*([bkmgt]?)(?:i?b)?", text.strip().lower())
    amount = int(float(found[1]) * UNITS[found[2]]) if found else 0
    if not amount:
        raise ConfigError(f"memory {text!r}: must be an amount above zero, such as 2GB or 800MB")
    return amount


def find_memory(device: "torch.device") -> int:
    """Return how many bytes to work with on a device: half of what is free to this process, four fifths on a GPU."""
    if device.type == "cuda":
        import torch

        kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # for what comes next
        return int(0.8 * (torch.cuda.mem_get_info(device)[0] + kept))
    return max(1, free_memory() // 2)


def free_memory() -> int:
    """Return the bytes of main memory that this process could still take, by the system and by its control group."""
    system = platform.system()
    if system == "Linux":
        return min(_of_system(), _of_group())
    if system == "Windows":
        return _of_windows()
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (ValueError, OSError):
        return UNKNOWN


def _of_system(file: Path = Path("/proc/meminfo")) -> int:
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", file.read_text(), re.MULTILINE)
    except OSError:
        found = None
    return int(found[1]) * 1024 if found else UNKNOWN


def _of_group(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Return what the tightest control group of this process leaves, version 2 or 1; without one, no limit."""
    try:
        paths = [line.strip().split(":", 2) for line in own.read_text().splitlines()]
    except OSError:
        return sys.maxsize
    left = sys.maxsize
    for number, controllers, path in (entry for entry in paths if len(entry) == 3):
        if number == "0":
            base, limit, usage, cache = root, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            base = root / "memory"
            limit, usage, cache = "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
        else:
            continue
        inner = base / path.lstrip("/")
        for folder in (inner, *inner.parents):
            left = min(left, _left(folder / limit, folder / usage, folder / "memory.stat", cache))
            if folder == base:
                break
    return left


def _left(limit: Path, usage: Path, stat: Path, cache: str) -> int:
    """Return a group's limit less its usage; cached files, which the system takes back when needed, are not usage."""
    try:
        most, used = int(limit.read_text()), int(usage.read_text())
    except (OSError, ValueError):  # no such group, or "max"
        return sys.maxsize
    try:
        found = re.search(rf"^{cache} (\d+)$", stat.read_text(), re.MULTILINE)
    except OSError:
        found = None
    return max(0, most - used + (int(found[1]) if found else 0))


class _Status(ctypes.Structure):
    _fields_ = [  # of MEMORYSTATUSEX
        ("length", ctypes.c_ulong),
        ("load", ctypes.c_ulong),
        *((name, ctypes.c_ulonglong) for name in ("total", "free", "a", "b", "c", "d", "e")),
    ]


def _of_windows() -> int:
    status = _Status()
    status.length = ctypes.sizeof(_Status)
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009 (absent elsewhere)
    return int(status.free) if kernel.GlobalMemoryStatusEx(ctypes.byref(status)) else UNKNOWN
