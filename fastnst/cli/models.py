"""``fastnst models``."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnst import assets
from fastnst.cli._parser import Parser
from fastnst.errors import ConfigError

if TYPE_CHECKING:
    from fastnst.checkpoint import Metadata
    from fastnst.networks import TransformationNetwork

COLUMNS, ROWS = 24, 8


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser(prog="fastnst models", description="Show the trained styles that come with fastnst.")
    parser.add_argument("name", nargs="?", help="show the card of this style")
    parser.add_argument("--json", action="store_true", help="print how they were made and judged, as JSON")
    return parser


def run(argv: list[str]) -> int:
    """List the styles, or show one."""
    options = parser().parse_args(argv)
    styles = {options.name: assets.style_path(options.name)} if options.name else assets.styles()
    if options.json:
        print(json.dumps({name: facts(path) for name, path in styles.items()}, indent=2))
    elif options.name:
        print(card(styles[options.name]))
    else:
        print(listing(styles) or "no styles come with this installation")
    return 0


def card(path: Path) -> str:
    """Return the text beside a style.

    Raises:
        ConfigError: There is none.
    """
    text = path.with_suffix(".md")
    if not text.is_file():
        raise ConfigError(f"{path.stem} has no card; fastnst models {path.stem} --json tells what its file says")
    return text.read_text("utf-8").rstrip()


def facts(path: Path) -> dict[str, Any]:
    """Return the metadata of one file, or what is wrong with it, as plain data."""
    from fastnst.checkpoint import CheckpointError, read_metadata

    try:
        metadata = asdict(read_metadata(path))
        for style in metadata["styles"]:
            style.pop("picture", None)  # long, and nothing to read
        return {"file": str(path), "bytes": path.stat().st_size, **metadata}
    except CheckpointError as error:
        return {"file": str(path), "error": str(error)}


def listing(styles: dict[str, Path]) -> str:
    """Show all styles, on one thread: more cost small pictures many times what they give where cores are busy."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return "\n\n".join(entries(styles))
    finally:
        torch.set_num_threads(threads)


def entries(styles: dict[str, Path]) -> Iterator[str]:
    """Show each style: a landscape painted with it beside what there is to say; a damaged file takes one line."""
    from fastnst.assets.samples import draw_landscape
    from fastnst.cli._terminal import colors_of, draw
    from fastnst.inference import load

    landscape, colors = draw_landscape(), colors_of(sys.stdout)
    for name, path in styles.items():
        try:
            stylizer = load(path, "cpu", "float32")
            thumbnail = draw(stylizer(landscape), COLUMNS, ROWS, colors)
        except ValueError as error:
            yield f"{name}: {error}"
            continue
        assert stylizer.metadata is not None
        lines = [name, *artwork(stylizer.metadata), network_line(stylizer.network, path), judged(stylizer.metadata)]
        lines.append(f"fastnst stylize --model {name} photo.jpg")
        pairs = zip_longest(thumbnail, filter(None, lines), fillvalue="")
        yield "\n".join(f"{left:{COLUMNS}}  {right}".rstrip() for left, right in pairs)


def artwork(metadata: "Metadata") -> list[str]:
    """Say what picture is imitated and who made it, as far as that is known."""
    style = metadata.styles[0] if metadata.styles else {}
    title = ", ".join(style[key] for key in ("title", "date") if style.get(key))
    return [line for line in (title, style.get("artist", "")) if line]


def network_line(network: "TransformationNetwork", path: Path) -> str:
    """Say which network it is, and how large."""
    from fastnst.checkpoint import network_name

    options = ", ".join(f"{key} {value}" for key, value in network.config.items())
    count = sum(parameter.numel() for parameter in network.parameters())
    return f"{network_name(network)} ({options}), {count:,} parameters, {path.stat().st_size / 1e6:.2f} MB"


def judged(metadata: "Metadata") -> str:
    """Say how far held-out photographs were from content and style, by kind of term; nothing if nobody looked."""
    kinds: dict[str, float] = {}
    for term, value in metadata.judged.get("terms", {}).items():
        kind = term.split("/")[0]
        kinds[kind] = kinds.get(kind, 0.0) + value
    shares = ", ".join(f"{kind} {value:.3g}" for kind, value in kinds.items() if kind != "loss")
    return f"{shares} on {metadata.judged['photos']} held-out photographs" if shares else ""
