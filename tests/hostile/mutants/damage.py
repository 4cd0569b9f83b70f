"""Damage that knows nothing of what the bytes mean, and values that are wrong everywhere."""

import json
from collections.abc import Callable
from typing import Any

from mutants.case import Rng

EXTREMES = (0, 1, 2**7, 2**8 - 1, 2**15 - 1, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1)


def flip(data: bytearray, rng: Rng) -> bytearray:
    for place in rng.integers(0, len(data), int(rng.integers(1, 17))):
        data[place] ^= 1 << int(rng.integers(8))
    return data


def overwrite(data: bytearray, rng: Rng) -> bytearray:
    start, size = _block(data, rng)
    data[start : start + size] = rng.bytes(size)
    return data


def truncate(data: bytearray, rng: Rng) -> bytearray:
    return data[: int(rng.integers(0, len(data)))]


def cut_the_end(data: bytearray, rng: Rng) -> bytearray:
    return data[: max(0, len(data) - int(rng.integers(1, 64)))]


def leave_out(data: bytearray, rng: Rng) -> bytearray:
    start, size = _block(data, rng)
    return data[:start] + data[start + size :]


def repeat(data: bytearray, rng: Rng) -> bytearray:
    start, size = _block(data, rng)
    return data[:start] + data[start : start + size] * int(rng.integers(2, 50)) + data[start + size :]


def insert(data: bytearray, rng: Rng) -> bytearray:
    start = int(rng.integers(0, len(data)))
    return data[:start] + rng.bytes(int(rng.integers(1, 300))) + data[start:]


def zero(data: bytearray, rng: Rng) -> bytearray:
    start, size = _block(data, rng)
    data[start : start + size] = bytes(size)
    return data


def lie(data: bytearray, rng: Rng) -> bytearray:
    """Put an extreme number anywhere, most often near the beginning, where sizes are."""
    for _ in range(int(rng.integers(1, 4))):
        size = int(rng.choice([2, 4, 4, 8]))
        reach = min(len(data), 400) if rng.random() < 0.7 else len(data)
        place = int(rng.integers(0, max(1, reach - size)))
        value = EXTREMES[int(rng.integers(len(EXTREMES)))] % 2 ** (8 * size)
        data[place : place + size] = value.to_bytes(size, "big" if rng.random() < 0.5 else "little")
    return data


def exchange(data: bytearray, rng: Rng) -> bytearray:
    (first, size), second = _block(data, rng), int(rng.integers(0, len(data)))
    data[first : first + size], data[second : second + size] = data[second : second + size], data[first : first + size]
    return data


def append(data: bytearray, rng: Rng) -> bytearray:
    return data + rng.bytes(int(rng.integers(1, 5000)))


DAMAGES: tuple[Callable[[bytearray, Rng], bytearray], ...] = (
    *(flip, overwrite, truncate, cut_the_end, leave_out, repeat, insert, zero, lie, lie, exchange, append),
)


def damaged(data: bytes, rng: Rng) -> tuple[str, bytes]:
    """Damage a file in one or two ways; say how."""
    names, result = [], bytearray(data)
    for _ in range(1 if rng.random() < 0.7 else 2):
        damage = DAMAGES[int(rng.integers(len(DAMAGES)))]
        if not result:
            break
        names.append(damage.__name__)
        result = damage(result, rng)
    return ", ".join(names), bytes(result)


def _block(data: bytearray, rng: Rng) -> tuple[int, int]:
    start = int(rng.integers(0, len(data)))
    return start, int(rng.integers(1, max(2, min(len(data) - start, 2000))))


def nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


WRONG: tuple[Callable[[], Any], ...] = (
    *(lambda: None, lambda: True, lambda: -1, lambda: 0, lambda: 1, lambda: 10**9, lambda: 10**30, lambda: 1e308),
    *(lambda: float("nan"), lambda: float("inf"), lambda: 3.5, lambda: "", lambda: "x", lambda: "../../../etc/passwd"),
    *(lambda: [], lambda: {}, lambda: nested(400), lambda: "long " * 20_000, lambda: list(range(20_000))),
    *(lambda: "\ud800", lambda: "line\nend \x1b[31m", lambda: {"a": {"b": [1, {"c": None}]}}, lambda: 64, lambda: "64"),
)


def wrong_value(rng: Rng) -> Any:
    return WRONG[int(rng.integers(len(WRONG)))]()


def with_wrong_values(data: Any, rng: Rng) -> tuple[str, Any]:
    """Put a wrong value anywhere into plain data, leave something out, or add something; say where."""
    copied = json.loads(json.dumps(data))
    told = []
    for _ in range(int(rng.integers(1, 3))):
        places = list(_places(copied))
        if not places:
            return "all", wrong_value(rng)
        holder, key, path = places[int(rng.integers(len(places)))]
        if rng.random() < 0.15:
            del holder[key]
            told.append(f"no {path}")
            continue
        value = wrong_value(rng)
        holder[key] = value
        told.append(f"{path}={str(value)[:20]!r}")
    return ", ".join(told), copied


def _places(data: Any, path: str = "") -> Any:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in list(items):
        yield data, key, f"{path}.{key}".strip(".")
        yield from _places(value, f"{path}.{key}")
