"""``fastnst web``."""

from pathlib import Path
from shlex import quote

from fastnst.cli._words import Parser, add_reporting, progress_bar, report, say
from fastnst.errors import ConfigError


def parser() -> Parser:
    """Build the parser; imports nothing heavy."""
    parser = Parser(
        "web",
        "[MODEL...] --out FOLDER",
        "Write a page that paints in the browser: a folder for any static host, which works without a network after "
        "the first visit. The pictures of its visitors stay on their machines.",
    )
    add = parser.add_argument
    add(
        "models",
        nargs="*",
        metavar="MODEL",
        help="a bundled style by name, a trained file, or a picture, whose style is sketched; all bundled styles by "
        "default",
    )
    add("-o", "--out", required=True, metavar="FOLDER", help="where the page goes")
    add("--runtime", metavar="FILE", help="the .tgz of onnxruntime-web; by default from the cache, or fetched by npm")
    add("-y", "--overwrite", action="store_true", help="replace a page that exists")
    add_reporting(parser)
    return parser


def run(argv: list[str]) -> int:
    """Write a page, and say how to look at it."""
    options = parser().read(argv)

    from fastnst.assets import styles
    from fastnst.export.publishing import check_request
    from fastnst.web import find_runtime, open_models, write_site

    words = options.models or list(styles())
    if not words:
        raise ConfigError("this installation has no bundled styles; name a trained file")
    check_request(Path("style.onnx"), None)
    models = open_models(words)
    runtime = find_runtime(Path(options.runtime) if options.runtime else None)
    with progress_bar(options, total=len(models), desc="export", unit="model") as bar:
        site = write_site(models, Path(options.out), runtime, options.overwrite, lambda name: bar.update())
    facts = {"out": str(site.folder), "bytes": site.bytes, "first_visit": site.first_visit, "models": list(models)}
    report(
        options,
        f"{site.folder}: {len(models)} models, {site.bytes / 1e6:.1f} MB, of which a first visit fetches "
        f"{site.first_visit / 1e6:.1f} MB at most",
        facts,
    )
    say(options, f"look at it: python -m http.server --directory {quote(str(site.folder))}, then http://localhost:8000")
    return 0
