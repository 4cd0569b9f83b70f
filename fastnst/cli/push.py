"""``fastnst push``."""

from pathlib import Path

from fastnst.cli._words import Parser, add_reporting, check_out, report
from fastnst.errors import ConfigError


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser(
        "push",
        "MODEL USER/NAME",
        "Share a style on the Hugging Face hub, with a card: others paint with --model hf://USER/NAME. Who you are is "
        "told by HF_TOKEN or by hf auth login.",
    )
    add = parser.add_argument
    add("model", help="a trained file, or a bundled style by name")
    add("repo", metavar="USER/NAME", help="where to; the repository is made if it is not there")
    add("--private", action="store_true", help="make it a private one")
    add("--license", help="of the weights, such as mit or cc-by-4.0; by default as far as it is known")
    add("--photo", metavar="PICTURE", help="the photograph that the card shows; a cup of coffee by default")
    add("--dry_run", action="store_true", help="write the folder that would be pushed, and push nothing")
    add("-o", "--out", metavar="FOLDER", help="of --dry_run; NAME by default")
    add("-y", "--overwrite", action="store_true", help="replace files that are there")
    add_reporting(parser)
    return parser


def run(argv: list[str]) -> int:
    """Share one style, or write what would be shared."""
    options = parser().read(argv)
    if options.out and not options.dry_run:
        raise ConfigError("--out is the folder of --dry_run; give that as well")

    from fastnst.sharing import PushJob, lay_out
    from fastnst.sharing import run as push
    from fastnst.sharing.push import CARD, SAMPLE

    repo = options.repo.removeprefix("hf://")
    job = PushJob(options.model, repo, options.private, options.license, options.photo, options.overwrite)
    if options.dry_run:
        folder = Path(options.out or job.name)
        check_out(*(folder / name for name in (job.file, CARD, SAMPLE)), options=options)
        digest = lay_out(job, folder)
        report(options, f"{folder}: what would be pushed to {repo}", {"folder": str(folder), "sha256": digest})
        return 0
    pushed = push(job)
    line = f"{pushed.url}: pushed; paint with: fastnst stylize --model {pushed.address} PHOTO"
    report(options, line, vars(pushed))
    return 0
