"""``fastnst optimize``."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from jsonargparse import ActionConfigFile, ArgumentParser, Namespace

from fastnst.cli import EXIT_PARTLY
from fastnst.cli._parser import fail, with_configs
from fastnst.errors import ConfigError

if TYPE_CHECKING:
    from fastnst.cli._painting import Outcome

ColorMethod = Literal["luminance", "covariance", "histogram"]

PHOTOREALISTIC = 3.0
"""Style weight at which a photograph seems taken in the other's light; at 30 trees glow and domes go dark."""

OUT = "the .png, .jpg or .webp to write; or a folder, for every content with every style and every style weight"
INIT = (
    "begin at the content, at noise, at the style, at the best of these, at any picture, or at what a trained network "
    "(a name from fastnst models, or a file) makes of the content"
)


class Parser(ArgumentParser):
    """Report a usage error as one line and exit with 2."""

    def error(self, message: str, ex: Exception | None = None) -> Any:
        fail(message.replace("Parser key ", ""), self.prog)


def parser() -> Parser:
    """Build the parser; the loss and the descent are spelled like the parameters they set."""
    from fastnst.losses import LossConfig
    from fastnst.optimize import OptimizeConfig

    parser = Parser(prog="fastnst optimize", description="Paint a picture by optimizing it (Gatys et al.).")
    add = parser.add_argument
    add("--config", action=ActionConfigFile, help="a recipe by name, or a YAML file of any of these options")
    add("--content", required=True, nargs="+", type=str, help="the photograph, or several")
    add("--style", required=True, nargs="+", type=str, help="the picture to imitate, or several")
    add("--out", required=True, type=str, help=OUT)
    add("--size", type=int, default=512, help="pixels of the longer side of the result")
    add("--style_size", type=int | None, default=384, help="pixels of the style's shorter side: the size of strokes")
    add("--style_weight", nargs="+", type=float, help="in place of loss.style_weight; or several, into a folder")
    add("--style_mix", nargs="+", type=float, help="the share of each style in one picture; equal by default")
    add("--mask", nargs="+", type=str, help="a picture for each style: white paints, black keeps the photograph")
    add("--color", type=Literal["style", "content"], default="style", help="whose colors the result has")
    add("--color_by", type=ColorMethod, default="luminance", help="how --color content keeps the photograph's")
    add("--init", type=str, default="content", help=INIT)
    add("--resume", nargs="?", const="auto", type=str, help="go on where --out was interrupted, or from another file")
    add("--preview", type=int | None, help="write the picture every so many steps, into a folder beside --out")
    add("--overwrite", nargs="?", const=True, type=bool, default=False, help="replace pictures that exist")
    add("--log", type=str | None, help="folder for a TensorBoard log of every term and the picture")
    add("--device", type=str | None, help="cuda, mps or cpu; the best there is by default")
    parser.add_class_arguments(OptimizeConfig)
    parser.add_class_arguments(LossConfig, "loss")
    return parser


@dataclass(frozen=True)
class Job:
    """One picture to paint."""

    content: str
    styles: tuple[str, ...]
    out: Path
    style_weight: float | None
    words: tuple[str, ...]

    @property
    def command(self) -> list[str]:
        """The words that repeat this picture alone."""
        weight = [] if self.style_weight is None else ["--style_weight", f"{self.style_weight:g}"]
        own = ["--content", self.content, "--style", *self.styles, "--out", str(self.out), *weight]
        return ["fastnst", "optimize", *own, *self.words]


def run(argv: list[str]) -> int:
    """Optimize every picture asked for; the broken ones among several are reported and passed over."""
    options = _parse(with_configs(argv, "optimize"))
    jobs = plan(options, argv)
    _check(options, jobs)

    from fastnst.cli._painting import Studio

    studio = Studio(options)
    failures = 0
    for number, job in enumerate(jobs, 1):
        if len(jobs) > 1:
            print(f"[{number}/{len(jobs)}] {job.out}", flush=True)
        try:
            outcome: Outcome = studio.paint(job)
        except (ValueError, OSError, FloatingPointError) as error:
            if len(jobs) == 1:
                raise
            failures += 1
            print(f"fastnst: {error}", file=sys.stderr)
            continue
        if outcome.signal:
            return 128 + outcome.signal
    if failures:
        print(f"fastnst: {failures} of {len(jobs)} pictures could not be painted", file=sys.stderr)
    return 0 if not failures else EXIT_PARTLY if failures < len(jobs) else 1


def _parse(words: list[str]) -> Namespace:
    """Read the command line; a network on one photograph has a style weight of its own by default."""
    options = parser().parse_args(words)
    if options.parameterization == "pixels":
        return options
    photorealistic = parser()
    photorealistic.set_defaults({"loss.style_weight": PHOTOREALISTIC})
    return photorealistic.parse_args(words)


def plan(options: Namespace, argv: list[str]) -> list[Job]:
    """List the pictures: one file, or in a folder each content with each style and each weight.

    Raises:
        ConfigError: Several contents or weights for one file, or two pictures of one name.
    """
    from fastnst.images import WRITABLE

    out = Path(options.out)
    weights: list[float | None] = list(options.style_weight or [None])
    words = tuple(_without(argv, "content", "style", "out", "style_weight", "overwrite", "resume"))
    mixed = bool(options.style_mix or options.mask)
    if out.suffix.lower() in WRITABLE or (out.suffix and not out.is_dir()):
        if len(options.content) > 1 or len(weights) > 1:
            raise ConfigError(f"--out {out}: several contents or weights want a folder, not a file")
        return [Job(options.content[0], tuple(options.style), out, weights[0], words)]
    groups = [tuple(options.style)] if mixed else [(style,) for style in options.style]
    jobs = [
        Job(content, styles, out / f"{_name(content, styles, weight)}.png", weight, words)
        for content in options.content
        for styles in groups
        for weight in weights
    ]
    seen: set[Path] = set()
    for job in jobs:
        if job.out in seen:
            raise ConfigError(f"two pictures would both become {job.out}; paint them in two calls")
        seen.add(job.out)
    return jobs


def _name(content: str, styles: tuple[str, ...], weight: float | None) -> str:
    parts = [Path(content).stem, *(Path(style).stem for style in styles)]
    return "_".join(parts if weight is None else [*parts, f"{weight:g}"])


def _without(argv: list[str], *names: str) -> list[str]:
    """Drop options with all their values."""
    kept, dropping = [], False
    for word in argv:
        if word.startswith("--"):
            dropping = word.removeprefix("--").split("=")[0] in names
        if not dropping:
            kept.append(word)
    return kept


def _check(options: Namespace, jobs: list[Job]) -> None:
    """Refuse, before any work, what cannot be done or would lose a file."""
    from fastnst.atomic import check_writable
    from fastnst.images import check_output

    styles = len(jobs[0].styles)
    for name in ("style_mix", "mask"):
        given = len(getattr(options, name) or ())
        if given and given != styles:
            raise ConfigError(f"--{name} has {given} for {styles} styles; give one for each --style")
    if options.style_mix and (min(options.style_mix) < 0 or not sum(options.style_mix)):
        raise ConfigError(f"--style_mix {options.style_mix}: shares must not be negative, nor all nothing")
    for name, least in (("size", 1), ("style_size", 1), ("preview", 1)):
        value = getattr(options, name)
        if value is not None and value < least:
            raise ConfigError(f"--{name} {value}: must be at least {least}")
    for job in jobs:
        try:
            check_output(job.out)
        except ValueError as error:
            raise ConfigError(f"--out {error}") from None
        if job.out.exists() and not options.overwrite and not options.resume:
            raise ConfigError(f"{job.out} exists; choose another --out, or --overwrite")
        check_writable(job.out.parent)
