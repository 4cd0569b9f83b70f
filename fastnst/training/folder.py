"""The folder of a run: what is in it, what to go on from, and how it is begun anew."""

from pathlib import Path

from fastnst.checkpoint import STYLE_FILE
from fastnst.errors import ConfigError

RESUME_FILE = "checkpoints/last.ckpt"


def holds_run(root: Path) -> bool:
    """Tell whether a folder holds a run that could be lost."""
    return (root / RESUME_FILE).is_file() or (root / STYLE_FILE).is_file()


def find_resume_file(root: Path, asked: str | None, overwrite: bool = False) -> Path | None:
    """Return the file that a run in ``root`` goes on from, or nothing where it begins.

    Args:
        root: The run's folder.
        asked: ``auto`` goes on where the folder stands, if it holds a run; a path goes on from that file.
        overwrite: A run that is there may be lost.

    Raises:
        ConfigError: A file was named that is not there, or a run that is there would be lost.
    """
    last = root / RESUME_FILE
    source = last if asked == "auto" else Path(asked) if asked else None
    if source and asked != "auto" and not source.is_file():
        raise ConfigError(f"--resume {asked}: no such file")
    if source and source.is_file() and source.absolute() == last.absolute():
        return source
    if holds_run(root) and not overwrite:
        raise ConfigError(
            f"{root} holds a run already; go on with --resume, begin it anew with --overwrite, or choose another --out"
        )
    return None if asked == "auto" else source


def remove_run(root: Path) -> None:
    """Remove the files of a run, and nothing else."""
    for file in [root / RESUME_FILE, root / STYLE_FILE, root / "config.yaml", *root.glob("events.out.tfevents.*")]:
        file.unlink(missing_ok=True)
