"""Which files a folder or a pattern stands for."""

import glob
import logging
import os
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from fastnst.images.decode import EXTENSIONS

log = logging.getLogger(__name__)

APPLE_DOUBLE = "._"
"""Beginning of the names of files that macOS leaves beside others on foreign disks; they are no pictures."""


def find_files(
    text: str | os.PathLike[str],
    extensions: Collection[str] = EXTENSIONS,
    without: str | os.PathLike[str] | None = None,
) -> list[Path] | None:
    """List the files that a path or a pattern stands for, sorted.

    Links to folders are followed, each folder once, so that loops end. A link that leads nowhere is listed: reading it
    reports it. A folder that cannot be read is left out, with a line in the log.

    Args:
        text: A folder, searched with all folders in it; a file; or a pattern such as ``photos/**/*.jpg``. A path that
            exists is no pattern, whatever its characters.
        extensions: In lower case, with the dot; other files are left out, a file that was named included.
        without: A folder to leave out where it lies inside ``text``.

    Returns:
        The files, perhaps none, or ``None`` if ``text`` is neither a path that exists nor a pattern.
    """
    path, left_out = Path(text), identity(without) if without is not None else None
    if path.is_dir():
        found: Iterable[Path] = _walk(path, left_out)
    elif path.exists():
        found = [path]
    elif glob.has_magic(str(text)):
        found = _matching(str(text), left_out)
    else:
        return None
    return sorted(entry for entry in found if entry.suffix.lower() in extensions and _is_picture(entry))


def fixed_part(pattern: str) -> Path:
    """Return the folder that a pattern begins with: its parts before the first ``*``, ``?`` or ``[``."""
    parts = Path(pattern).parts
    return Path(*parts[: next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))])


def identity(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Return what two paths of one file or folder have in common, or nothing if there is no such file."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_picture(entry: Path) -> bool:
    nowhere = entry.is_symlink() and not entry.exists()
    return not entry.name.startswith(APPLE_DOUBLE) and (entry.is_file() or nowhere)


def _walk(top: Path, left_out: tuple[int, int] | None) -> Iterator[Path]:
    """Give all files below a folder; what can be reached without following a link is found there."""
    seen, roots = {left_out}, deque([top])
    while roots:
        for folder, inner, names in os.walk(roots.popleft(), onerror=_unreadable):
            if (here := identity(folder)) in seen:
                inner.clear()
                continue
            seen.add(here)
            inner.sort()
            roots += [path for name in inner if (path := Path(folder, name)).is_symlink()]  # os.walk follows none
            yield from (Path(folder, name) for name in names)


def _unreadable(error: OSError) -> None:
    log.warning("%s: left out, cannot be listed (%s)", error.filename, error.strerror)


def _matching(pattern: str, left_out: tuple[int, int] | None) -> Iterator[Path]:
    """Give what matches a pattern; the standard library follows links in ``**`` without an end."""
    base, parts = fixed_part(pattern), Path(pattern).parts
    if "**" in parts:
        wanted = parts[len(base.parts) :]
        yield from (path for path in _walk(base, left_out) if _matches(path.relative_to(base).parts, wanted))
        return
    for path in map(Path, glob.iglob(pattern)):
        inside = path.parents[: len(path.parts) - len(base.parts) - 1]
        if left_out is None or all(identity(parent) != left_out for parent in inside):
            yield path


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Say whether a path matches a pattern, part by part; ``**`` stands for any number of folders."""
    if not pattern or not parts:
        return not parts and all(wanted == "**" for wanted in pattern)
    hidden = parts[0].startswith(".") and not pattern[0].startswith(".")
    if pattern[0] == "**":
        return _matches(parts, pattern[1:]) or (not hidden and _matches(parts[1:], pattern))
    return not hidden and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])
