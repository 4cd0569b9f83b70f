"""Write the page as a folder that any static host serves."""

import gzip
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import torch

from fastnst import __version__
from fastnst.atomic import naming
from fastnst.errors import ConfigError
from fastnst.export.publishing import browser_graph
from fastnst.inference import Stylizer
from fastnst.inference.brush import Brush
from fastnst.inference.export import make_notes
from fastnst.web.models import describe_models, safe_name, thumbnail
from fastnst.web.runtime import INTEGRITY, KINDS, LICENSE, PACKAGE, VERSION

PAGE = Path(__file__).parent / "page"
"""The page's own files."""

SITE = "site.json"
"""What the page is told, beside it."""

Engine = Literal["local", "server"]


@dataclass(frozen=True)
class Site:
    """What was written: the folder, bytes of all files in it, and those that a first visit fetches at most."""

    folder: Path
    bytes: int
    first_visit: int


def write_site(
    models: Mapping[str, Stylizer],
    out: Path,
    runtime: Path,
    overwrite: bool = False,
    on_model: Callable[[str], object] = lambda name: None,
) -> Site:
    """Write a page that paints with these models in the browser, complete or not at all.

    Args:
        models: By name; on the CPU, in float32.
        out: The folder; one that :func:`write_site` wrote is replaced if ``overwrite``.
        runtime: From :func:`~fastnst.web.runtime.find_runtime`.
        overwrite: Whether a page may be replaced.
        on_model: Called with the name of each model that is done.

    Raises:
        ConfigError: The folder exists and is something else, or the extra ``onnx`` is not installed.
        ExportError: A graph paints something else than torch.
        OSError: The folder cannot be written.
    """
    _check(out, overwrite)
    with naming(out):
        place = out.absolute()  # whose parent is not itself
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".fastnst-") as temporary:
            made = Path(temporary) / "site"
            shutil.copytree(PAGE, made)
            made.chmod(0o755)
            entries = describe_models(models)
            for entry, stylizer in zip(entries, models.values(), strict=True):
                _write_thumbnails(entry, stylizer, made)
                entry |= _write_graph(entry, stylizer, made)
                on_model(entry["name"])
            site = describe_site(entries, "local") | {"runtime": _copy_runtime(runtime, made), "files": _listing(made)}
            (made / SITE).write_text(json.dumps(site, indent=1))
            _put(made, place, Path(temporary) / "before")
    return _measured(out, site["runtime"])


def describe_site(entries: list[dict[str, Any]], engine: Engine, training: bool = False) -> dict[str, Any]:
    """Return what the page is told.

    Args:
        entries: From :func:`~fastnst.web.models.describe_models`.
        engine: ``local``, the browser computes; or ``server``.
        training: Whether the server trains styles.
    """
    site: dict[str, Any] = {"version": __version__, "engine": engine, "models": entries}
    return site | ({"training": training} if engine == "server" else {})


def _put(made: Path, place: Path, before: Path) -> None:
    """Move a page to its place, and what was there elsewhere; an empty folder may be another disk, or where we are."""
    if place.is_dir() and not any(place.iterdir()):
        for part in made.iterdir():
            shutil.move(part, place)
        return
    if place.exists():
        place.replace(before)
    made.replace(place)


def _check(out: Path, overwrite: bool) -> None:
    if not out.exists() and not out.is_symlink():
        return
    if out.is_dir() and not any(out.iterdir()):
        return
    if not (out / SITE).is_file():
        raise ConfigError(f"{out} exists and is no page of fastnst; choose another --out")
    if not overwrite:
        raise ConfigError(f"{out} exists; choose another --out, or give --overwrite")


def _write_thumbnails(entry: Mapping[str, Any], stylizer: Stylizer, folder: Path) -> None:
    for shown, style in [(entry, None), *((style, style["name"]) for style in entry["styles"])]:
        path = folder / shown["thumbnail"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(thumbnail(stylizer, style))


def _write_graph(entry: Mapping[str, Any], stylizer: Stylizer, folder: Path) -> dict[str, Any]:
    """Write a graph under a name that changes with it, and say what the page must know to use it."""
    network = deepcopy(stylizer.network).cpu().float()
    graph = browser_graph(network, make_notes(network, stylizer.metadata, stylizer.file, entry["name"]))
    packed = gzip.compress(graph, 9, mtime=0)
    name = f"models/{safe_name(entry['name'])}.{sha256(packed).hexdigest()[:8]}.gz"
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(packed)
    statistics = 2 * sum(norm.channels for _, norm in network.named_norms())
    bytes_per_pixel = round(Brush(torch.device("cpu"), network, network).whole_bytes)
    sides = {"multiple": network.size_multiple, "halo": network.halo}
    return {"file": name, "bytes": len(packed), "tile": sides | {"statistics": statistics, "bytes": bytes_per_pixel}}


def _copy_runtime(runtime: Path, folder: Path) -> dict[str, Any]:
    address = f"runtime/{VERSION}"
    shutil.copytree(runtime, folder / address)
    kinds: dict[str, Any] = {}
    for kind, files in KINDS.items():
        kinds[kind] = {part: f"{address}/{name}" for part, (_, name) in files.items()}
        kinds[kind]["bytes"] = sum((folder / address / name).stat().st_size for _, name in files.values())
    return {"name": PACKAGE, "version": VERSION, "license": LICENSE, "integrity": INTEGRITY, **kinds}


def _listing(folder: Path) -> list[str]:
    """List the page's own files and its thumbnails, which a browser keeps for the time without a network."""
    kept = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return [SITE, *sorted(name for name in kept if not name.startswith(("models/", "runtime/")) and name != "sw.js")]


def _measured(folder: Path, runtime: Mapping[str, Any]) -> Site:
    whole = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    kinds = [runtime[kind]["bytes"] for kind in KINDS]
    return Site(folder, whole, whole - sum(kinds) + max(kinds))  # a browser needs one of them
