"""Where to compute, in which precision, and with what memory."""

import ctypes
from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from fastnst.errors import ConfigError

Precision = Literal["float32", "bfloat16"]
"""In which numbers a network or a backbone computes; what is summed or written is float32 either way."""


def pick_device(name: str | None = None) -> torch.device:
    """Return the device asked for, or the fastest there is: ``cuda``, ``mps`` or ``cpu``.

    Raises:
        ConfigError: It is unknown or absent.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name is None:
        return torch.device(next(kind for kind, there in present.items() if there))
    if not present.get(name.split(":")[0], False):
        there = ", ".join(kind for kind, there in present.items() if there)
        raise ConfigError(f"device {name!r} is not here; there is {there}")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ConfigError(f"device {name!r}: must be cuda, cuda:1 and so on, mps or cpu") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device {name!r} is not here; there are {torch.cuda.device_count()} of cuda, from 0")
    return device


def fast_bfloat16(device: torch.device) -> bool:
    """Tell whether a device multiplies bfloat16 in hardware, which is twice as fast as float32 or more."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return device.type == "cpu" and bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def best_precision(device: torch.device) -> Precision:
    """Return ``bfloat16`` where a device has it in hardware, ``float32`` elsewhere."""
    return "bfloat16" if fast_bfloat16(device) else "float32"


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Return the context in which convolutions and products on ``device`` are computed in ``precision``."""
    return torch.autocast(device.type, torch.bfloat16) if precision == "bfloat16" else nullcontext()


def reuse_memory() -> None:
    """Keep freed memory for the next tensor in place of giving it back to the system; for long computations on a CPU.

    glibc maps a large tensor anew every time, and the kernel clears its pages: up to a quarter of a training step or
    of painting. Threads made later share the memory of the first: a pool of their own could not hold large tensors.
    Does nothing where there is no glibc.
    """
    if _GLIBC is not None:
        trim_threshold, mmap_max, arena_max = -1, -4, -8  # M_TRIM_THRESHOLD and so on of malloc.h
        _GLIBC.mallopt(trim_threshold, -1)
        _GLIBC.mallopt(mmap_max, 0)
        _GLIBC.mallopt(arena_max, 1)


def return_memory() -> None:
    """Give freed memory back to the system, of which pieces would add up; between computations of different sizes."""
    if _GLIBC is not None:
        _GLIBC.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL("libc.so.6")
    except OSError:
        return None
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None


_GLIBC = _glibc()
