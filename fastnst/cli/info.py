"""``fastnst info``."""

import json
import shlex
from pathlib import Path
from typing import Any

from fastnst.cli._parser import Parser
from fastnst.errors import ConfigError


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser(prog="fastnst info", description="Say how a picture or a style was made, and how to repeat it.")
    parser.add_argument("file", help="a picture written by fastnst, a trained style (file or name), or a .resume file")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    return parser


def run(argv: list[str]) -> int:
    """Show what a file says of itself."""
    options = parser().parse_args(argv)
    facts = read(options.file)
    if options.json:
        print(json.dumps(facts, indent=2))
        return 0
    for name, value in flat(facts):
        print(f"{name:<28}{value}")
    if command := facts.get("command"):
        print(f"\nto repeat it:\n  {shlex.join(command)}")
    return 0


def read(file: str) -> dict[str, Any]:
    """Return what a file says of itself, as plain data.

    Raises:
        ConfigError: It says nothing.
    """
    path = Path(file)
    if path.suffix == ".resume":
        from fastnst.optimize.state import read_settings

        return read_settings(path)
    from fastnst.images import EXTENSIONS, read_note

    if path.suffix.lower() not in EXTENSIONS:
        from fastnst.assets import find_style
        from fastnst.cli.models import facts

        said = facts(find_style(file))
        if "error" in said:
            raise ConfigError(said["error"])
        return said
    note = read_note(file)
    if note is None:
        raise ConfigError(f"{file}: says nothing of how it was made; only pictures written by fastnst do")
    return note


def flat(data: dict[str, Any], above: str = "") -> list[tuple[str, Any]]:
    """Give nested settings their dotted names; leave out what is not set."""
    lines: list[tuple[str, Any]] = []
    for key, value in data.items():
        if isinstance(value, dict) and value:
            lines += flat(value, f"{above}{key}.")
        elif key != "command" and value not in (None, {}, []):
            lines.append((above + key, f"{value:.4g}" if isinstance(value, float) else value))
    return lines
