"""The public names and their signatures are those of ``api.txt``; ``python tests/test_api.py`` writes it anew."""

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

FILE = Path(__file__).with_name("api.txt")
PACKAGES = (
    "fastnst",
    "fastnst.api",
    "fastnst.images",
    "fastnst.backbones",
    "fastnst.networks",
    "fastnst.losses",
    "fastnst.checkpoint",
    "fastnst.data",
    "fastnst.training",
    "fastnst.optimize",
    "fastnst.inference",
    "fastnst.compare",
    "fastnst.inspection",
    "fastnst.importers",
    "fastnst.export",
    "fastnst.sharing",
    "fastnst.video",
    "fastnst.about",
)


def public(module: ModuleType) -> Iterator[tuple[str, object]]:
    """Give the names that a package exports, or the functions and classes that a module defines."""
    own = [name for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__]
    for name in sorted(getattr(module, "__all__", own)):
        if not name.startswith("_"):
            yield name, getattr(module, name)


def lines(module: ModuleType) -> Iterator[str]:
    for name, thing in public(module):
        yield f"{module.__name__}.{name}{signature(thing)}"
        if inspect.isclass(thing) and thing.__module__.startswith("fastnst"):
            for method, function in sorted(vars(thing).items()):
                if not method.startswith("_") and inspect.isfunction(function):
                    yield f"{module.__name__}.{name}.{method}{signature(function)}"


def signature(thing: object) -> str:
    """Write a signature with names, kinds and defaults; types are the type checker's business."""
    if not callable(thing) or not (inspect.isclass(thing) or inspect.isfunction(thing)):
        return ""
    try:
        found = inspect.signature(thing)
    except (TypeError, ValueError):
        return ""
    plain = [p.replace(annotation=p.empty, default=_ordered(p.default)) for p in found.parameters.values()]
    return str(found.replace(parameters=plain, return_annotation=found.empty))


def _ordered(default: object) -> object:
    """Give a set an order that is the same every time."""
    return sorted(default) if isinstance(default, set | frozenset) else default


def api() -> str:
    return "\n".join(line for name in PACKAGES for line in lines(importlib.import_module(name))) + "\n"


def test_the_public_names_and_signatures_are_those_written_down():
    assert api() == FILE.read_text("utf-8"), "the public API changed: say so in CHANGELOG.md, run this file, commit"


if __name__ == "__main__":
    FILE.write_text(api(), "utf-8")
