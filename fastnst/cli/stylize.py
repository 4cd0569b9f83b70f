"""``fastnst stylize``."""

import glob
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fastnst import __version__
from fastnst.assets import find_style
from fastnst.cli import EXIT_PARTLY
from fastnst.cli._parser import Parser, truth
from fastnst.errors import ConfigError

if TYPE_CHECKING:
    from fastnst.inference import Stylizer


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser(prog="fastnst stylize", description="Paint pictures with a trained network.")
    parser.add_argument("input", nargs="+", help="pictures, folders of pictures, or patterns such as 'photos/*.jpg'")
    parser.add_argument(
        "--model", required=True, help="a style that comes along (see fastnst models), or a trained file"
    )
    parser.add_argument(
        "--out", help="a .png, .jpg or .webp for one picture, a folder for several; named after the style by default"
    )
    parser.add_argument(
        "--overwrite",
        type=truth,
        default=False,
        metavar="{true,false}",
        help="replace pictures that exist (true or false)",
    )
    parser.add_argument("--device", help="cuda, mps or cpu; the best there is by default")
    parser.add_argument(
        "--precision", choices=("float32", "bfloat16"), help="bfloat16 by default where it is in hardware"
    )
    parser.add_argument(
        "--engine",
        choices=("torch", "openvino"),
        default="torch",
        help="what computes; openvino is a little faster on a CPU (pip install 'fastnst[openvino]')",
    )
    return parser


def run(argv: list[str]) -> int:
    """Paint every input; broken ones are reported and passed over where there are several."""
    options = parser().parse_intermixed_args(_bare_flag(argv, "--overwrite"))
    model = find_style(options.model)
    inputs = expand(options.input)
    several = len(inputs) > 1 or Path(options.input[0]).is_dir()
    out = options.out or default_out(inputs[0][0], model, several)
    jobs = plan(inputs, out, several)
    check(jobs, options.overwrite)

    from fastnst.atomic import check_writable
    from fastnst.inference import load

    for folder in {target.parent for _, target in jobs}:
        check_writable(folder)
    stylizer = load(model, options.device, options.precision, options.engine)
    if not options.out:
        print(f"painting to {out}")
    return paint(stylizer, jobs, str(options.model))


def expand(inputs: Sequence[str]) -> list[tuple[Path, Path]]:
    """List the pictures meant, each with its path below the folder it was found in.

    Raises:
        ConfigError: Nothing there, or a folder or pattern without pictures.
    """
    from fastnst.images import EXTENSIONS

    found: list[tuple[Path, Path]] = []
    for text in inputs:
        path = Path(text)
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in EXTENSIONS)
            new = [(picture, picture.relative_to(path)) for picture in inside]
        elif path.exists() or not glob.has_magic(text):
            new = [(path, Path(path.name))]
        else:
            new = [(Path(name), Path(Path(name).name)) for name in sorted(glob.glob(text, recursive=True))]
            new = [(name, below) for name, below in new if name.is_file() and name.suffix.lower() in EXTENSIONS]
        if not new:
            raise ConfigError(f"{text}: holds no pictures ({', '.join(sorted(EXTENSIONS))})")
        found += new
    return found


def default_out(picture: Path, model: Path, several: bool) -> str:
    """Name the result after picture and style, in the current folder; several go into a folder called like the style.

    A ``style.safetensors`` is called like the folder of its run.
    """
    from fastnst.images import WRITABLE

    style = model.absolute().parent.name if model.name == "style.safetensors" else model.stem
    if several:
        return style
    return f"{picture.stem}_{style}{picture.suffix if picture.suffix.lower() in WRITABLE else '.png'}"


def plan(inputs: list[tuple[Path, Path]], out: str, several: bool) -> list[tuple[Path, Path]]:
    """Pair each picture with the file it becomes.

    One picture goes to the file ``out``, or into it if it has no known extension; several go into the folder ``out``
    under their own names, as PNG where the original's format is not written.

    Raises:
        ConfigError: Several pictures for one file, or two pictures of one name.
    """
    from fastnst.images import WRITABLE

    if not several and Path(out).suffix and not Path(out).is_dir():
        if Path(out).suffix.lower() not in WRITABLE:
            raise ConfigError(f"--out {out}: write .png, .jpg or .webp, or name a folder")
        return [(inputs[0][0], Path(out))]
    if Path(out).suffix.lower() in WRITABLE:
        raise ConfigError(f"--out {out}: {len(inputs)} pictures want a folder, not a file")
    jobs = [(s, Path(out) / (b if b.suffix.lower() in WRITABLE else b.with_suffix(".png"))) for s, b in inputs]
    seen: dict[Path, Path] = {}
    for source, target in jobs:
        if target in seen:
            raise ConfigError(f"{seen[target]} and {source} would both become {target}; paint them in two calls")
        seen[target] = source
    return jobs


def check(jobs: list[tuple[Path, Path]], overwrite: bool) -> None:
    """Refuse, before any work, to lose a file.

    Raises:
        ConfigError: A target exists, or is the source itself.
    """
    for source, target in jobs:
        if target.exists() and source.exists() and target.samefile(source):
            raise ConfigError(f"{target}: would replace its own source; choose another --out")
    existing = [target for _, target in jobs if target.exists()]
    if existing and not overwrite:
        more = f" and {len(existing) - 1} more" if len(existing) > 1 else ""
        raise ConfigError(f"{existing[0]}{more} exists; choose another --out, or --overwrite true")


def paint(stylizer: "Stylizer", jobs: list[tuple[Path, Path]], model: str) -> int:
    """Paint all jobs; with more than one, show progress and carry on behind a broken picture."""
    from fastnst.devices import reuse_memory
    from fastnst.images import ImageError, write_image

    reuse_memory()
    if len(jobs) == 1:
        source, target = jobs[0]
        write_image(stylizer(source), target, note(model, source, target))
        return 0
    from tqdm import tqdm

    failed = 0
    for source, target in tqdm(jobs, desc="stylize", unit="picture", disable=None):
        try:
            write_image(stylizer(source), target, note(model, source, target))
        except (ImageError, FloatingPointError) as error:
            failed += 1
            tqdm.write(f"fastnst: error: {error}", file=sys.stderr)
    print(f"painted {len(jobs) - failed} of {len(jobs)} pictures")
    return (EXIT_PARTLY if failed < len(jobs) else 1) if failed else 0


def note(model: str, source: Path, target: Path) -> dict[str, object]:
    """Say how a picture was made, for the file itself."""
    words = ["fastnst", "stylize", "--model", model, str(source), "--out", str(target)]
    return {"fastnst": __version__, "command": words, "settings": {"model": model}}


def _bare_flag(argv: list[str], flag: str) -> list[str]:
    """Let ``--overwrite`` alone mean ``--overwrite true``."""
    following = [*argv, "--"][1:]
    return [
        f"{word}=true" if word == flag and after.lower() not in ("true", "false", "yes", "no") else word
        for word, after in zip(argv, following, strict=True)
    ]
