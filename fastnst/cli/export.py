"""``fastnst export``."""

from pathlib import Path

from fastnst.cli._words import Parser, add_reporting, between, check_out, report
from fastnst.cli.stylize import summed, weighted
from fastnst.errors import ConfigError


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser(
        "export",
        "MODEL --out FILE",
        "Write a style for other programs: a graph (.onnx) for ONNX Runtime and browsers, or a .pt2 for torch.",
    )
    add = parser.add_argument
    add("model", help="a bundled style by name, or a trained file")
    add("-o", "--out", required=True, help="a .onnx or a .pt2")
    add(
        "-s", "--style", help="one of the model's styles, or a picture; all of them by default, as an input of the file"
    )
    add("--mix", nargs="+", action="extend", type=weighted, metavar="STYLE:WEIGHT", help="several styles as one")
    add(
        "--strength",
        type=between(0, 1),
        default=1.0,
        help="from 0 to 1, with --style or --mix; by default an input as well",
    )
    add("--pixels", choices=("uint8", "float32"), default="uint8", help="0 to 255, or from 0 to 1, as (N, H, W, 3)")
    add("--quantize", choices=("fp16", "int8"), help="half or a quarter of the size; the difference is measured")
    add("--license", help="under which the weights may be used, for the file itself")
    add("-y", "--overwrite", action="store_true", help="replace a file that exists")
    add_reporting(parser)
    return parser


def run(argv: list[str]) -> int:
    """Export one model, and say how far it is from torch."""
    options = parser().read(argv)
    out = Path(options.out)
    if options.style is not None and options.mix:
        raise ConfigError("give either --style or --mix; a mix may be of a single style")
    check_out(out, options=options)

    from fastnst.export.publishing import check_request
    from fastnst.inference import load

    check_request(out, options.quantize)
    style = summed(options.mix) if options.mix else options.style
    stylizer = load(options.model, "cpu", "float32", "torch", style, options.strength)
    notes = stylizer.export(out, options.pixels, options.quantize, license=options.license)
    facts = {"out": str(out), "bytes": out.stat().st_size, "name": notes.name, **notes.difference}
    facts |= {"pixels": notes.pixels, "precision": notes.precision, "license": notes.license}
    report(
        options,
        f"{out}: {facts['bytes'] / 1e6:.2f} MB, {notes.precision}; differs from torch by at most "
        f"{notes.difference['largest']:g} of 255, {notes.difference['mean']:.2g} on average",
        facts,
    )
    return 0
