"""``fastnst models``."""

import json
import sys
from argparse import SUPPRESS
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastnst import assets
from fastnst.cli._words import Parser
from fastnst.errors import ConfigError

if TYPE_CHECKING:
    from PIL.Image import Image

    from fastnst.inference import Stylizer

COLUMNS, ROWS = 24, 8
ORIGIN = ("title", "artist", "date")


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser("models", "", "List the bundled styles; fastnst info NAME tells about one.")
    parser.add_argument("name", nargs="?", help=SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print name, file and origin of each, as JSON")
    return parser


def run(argv: list[str]) -> int:
    """List the styles."""
    options = parser().read(argv)
    if options.name:
        raise ConfigError(f"fastnst models lists all styles; fastnst info {options.name} tells about one")
    styles = assets.styles()
    if options.json:
        print(json.dumps([_facts(name, path) for name, path in styles.items()], indent=2))
    else:
        print(listing(styles) or "this installation has no bundled styles")
    return 0


def _facts(name: str, path: Path) -> dict[str, Any]:
    """Return what a list shows of one style, or what is wrong with its file."""
    from fastnst.checkpoint import CheckpointError, read_metadata

    entry = {"name": name, "file": str(path), "bytes": path.stat().st_size}
    try:
        styles = read_metadata(path).styles
    except CheckpointError as error:
        return entry | {"error": str(error)}
    if len(styles) > 1:
        return entry | {"styles": [{key: style.get(key, "") for key in ("name", *ORIGIN)} for style in styles]}
    return entry | {key: next(iter(styles), {}).get(key, "") for key in ORIGIN}


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
    from fastnst.about import artwork, judged, network_line
    from fastnst.assets.samples import draw_landscape
    from fastnst.cli._terminal import colors_of, draw
    from fastnst.inference import load

    landscape, colors = draw_landscape(), colors_of(sys.stdout)
    for name, path in styles.items():
        try:
            stylizer = load(path, "cpu", "float32")
            thumbnail = draw(_painted(stylizer, landscape), COLUMNS, ROWS, colors)
        except ValueError as error:
            yield f"{name}: {error}"
            continue
        assert stylizer.metadata is not None
        lines = [name, *artwork(stylizer.metadata), network_line(stylizer.network, path), judged(stylizer.metadata)]
        choice = f" --style {stylizer.styles[0]}" if len(stylizer.styles) > 1 else ""
        lines.append(f"fastnst stylize --model {name}{choice} photo.jpg")
        pairs = zip_longest(thumbnail, filter(None, lines), fillvalue="")
        yield "\n".join(f"{left:{COLUMNS}}  {right}".rstrip() for left, right in pairs)


def _painted(stylizer: "Stylizer", landscape: "Image") -> "Image":
    """Paint a landscape; of several styles, each paints an upright stripe of it."""
    if len(stylizer.styles) < 2:
        return stylizer(landscape)
    painted = landscape.copy()
    edges = [round(i * landscape.width / len(stylizer.styles)) for i in range(len(stylizer.styles) + 1)]
    for style, left, right in zip(stylizer.styles, edges, edges[1:], strict=False):
        stripe = (left, 0, right, landscape.height)
        painted.paste(stylizer.styled(style)(landscape).crop(stripe), stripe)
    return painted
