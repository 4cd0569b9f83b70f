"""Which files a folder or a pattern stands for."""

import glob
import os
from collections.abc import Collection, Iterable
from pathlib import Path

from fastnst.images.decode import EXTENSIONS


def find_files(text: str | os.PathLike[str], extensions: Collection[str] = EXTENSIONS) -> list[Path] | None:
    """List the files that a path or a pattern stands for, sorted.

    Args:
        text: A folder, searched with all folders in it; a file; or a pattern such as ``photos/**/*.jpg``. A path that
            exists is no pattern, whatever its characters.
        extensions: In lower case, with the dot; other files are left out, a file that was named included.

    Returns:
        The files, perhaps none, or ``None`` if ``text`` is neither a path that exists nor a pattern.
    """
    path = Path(text)
    if path.is_dir():
        found: Iterable[Path] = path.rglob("*")
    elif path.exists():
        found = [path]
    elif glob.has_magic(str(text)):
        found = map(Path, glob.iglob(str(text), recursive=True))
    else:
        return None
    return sorted(entry for entry in found if entry.suffix.lower() in extensions and entry.is_file())
