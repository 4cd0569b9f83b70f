"""The folder of a run: what is in it, what to go on from, and how it is begun anew."""

import os
import shutil
import zipfile
import zlib
from pathlib import Path

from fastnst.atomic import remove_leftovers, replacing
from fastnst.checkpoint import STYLE_FILE, CheckpointError
from fastnst.errors import ConfigError
from fastnst.plain import PlainError, load_plain

RESUME_FILE = "checkpoints/last.ckpt"

PREVIOUS_FILE = "checkpoints/previous.ckpt"
"""The resume file before the last, in case that one rots."""


def holds_run(root: Path) -> bool:
    """Tell whether a folder holds a run that could be lost."""
    return any((root / name).is_file() for name in (RESUME_FILE, PREVIOUS_FILE, STYLE_FILE))


def find_resume_file(root: Path, asked: str | None, overwrite: bool = False) -> tuple[Path | None, str]:
    """Return the file that a run in ``root`` goes on from, or nothing where it begins; and a note, or nothing.

    Args:
        root: The run's folder.
        asked: ``auto`` goes on where the folder stands, if it holds a run; a path goes on from that file.
        overwrite: A run that is there may be lost.

    Raises:
        ConfigError: A file was named that is not there, or a run that is there would be lost.
        CheckpointError: A file to go on from is damaged, and there is none before it.
    """
    last = root / RESUME_FILE
    named = Path(asked) if asked and asked != "auto" else None
    if named and not named.is_file():
        raise ConfigError(f"--resume {asked}: no such file")
    if asked and (not named or named.absolute() == last.absolute()) and (last.is_file() or _previous(last).is_file()):
        return _sound(last)
    if holds_run(root) and not overwrite:
        raise ConfigError(
            f"{root} holds a run already; go on with --resume, begin it anew with --overwrite, or choose another --out"
        )
    if named and (reason := damage(named)):
        raise CheckpointError(f"{named} {reason}; it cannot be resumed from")
    return named, ""


def _sound(last: Path) -> tuple[Path, str]:
    """Return the last resume file, or the one before if the last is damaged, with a note."""
    reason = damage(last)
    if not reason:
        return last, ""
    before = _previous(last)
    worse = damage(before)
    if worse:
        raise CheckpointError(
            f"cannot be resumed: {last} {reason}, and {before.name} {worse}; begin anew with --overwrite"
        )
    return before, f"{last} {reason}: going on from the one before it, {before}"


def damage(path: Path) -> str:
    """Say what is wrong with a resume file, or nothing: the checksums of its parts, and whether it can be read."""
    try:
        if torn(path):
            return "is damaged"
        loaded = load_plain(path)
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    except PlainError:
        return "is no resume file"
    kept = loaded.get("fastnst") if isinstance(loaded, dict) else None
    if not isinstance(kept, dict):
        return "is no resume file of fastnst"
    return "" if "guard" in kept else "was written by an earlier fastnst, which kept less"


def torn(path: Path) -> bool:
    """Tell whether a file of torch has lost bytes, or holds others than were written."""
    try:
        with zipfile.ZipFile(path) as parts:
            return parts.testzip() is not None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        return True


def keep_previous(last: Path) -> None:
    """Let a resume file that is about to be replaced stay as the one before; a damaged one takes no place.

    A second name for the same bytes, where the file system has such: it needs no room on a full disk.
    """
    if not last.is_file() or torn(last):
        return
    before = _previous(last)
    link = before.with_name(f".fastnst-{before.name}.part")
    link.unlink(missing_ok=True)
    try:
        os.link(last, link)
    except OSError:
        with replacing(before) as temporary:
            shutil.copyfile(last, temporary)
        return
    link.replace(before)
    link.unlink(missing_ok=True)  # both were names of one file already: then the system renames nothing


def remove_run(root: Path) -> None:
    """Remove the files of a run, and nothing else."""
    names = (RESUME_FILE, PREVIOUS_FILE, STYLE_FILE, "config.yaml")
    for file in [*(root / name for name in names), *root.glob("events.out.tfevents.*")]:
        file.unlink(missing_ok=True)


def clear_leftovers(root: Path) -> None:
    """Remove what a run that was killed was writing in its folder, in which no other one writes."""
    for folder in (root, (root / RESUME_FILE).parent):
        remove_leftovers(folder, older=0)


def _previous(last: Path) -> Path:
    return last.with_name(Path(PREVIOUS_FILE).name)
