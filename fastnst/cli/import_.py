"""``fastnst import``."""

from argparse import Namespace
from pathlib import Path

from fastnst.cli._words import Parser, add_reporting, add_writing, check_out, report
from fastnst.errors import ConfigError


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser(
        "import",
        "FILE",
        "Make a style of a network that another program trained: pytorch/examples, gordicaleksa, rrmina, yakhyo, "
        "eriklindernoren, igreat, lengstrom (as .npz), jcjohnson (.t7) or the ONNX zoo. It paints as it did there.",
    )
    add = parser.add_argument
    add("file", help="a .pth, .pt, .model, .safetensors, .npz, .onnx or .t7 file; nothing in it is executed")
    add("-o", "--out", metavar="FILE", help="the .safetensors to write; named after the file by default")
    add_writing(parser)
    add(
        "--license", default="", metavar="TEXT", help="terms of the weights, to be kept in the style (default: unknown)"
    )
    add_reporting(parser)
    return parser


def run(argv: list[str]) -> int:
    """Import one file."""
    options = parser().read(argv)
    out = _out(options)
    check_out(out, options=options)

    from fastnst.checkpoint import save_checkpoint, style_name
    from fastnst.importers import ImportJob
    from fastnst.importers import run as import_

    imported = import_(ImportJob(options.file, style_name(out), options.license))
    save_checkpoint(out, imported.network, imported.metadata)
    origin = imported.metadata.origin
    count = sum(parameter.numel() for parameter in imported.network.parameters())
    line = f"{out}: a network of {origin['program']}, {count:,} parameters, license {origin['license']}; paint with: "
    report(options, f"{line}fastnst stylize --model {out} PHOTO", {"target": str(out), "parameters": count, **origin})
    return 0


def _out(options: Namespace) -> Path:
    out = Path(options.out or f"{Path(options.file).stem}.safetensors")
    if out.suffix != ".safetensors":
        raise ConfigError(f"--out {out}: must be the name of a .safetensors file")
    if out.exists() and Path(options.file).exists() and out.samefile(options.file):
        raise ConfigError(f"{out} would replace the file that it is made of; give another --out")
    return out
