"""Imports point one way; the directions are those of the table in CONTRIBUTING.md."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fastnst"
BASE = {"calling", "devices", "errors", "registry", "atomic", "budget", "convolution", "memory", "plain", "tiles"}
BASE |= {"remote"}
ALLOWED = {
    "errors": set(),
    "calling": set(),
    "options": {"assets", "errors", "registry"},
    "api": {"assets", "compare", "images", "optimize", "options", "training"},
    "devices": {"errors"},
    "registry": {"errors"},
    "atomic": set(),
    "budget": {"errors"},
    "convolution": set(),
    "memory": {"errors"},
    "plain": {"errors"},
    "remote": {"atomic", "errors"},
    "tied": set(),
    "tiles": set(),
    "assets": BASE,
    "images": BASE,
    "backbones": BASE | {"images"},
    "networks": BASE | {"images"},
    "losses": BASE | {"backbones", "images"},
    "checkpoint": BASE | {"networks"},
    "importers": BASE | {"checkpoint", "networks"},
    "data": BASE | {"assets", "images"},
    "training": BASE | {"assets", "backbones", "losses", "networks", "checkpoint", "data", "images", "inference"},
    "optimize": BASE | {"backbones", "checkpoint", "images", "inference", "losses", "networks"},
    "inspection": BASE | {"backbones", "images", "losses", "optimize"},
    "compare": BASE | {"assets", "checkpoint", "data", "images", "inference", "losses", "optimize"},
    "about": BASE | {"assets", "checkpoint", "images", "inference", "losses", "networks", "optimize", "video"},
    "sharing": BASE | {"about", "assets", "checkpoint", "images", "inference", "networks"},
    "export": BASE | {"assets", "images", "networks"},
    "serve": BASE | {"assets", "checkpoint", "images", "inference", "web"},
    "video": BASE | {"images", "inference", "networks"},
    "web": BASE | {"assets", "checkpoint", "export", "images", "inference", "networks"},
    "fleet": BASE | {"data", "images", "inference", "training"},
    "inference": BASE | {"assets", "backbones", "checkpoint", "export", "networks", "images"},
}
FREE = {"cli", "__init__", "__main__"}
NAMES = {path.stem for path in PACKAGE.iterdir()}


def imports(source: str) -> set[str]:
    """Name the parts of fastnst that a module imports; names of the package itself, such as its version, are none."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "fastnst" and not node.level:
            found |= {alias.name for alias in node.names if alias.name in NAMES}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("fastnst."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.ImportFrom) and node.level:
            raise AssertionError("imports inside fastnst are absolute")
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[1] for alias in node.names if alias.name.startswith("fastnst.")}
    return found


def parts() -> dict[str, set[str]]:
    """Collect the imports of each top-level part of the package."""
    edges: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        edges.setdefault(part, set()).update(imports(path.read_text()) - {part})
    return edges


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from fastnst.losses import gram\nimport fastnst.data.module\nimport torch", {"losses", "data"}),
        ("from fastnst import losses, __version__", {"losses"}),
        ("from fastnst import data as pictures", {"data"}),
        ("def later():\n    from fastnst import optimize", {"optimize"}),
        ("if TYPE_CHECKING:\n    from fastnst.cli.train import x", {"cli"}),
    ],
)
def test_the_check_can_see_an_import(source, found):
    assert imports(source) == found


def test_the_check_refuses_relative_imports():
    with pytest.raises(AssertionError, match="absolute"):
        imports("from . import losses")


def test_every_part_has_a_rule():
    assert set(parts()) == ALLOWED.keys() | FREE


@pytest.mark.parametrize("part", sorted(ALLOWED))
def test_imports_point_one_way(part):
    assert parts()[part] <= ALLOWED[part]


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(' '.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


HEAVY = {"pytorch_lightning", "datasets", "tensorboard", "fastnst.losses", "fastnst.backbones", "fastnst.data"}


def test_applying_a_model_needs_nothing_of_training():
    assert not loaded_after("import fastnst.inference") & HEAVY
    assert "fastnst.losses" in loaded_after("import fastnst.optimize")


def test_opening_photographs_needs_no_lightning():
    assert "pytorch_lightning" not in loaded_after("import fastnst.data")
    assert "pytorch_lightning" in loaded_after("import fastnst.data.module")


def test_help_does_not_load_torch():
    loaded = loaded_after(
        "from fastnst.cli import run; run(['--help']); from fastnst.cli.stylize import parser; parser(); "
        "from fastnst.cli.models import parser; parser()"
    )
    assert not {"torch", "numpy", "jsonargparse", "openvino"} & loaded


def test_painting_a_picture_loads_only_what_it_uses(tmp_path, model_file, style_picture):
    words = ["stylize", "--model", str(model_file), str(style_picture), "--out", str(tmp_path / "o.png")]
    loaded = loaded_after(f"from fastnst.cli import run; run({words})")
    assert "fastnst.inference" in loaded
    assert not loaded & (HEAVY | {"torchvision", "jsonargparse", "skimage", "scipy"})
