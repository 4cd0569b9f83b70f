"""What ``fastnst stylize`` paints with: the words for places, colors and files, and what is painted by name."""

from argparse import ArgumentTypeError, Namespace
from collections.abc import Sequence
from math import inf, nan
from typing import TYPE_CHECKING

from fastnst.cli._words import Parser, at_least, before_separator, between
from fastnst.errors import ConfigError

if TYPE_CHECKING:
    from fastnst.inference.job import StylizeJob


def add_picture(parser: Parser) -> None:
    """Add where and in which colors to paint, and what to read and keep."""
    add = parser.add_argument_group("picture").add_argument
    masks = "one for each model or style: white paints, black keeps; pictures to paint stand before it"
    add("--mask", nargs="+", action="extend", metavar="PICTURE", help=masks)
    add("--color", choices=("style", "content"), default="style", help="whose colors the result has")
    methods = ("luminance", "covariance", "histogram")
    add("--color_by", choices=methods, default="luminance", help="how --color content keeps the photograph's")
    add(
        "--stroke",
        type=between(0.5, 2),
        default=1.0,
        help="size of the strokes, from 0.5 to 2; 1 is what the model paints",
    )
    add("--size", type=longer_side, metavar="PIXELS", help="longer side of the result; 'original' by default")
    add("--memory", type=amount, metavar="AMOUNT", help="to work with, as 2GB; a share of what is free by default")
    add(
        "--statistics",
        choices=("exact", "thumbnail"),
        default="exact",
        help="of pictures larger than the memory: their own, or faster, those of a reduced copy",
    )
    add("--salvage", action="store_true", help="use broken pictures as far as they can be decoded")
    limit = "of the largest picture that is read, such as 4e8 (default: 178e6)"
    add("--max_pixels", type=count, metavar="N", default=178_000_000, help=limit)
    add("--keep_metadata", action="store_true", help="keep the place of a photograph, its maker's notes, and XMP")


def longer_side(word: str) -> int | None:
    """Read a size in pixels, or ``original``."""
    return None if word == "original" else at_least(1)(word)


def amount(word: str) -> int:
    """Read an amount of memory."""
    from fastnst.memory import parse_memory

    try:
        return parse_memory(word)
    except ConfigError as error:
        raise ArgumentTypeError(str(error)) from None


def count(word: str) -> int:
    """Read a positive number such as ``400000000`` or ``4e8``."""
    try:
        value = float(word)
    except ValueError:
        value = nan
    if not 1 <= value < inf:
        raise ArgumentTypeError(f"{word!r} is not a number of pixels, as 4e8")
    return int(value)


def prefer_typed(options: Namespace, argv: Sequence[str]) -> None:
    """Drop the models and styles of a config where others were typed, which stand behind them."""
    for name in ("model", "style"):
        typed = sum(
            word.partition("=")[0] == f"--{name}" or word[:2] == f"-{name[0]}" for word in before_separator(argv)
        )
        if typed:
            setattr(options, name, getattr(options, name)[-typed:])


def take_several(options: Namespace) -> None:
    """Leave a single model or style as it is, and make tuples of several and of masks, as a job has them."""
    options.model, options.style = _one_or_several(options.model), _one_or_several(options.style)
    options.mask = tuple(options.mask or ())


def name_job(job: "StylizeJob") -> str:
    """Name what is painted; checks that there are such models."""
    from fastnst.inference.choice import find_model, name_result

    names = []
    for model, style in job.layers():
        file, chosen = find_model(model, style)
        names.append(name_result(file, None if chosen is None else style, job.strength))
    return "_".join(names)


def _one_or_several(words: list[str] | None) -> str | tuple[str, ...] | None:
    return None if not words else words[0] if len(words) == 1 else tuple(words)
