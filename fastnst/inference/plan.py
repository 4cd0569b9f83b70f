"""Which pictures are meant, and which file each of them becomes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fastnst.errors import ConfigError
from fastnst.images import EXTENSIONS, WRITABLE
from fastnst.images.listing import APPLE_DOUBLE, find_files, fixed_part, identity
from fastnst.inference.job import Task
from fastnst.remote import Place, Remote, find_remote, listing, place

Found = list[tuple[Place, Path]]
"""Pictures, each with its path below the folder it was found in."""


@dataclass(frozen=True)
class Plan:
    """Each picture with the file it becomes, and the folder of all these files; none where one file was named."""

    tasks: list[Task]
    folder: Place | None

    def existing(self) -> list[Place]:
        """Name the files that are there already; of a folder at an address by a single listing."""
        if not isinstance(self.folder, Remote):
            return [target for _, target in self.tasks if target.exists()]
        names, top = listing(self.folder), f"{self.folder}/"
        return [target for _, target in self.tasks if str(target).removeprefix(top) in names]


def plan(inputs: Sequence[str], out: str | None, name: str, fmt: str | None = None) -> Plan:
    """Pair each picture with the file it becomes.

    One picture goes to the file ``out``, or into ``out`` if that has no known extension. Several go into the folder
    ``out`` under their own names, in the tree they were found in, as PNG where the original's format is not written; of
    two that would get one name that way, each keeps its whole name before the new extension. Without ``out``, one
    picture is named after itself and the style, in the current folder, and several go into a folder named after the
    style. That folder is no input, even where it lies in one: nothing is painted twice.

    Args:
        inputs: Files, folders and patterns; also at addresses, such as ``s3://bucket/photos``.
        out: A file or a folder; also at an address.
        name: Of the style; see :func:`~fastnst.inference.choice.name_result`.
        fmt: Extension of the files to write; by default that of ``out``, or else of each picture.

    Raises:
        ConfigError: No pictures, several for one file, two of one name, one that would replace a source, or an
            unknown format.
    """
    found = expand(inputs, place(out or name))
    single = len(found) == 1 and not (out is None and place(inputs[0]).is_dir())
    if single and (file := single_file(found[0][0], out, name, fmt)):
        planned = Plan([(found[0][0], file)], None)
    else:
        folder = _folder(out or name, len(found))
        planned = Plan(_pair(found, folder, fmt), None if single and not place(inputs[0]).is_dir() else folder)
    _check(planned.tasks)
    return planned


def plan_folder(inputs: Sequence[str], out: str, fmt: str | None = None) -> Plan:
    """Pair each picture with a file in the folder ``out``, as :func:`plan` does with several; also a single one.

    Raises:
        ConfigError: As :func:`plan`.
    """
    folder = _folder(out, 2)
    planned = Plan(_pair(expand(inputs, folder), folder, fmt), folder)
    _check(planned.tasks)
    return planned


def expand(inputs: Sequence[str], out: Place) -> Found:
    """List the pictures meant by files, folders and patterns, but for those in the folder ``out`` where it lies inside.

    Raises:
        ConfigError: A folder or a pattern without pictures, or one that is ``out``.
    """
    found: Found = []
    for text in inputs:
        path = place(text)
        if isinstance(path, Remote):
            found += _expand_remote(path, out)
            continue
        here = out if isinstance(out, Path) else None
        if path.is_dir() and here is not None and identity(path) == identity(here):
            raise ConfigError(f"{text}: is where the results would go; choose another --out")
        files = [path] if path.is_file() else find_files(text, EXTENSIONS, without=here)
        if files is None:
            files = [path]  # it does not exist; reading it reports the error
        if not files:
            raise ConfigError(f"{text}: holds no pictures ({', '.join(sorted(EXTENSIONS))})")
        base = path if path.is_dir() else None if path in files else fixed_part(text)
        found += [(file, Path(file.name) if base is None else file.relative_to(base)) for file in files]
    return list(dict.fromkeys(found))  # a picture may be named, and be in a folder that is named too


def _expand_remote(folder: Remote, out: Place) -> Found:
    """List the pictures at an address, but for those in the folder ``out`` where it lies inside.

    Raises:
        ConfigError: There are none, or it is ``out``.
    """
    if folder == out:
        raise ConfigError(f"{folder}: is where the results would go; choose another --out")
    files = find_remote(folder, without=out)
    if files is None:
        return [(folder, Path(folder.name))]  # it does not exist; reading it reports the error
    pictures = [
        (file, below)
        for file, below in files
        if file == folder or (below.suffix.lower() in EXTENSIONS and not below.name.startswith(APPLE_DOUBLE))
    ]
    if not pictures:
        raise ConfigError(f"{folder}: holds no pictures ({', '.join(sorted(EXTENSIONS))})")
    return list(pictures)


def single_file(picture: Place, out: str | None, name: str, fmt: str | None) -> Place | None:
    """Return the file that the only picture becomes, or nothing if it goes into a folder under its own name.

    Raises:
        ConfigError: ``out`` has the extension of a file that is not written, or of another format than ``fmt``.
    """
    if out is None:
        return Path(f"{picture.stem}_{name}{_suffix(picture, fmt)}")
    file = place(out)
    suffix = file.suffix.lower()
    if not suffix or file.is_dir():
        return None
    if suffix not in WRITABLE:
        raise ConfigError(f"--out {out}: write {', '.join(WRITABLE)}, or name a folder")
    if fmt is not None and WRITABLE[suffix] != format_of(fmt):
        raise ConfigError(f"--out {out}: is no name for --format {fmt}; leave one of them out")
    return file


def format_of(extension: str) -> str:
    """Return the format that goes by an extension, given without its dot.

    Raises:
        ConfigError: It is not one we write.
    """
    if f".{extension}" not in WRITABLE:
        raise ConfigError(f"unknown format {extension!r}; known: {', '.join(known[1:] for known in WRITABLE)}")
    return WRITABLE[f".{extension}"]


def _folder(out: str, count: int) -> Place:
    folder = place(out)
    if folder.suffix.lower() in WRITABLE and not folder.is_dir():
        raise ConfigError(f"--out {out}: {count} pictures want a folder, not a file")
    return folder


def _pair(found: Found, folder: Place, fmt: str | None) -> list[Task]:
    plain = [below.with_suffix(_suffix(below, fmt)) for _, below in found]
    uses = Counter(plain)
    targets = (
        target if target == below or uses[target] == 1 else below.with_name(below.name + target.suffix)
        for (_, below), target in zip(found, plain, strict=True)
    )
    return [(source, folder / target) for (source, _), target in zip(found, targets, strict=True)]


def _suffix(picture: Place, fmt: str | None) -> str:
    """Return the extension of a picture's result: its own, if it may stay."""
    own = WRITABLE.get(picture.suffix.lower())
    wanted = own or "PNG" if fmt is None else format_of(fmt)
    return picture.suffix if own == wanted else f".{fmt or 'png'}"


def _check(tasks: Sequence[Task]) -> None:
    sources = {_identity(source) for source, _ in tasks} - {None}
    seen: dict[Place, Place] = {}
    for source, target in tasks:
        if target in seen:
            raise ConfigError(f"{seen[target]} and {source} would both become {target}; paint them in two calls")
        if (replaced := _identity(target)) in sources:
            whose = "its own source" if replaced == _identity(source) else "the source of another picture"
            raise ConfigError(f"{target}: would replace {whose}; choose another --out")
        seen[target] = source


def _identity(file: Place) -> object:
    return file if isinstance(file, Remote) else identity(file)
