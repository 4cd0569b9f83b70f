"""What the commands' parsers have in common."""

import re
import sys
from pathlib import Path
from typing import Any, NoReturn

from jsonargparse import ArgumentParser

CONFIGS = (Path(__file__).parents[1] / "configs", Path(__file__).parents[2] / "configs")
"""Inside an installed wheel, and in a checkout."""


def shipped_configs() -> dict[str, Path]:
    """List the configs that come along, by name."""
    return {path.stem: path for folder in CONFIGS for path in sorted(folder.rglob("*.yaml"))}


def find_config(name: str) -> str:
    """Return the path of a config given by path or by the name of one that comes with fastnst.

    Raises:
        ConfigError: Neither.
    """
    from fastnst.errors import ConfigError
    from fastnst.registry import unknown

    if Path(name).is_file():
        return name
    shipped = shipped_configs()
    if name not in shipped:
        raise ConfigError(unknown("config", name, shipped))
    return str(shipped[name])


def with_configs(argv: list[str]) -> list[str]:
    """Replace the names behind ``--config`` by paths."""
    found, expect = [], False
    for word in argv:
        if expect:
            word = find_config(word)
        elif word.startswith("--config="):
            word = f"--config={find_config(word.removeprefix('--config='))}"
        expect = word == "--config"
        found.append(word)
    return found


class Parser(ArgumentParser):
    """Report a usage error as one line and exit with 2."""

    def error(self, message: str, ex: Exception | None = None) -> Any:
        fail(message, (self.prog or "fastnst").removesuffix(" [options] fit"))


def fail(message: str, program: str) -> NoReturn:
    """Say what is wrong with the command line, in one line and in the words of the command line; exit with 2."""
    lines = [line.strip(" -") for line in str(message).splitlines() if line.strip(" -")]
    text = " ".join(lines)
    if missing := re.search(r"arguments are required: (.*)", text):
        text = "missing " + ", ".join(f"--{name.strip()}" for name in missing[1].split(","))
    print(f"fastnst: error: {text}; see {program} --help", file=sys.stderr)
    sys.exit(2)
