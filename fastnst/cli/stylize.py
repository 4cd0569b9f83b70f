"""``fastnst stylize``."""

from argparse import ArgumentTypeError
from dataclasses import replace
from math import inf, nan

from fastnst.cli import _video
from fastnst.cli._picture import add_picture, name_job, prefer_typed, take_several
from fastnst.cli._words import Parser, add_computing, add_reporting, add_writing, between, may_exist, refuse_existing
from fastnst.errors import ConfigError


def parser() -> Parser:
    """Build the parser; imports nothing heavy.

    An option that is called like a setting of :class:`fastnst.inference.job.StylizeJob` goes into the job as it is.
    """
    parser = Parser("stylize", "PICTURE... --model MODEL | --style STYLE", "Paint pictures with a trained network.")
    parser.add_argument(
        "input",
        nargs="+",
        help="pictures, folders, patterns such as 'photos/*.jpg', also at addresses such as s3://bucket/photos; - for "
        "standard input; or one video, or camera",
    )
    _add_look(parser)
    _add_output(parser)
    add_picture(parser)
    add_computing(parser)
    parser.add_argument(
        "--engine",
        choices=("auto", "torch", "onnx", "openvino", "ray"),
        default="auto",
        help="what computes on a CPU; by itself torch, or ONNX Runtime where the model is a .onnx; or "
        "ray: a folder is painted by all machines of a Ray cluster",
    )
    _video.add_video(parser)
    add_reporting(parser)
    return parser


def _add_look(parser: Parser) -> None:
    """Add what decides how a picture looks; each is a setting of the job, and named in its ``LOOK``."""
    add = parser.add_argument
    add(
        "-m",
        "--model",
        action="append",
        help="a bundled style by name (see fastnst models), a trained file, hf://USER/NAME, or an exported .onnx; "
        "several, with a --mask each, for places",
    )
    add(
        "-s",
        "--style",
        action="append",
        help="one of the model's styles by name, or a picture to paint like; without --model, any picture, or what "
        "--model takes; several as --model",
    )
    add(
        "--mix",
        nargs="+",
        action="extend",
        type=weighted,
        metavar="STYLE:WEIGHT",
        help="several styles at once, such as wave:0.3 starry:0.7",
    )
    add("--strength", type=between(0, 1), default=1.0, help="from 0, the photograph as it is, to 1, all of the style")


def _add_output(parser: Parser) -> None:
    add = parser.add_argument
    add(
        "-o",
        "--out",
        help="a .png, .jpg, .webp, .tif or .gif for one picture, a folder for several, or - for standard output; also "
        "at an address; named after the style by default; with --engine ray, x.parquet asks for tables",
    )
    add(
        "--format",
        metavar="png|jpg|webp|tif|gif",
        help="of what is written where --out does not tell it; by default png on standard output, and in a folder that "
        "of each picture",
    )
    add(
        "--manifest",
        metavar="FILE",
        help="gets a line of JSON about every picture as it goes; by default manifest.jsonl in the folder of the "
        "results, where there are several",
    )
    add_writing(parser, skip_existing=True)


def run(argv: list[str]) -> int:
    """Paint every input; broken ones are reported at the end, and the others are painted."""
    words = parser()
    options = words.read(argv)
    prefer_typed(options, argv)
    if options.style and options.mix:
        raise ConfigError("give either --style or --mix; a mix may be of a single style")
    take_several(options)
    options.style = summed(options.mix) if options.mix else options.style
    if _video.is_asked(options):
        return _video.run(options, words)

    import torch

    from fastnst.cli._painting import make_job, paint_batch, paint_one
    from fastnst.cli._pipe import paint_between
    from fastnst.inference.manifest import NAME
    from fastnst.inference.plan import plan
    from fastnst.remote import place

    torch.manual_seed(options.seed)
    job = make_job(options, manifest=None)
    name = name_job(job)
    if options.engine == "ray":
        from fastnst.cli._fleet import paint_on_cluster

        return paint_on_cluster(job, options, name)
    if "-" in (*options.input, options.out):
        return paint_between(job, options)
    planned = plan(options.input, options.out, name, options.format)
    if not may_exist(options):
        refuse_existing(planned.existing(), options)
    if planned.folder and planned.folder.suffix == ".parquet":
        raise ConfigError(f"--out {options.out}: tables are written by --engine ray; give it, or name another folder")
    manifest = place(options.manifest) if options.manifest else planned.folder and planned.folder / NAME
    job = replace(job, tasks=planned.tasks, manifest=manifest)
    return paint_batch(job, options) if planned.folder else paint_one(job, options)


def weighted(word: str) -> tuple[str, float]:
    """Read ``wave:0.3``."""
    name, _, weight = word.rpartition(":")
    try:
        value = float(weight)
    except ValueError:
        value = nan
    if not name or not 0 <= value < inf:
        raise ArgumentTypeError(f"{word!r} is not STYLE:WEIGHT, as wave:0.3; pictures to paint stand before --mix")
    return name, value


def summed(mix: list[tuple[str, float]]) -> dict[str, float]:
    """Add up the weights of a style that is named twice."""
    total: dict[str, float] = {}
    for name, weight in mix:
        total[name] = total.get(name, 0.0) + weight
    return total
