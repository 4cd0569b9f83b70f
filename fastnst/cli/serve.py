"""``fastnst serve``."""

import os
import sys
from argparse import ArgumentTypeError, Namespace
from importlib.util import find_spec
from pathlib import Path

from fastnst.cli._picture import amount, count
from fastnst.cli._words import Parser, add_computing, at_least, say
from fastnst.errors import ConfigError

TOKEN = "FASTNST_TOKEN"

NEEDS = ("fastapi", "python_multipart", "uvicorn")
"""Packages of the extra ``serve``."""


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser(
        "serve",
        "[--model MODEL]...",
        "Paint behind an address: a page at /, POST /v1/stylize for programs, what else there is at /docs. "
        "SIGTERM or Ctrl-C finishes what was begun; a second one ends at once.",
    )
    add = parser.add_argument
    add(
        "-m",
        "--model",
        action="append",
        help="a bundled style by name, or a trained file; may be given several times; all bundled styles by default",
    )
    add("--host", default="127.0.0.1", help="address to listen at; 0.0.0.0 for all of this machine's")
    add("--port", type=at_least(0), default=8000, help="port to listen at; 0 for any that is free")
    add("--token", help=f"what clients must send as Authorization: Bearer TOKEN; better in the environment as {TOKEN}")
    _add_limits(parser)
    _add_training(parser)
    add_computing(parser)
    parser.add_argument("--engine", choices=("auto", "torch", "onnx", "openvino"), default="auto", help="what computes")
    parser.add_argument("--quiet", action="store_true", help="print errors and warnings only")
    return parser


def _add_limits(parser: Parser) -> None:
    add = parser.add_argument_group("limits").add_argument
    add("--max_bytes", type=amount, metavar="AMOUNT", default="64MB", help="of a request")
    add(
        "--max_pixels",
        type=count,
        metavar="N",
        default=24_000_000,
        help="of a picture and its result (default: 24e6)",
    )
    add("--max_seconds", type=seconds, metavar="TIME", default="60s", help="that a request may take")
    add("--queue", type=at_least(1), metavar="N", default=64, help="requests at the same time; others are told to wait")
    add("--batch", type=at_least(1), metavar="N", default=8, help="pictures of one size that are painted at once")


def _add_training(parser: Parser) -> None:
    add = parser.add_argument_group("training").add_argument
    add("--allow_training", action="store_true", help="let clients have styles trained, by POST /v1/styles")
    add("--styles_folder", metavar="FOLDER", default="styles", help="where these are kept, and found again")
    add("--photos", metavar="PHOTOS", help="as for fastnst train; by default those of fastnst[samples]")
    add("--training_budget", metavar="TIME", default="3m", help="time of a training")


def seconds(word: str) -> float:
    """Read a time."""
    from fastnst.budget import parse_time

    try:
        return parse_time(word)
    except ConfigError as error:
        raise ArgumentTypeError(str(error)) from None


def run(argv: list[str]) -> int:
    """Serve until a signal comes."""
    options = parser().read(argv)
    token = options.token or os.environ.get(TOKEN) or None
    if missing := [name for name in NEEDS if find_spec(name) is None]:
        raise ConfigError(f"serving needs {', '.join(missing)}; pip install 'fastnst[serve]'")

    from fastnst.serve import Limits, ServeJob
    from fastnst.serve.server import run as serve

    limits = Limits(options.max_bytes, options.max_pixels, options.max_seconds, options.queue, options.batch)
    job = ServeJob(
        models=tuple(options.model or ()),
        host=options.host,
        port=options.port,
        token=token,
        limits=limits,
        device=options.device,
        precision=options.precision,
        engine=options.engine,
        allow_training=options.allow_training,
        styles_folder=Path(options.styles_folder),
        photos=options.photos,
        budget=options.training_budget,
        seed=options.seed,
    )
    code = serve(job, lambda address: _welcome(options, address, bool(token)))
    if code:  # what the threads compute cannot be cut short
        sys.stdout.flush()
        os._exit(code)
    return code


def _welcome(options: Namespace, address: str, token: bool) -> None:
    """Say where to go, and who else may."""
    from fastnst.serve.guard import is_loopback

    if not token and not is_loopback(options.host):
        what = f"{options.host} can be reached by others, and no token is set ({TOKEN})"
        print(f"fastnst: warning: {what}", file=sys.stderr)
    options.json = False
    opened = f"{address} (first with ?token= and the token)" if token else address
    say(options, f"serving at {opened}; the API is at {address}docs; Ctrl-C stops")
