"""Closed lists of named factories: the only names that configs and checkpoints may refer to."""

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Generic, TypeVar

from fastnst.errors import ConfigError

T = TypeVar("T")


class Registry(Generic[T]):
    """Find a factory by name, and help with a misspelled one.

    Args:
        kind: What the names stand for, for messages: ``"network"``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}

    def register(self, name: str) -> Callable[[T], T]:
        """Decorate a factory to make it known as ``name``; a name can be taken once."""

        def add(entry: T) -> T:
            if name in self._entries:
                raise KeyError(f"{self.kind} {name!r} is registered twice")
            self._entries[name] = entry
            return entry

        return add

    def __getitem__(self, name: str) -> T:
        if name not in self._entries:
            raise ConfigError(unknown(self.kind, name, self._entries))
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Say that ``name`` is unknown, guess what was meant, and list what there is."""
    known = list(known)
    return f"unknown {kind} {name!r}{guess(name, known) or '.'} Known: {', '.join(known)}"


def guess(name: str, known: Iterable[str]) -> str:
    """Ask whether the nearest known name was meant; say nothing where none is near."""
    nearest = get_close_matches(name, list(known), n=1)
    return f"; did you mean {nearest[0]!r}?" if nearest else ""
