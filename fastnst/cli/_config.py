"""Configs on the command line: ``--config NAME`` stands for the settings of a YAML file, written as words."""

import argparse
import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from fastnst.assets import find_config, read_config
from fastnst.errors import ConfigError
from fastnst.registry import guess


def take_configs(words: list[str], command: str) -> tuple[list[Path], list[str]]:
    """Take ``--config NAME`` and ``-c NAME`` out of the words; return the files they name, and the other words.

    Raises:
        ConfigError: No such config, or one of another command.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-c", "--config", action="append", default=[])
    try:
        options, rest = parser.parse_known_args(words)
    except argparse.ArgumentError:
        raise ConfigError("--config wants the name of a config, or a YAML file") from None
    files = [find_config(name, command) for name in options.config]
    for file in files:
        read_config(file)  # train hands files on to a parser that does not check so much
    return files, rest


def expand_configs(words: list[str], command: str, known: Collection[str]) -> list[str]:
    """Put the settings of the configs named by ``--config`` in front of the other words.

    Args:
        words: As they were typed.
        command: Whose configs are looked up.
        known: Names of its options, ``--size``.

    Raises:
        ConfigError: No such config, one of another command, or one that sets what there is no option for.
    """
    files, rest = take_configs(words, command)
    return [*(word for file in files for word in _words(file, known)), *rest]


def _words(file: Path, known: Collection[str]) -> Iterator[str]:
    for name, value in _flat(read_config(file), known):
        if name not in known or name in ("--help", "--config"):
            raise ConfigError(f"{file}: unknown setting {name[2:][:80]}{guess(name[:80], known)}")
        words = _option(name, value)
        if any(word.startswith("--") for word in words[1:]):
            raise ConfigError(f"{file}: {name[2:]} holds a word that begins like an option")
        yield from words


def _flat(settings: dict[str, Any], known: Collection[str], above: str = "--") -> Iterator[tuple[str, Any]]:
    """Give nested settings the dotted names of options."""
    for key, value in settings.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and name not in known:
            yield from _flat(value, known, f"{name}.")
        else:
            yield name, value


def _option(name: str, value: Any) -> list[str]:
    """Write one setting as words; a flag that is false is left out."""
    if value is True:
        return [name]
    if value is False:
        return []
    if isinstance(value, list):
        return [name, *map(_text, value)]
    return [f"{name}={_text(value)}"]


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value, default=str)
    return "null" if value is None else str(value)
