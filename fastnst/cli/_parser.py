"""What the commands' parsers have in common."""

import argparse
import re
import sys
from typing import NoReturn

from fastnst.assets import find_config


def with_configs(argv: list[str], command: str) -> list[str]:
    """Replace the names behind ``--config`` by paths."""
    found, expect = [], False
    for word in argv:
        if expect:
            word = str(find_config(word, command))
        elif word.startswith("--config="):
            word = f"--config={find_config(word.removeprefix('--config='), command)}"
        expect = word == "--config"
        found.append(word)
    return found


class Parser(argparse.ArgumentParser):
    """Report a usage error as one line and exit with 2; for commands whose options are few and plain.

    The standard library's parser starts at once, jsonargparse's takes a quarter of a second.
    """

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(prog, description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        fail(message.replace("the following arguments are required:", "missing"), self.prog)


def truth(word: str) -> bool:
    """Read ``true`` or ``false``."""
    if word.lower() not in ("true", "yes", "false", "no"):
        raise argparse.ArgumentTypeError(f"{word!r} is neither true nor false")
    return word.lower() in ("true", "yes")


def fail(message: str, program: str) -> NoReturn:
    """Say what is wrong with the command line, in one line and in the words of the command line; exit with 2."""
    lines = [line.strip(" -") for line in str(message).splitlines() if line.strip(" -")]
    text = " ".join(lines)
    if missing := re.search(r"arguments are required: (.*)", text):
        text = "missing " + ", ".join(f"--{name.strip()}" for name in missing[1].split(","))
    print(f"fastnst: error: {text}; see {program} --help", file=sys.stderr)
    sys.exit(2)
