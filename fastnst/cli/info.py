"""``fastnst info``."""

import json
import shlex
from pathlib import Path
from typing import Any

from fastnst.cli._words import Parser


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser("info", "FILE", "Tell how a picture, a style or a run was made, and how to repeat it.")
    parser.add_argument(
        "file",
        help="a picture written by fastnst, a video, a style (file or name), or an .onnx, .resume or .ckpt file",
    )
    parser.add_argument(
        "--flicker", metavar="ORIGINAL", help="measure how much a painted video flickers more than its original"
    )
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    return parser


def run(argv: list[str]) -> int:
    """Show what a file says of itself; a style with a card shows that."""
    options = parser().read(argv)

    if options.flicker:
        from fastnst.cli._video import tell_flicker

        return tell_flicker(options)

    from fastnst.about import about

    facts = about(options.file)
    if options.json:
        print(json.dumps(facts, indent=2))
    elif card := _card(facts):
        print(card)
    else:
        for name, value in flat(facts):
            print(f"{name:<28}{value}")
    if not options.json and (command := facts.get("command")):
        print(f"\nto repeat it:\n  {shlex.join(command)}")
    return 0


def _card(facts: dict[str, Any]) -> str:
    """Return the text beside a style, if there is one."""
    file = Path(facts.get("file") or "none")
    card = file.with_suffix(".md")
    return card.read_text("utf-8").rstrip() if file.suffix == ".safetensors" and card.is_file() else ""


def flat(data: dict[str, Any], above: str = "") -> list[tuple[str, Any]]:
    """Give nested settings their dotted names; leave out what is not set."""
    lines: list[tuple[str, Any]] = []
    for key, value in data.items():
        if isinstance(value, dict) and value:
            lines += flat(value, f"{above}{key}.")
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            for number, item in enumerate(value):
                lines += flat(item, f"{above}{key}.{number}.")
        elif key != "command" and value not in (None, {}, [], ""):
            lines.append((above + key, _written(value)))
    return lines


def _written(value: Any) -> Any:
    """Shorten a number, and list words without quotes."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return f"{value:.4g}" if isinstance(value, float) else value
