"""Nothing in the package runs what a file says, starts programs, or takes downloads as they come."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "fastnst"
SOURCES = sorted(PACKAGE.rglob("*.py"))

FORBIDDEN_CALLS = {
    *(
        "eval",
        "exec",
        "compile",
        "__import__",
        "os.system",
        "os.popen",
        "os.execv",
        "os.execvp",
        "os.spawnv",
        "pty.spawn",
    ),
    *(
        "pickle.load",
        "pickle.loads",
        "pickle.Unpickler",
        "torch.jit.load",
        "torch.hub.load",
        "torch.package.PackageImporter",
    ),
    *("torch.hub.load_state_dict_from_url", "torch.export.load", "yaml.load", "yaml.unsafe_load", "yaml.full_load"),
    *(
        "urllib.request.urlopen",
        "urllib.request.urlretrieve",
        "urlopen",
        "urlretrieve",
        "tempfile.mktemp",
        "code.interact",
    ),
}

FORBIDDEN_MODULES = {
    "subprocess",
    "marshal",
    "shelve",
    "dill",
    "cloudpickle",
    "joblib",
    "requests",
    "httpx",
    "pty",
    "code",
}

OWN = {
    "export/program.py": "torch.export.load",
    "serve/training.py": "import subprocess",
    "training/processes.py": "import subprocess",
    "web/runtime.py": "import subprocess",
}
"""What is allowed: to read back what was just made, never a file; to start ``fastnst train`` and npm, and to know them.
"""

MUST_SAY = {
    "torch.load": ("weights_only", True),
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def offences(source: str) -> list[str]:
    """Name what a module must not do."""
    tree, found = ast.parse(source), []
    for name, call in calls(tree):
        said = {word.arg: word.value.value for word in call.keywords if isinstance(word.value, ast.Constant)}
        if name in FORBIDDEN_CALLS or said.get("shell"):
            found.append(f"{call.lineno}: {name}")
        if name in MUST_SAY and said.get(MUST_SAY[name][0], "unsaid") is not MUST_SAY[name][1]:
            found.append(f"{call.lineno}: {name} without {MUST_SAY[name][0]}={MUST_SAY[name][1]}")
    for node in ast.walk(tree):
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found += [f"{node.lineno}: import {name}" for name in modules if name.split(".")[0] in FORBIDDEN_MODULES]
        if isinstance(node, ast.ImportFrom) and node.module == "pickle":
            found.append(f"{node.lineno}: from pickle")
        if (
            isinstance(node, ast.Attribute)
            and ast.unparse(node).startswith("pickle.")
            and node.attr != "UnpicklingError"
        ):
            found.append(f"{node.lineno}: {ast.unparse(node)}")
    return found


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("eval('1')", True),
        ("model.eval()", False),
        ("re.compile('x')", False),
        ("import subprocess", True),
        ("from subprocess import run", True),
        ("run('x', shell=True)", True),
        ("torch.load(path)", True),
        ("torch.load(path, weights_only=False)", True),
        ("torch.load(path, weights_only=safe)", True),
        ("torch.load(path, weights_only=True)", False),
        ("np.load(path, allow_pickle=True)", True),
        ("import pickle\npickle.loads(x)", True),
        ("import pickle\ntry: f()\nexcept pickle.UnpicklingError: pass", False),
        ("yaml.safe_load(x)", False),
        ("def later():\n    os.system('x')", True),
    ],
)
def test_the_check_sees_what_it_is_for(source, seen):
    assert bool(offences(source)) is seen


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_runs_nothing_that_a_file_says(path):
    own = OWN.get(str(path.relative_to(PACKAGE)), "-")
    assert not [offence for offence in offences(path.read_text()) if not offence.endswith(own)]


def test_modules_are_imported_by_fixed_names_alone():
    users = {
        str(p.relative_to(PACKAGE))
        for p in SOURCES
        for name, _ in calls(ast.parse(p.read_text()))
        if "import_module" in name
    }
    assert users == {"__init__.py", "calling.py", "cli/__init__.py", "video/__init__.py"}, "each has a table of names"


def test_downloads_are_checked():
    found = {
        str(path.relative_to(PACKAGE)): call
        for path in SOURCES
        for name, call in calls(ast.parse(path.read_text()))
        if "download" in name.rpartition(".")[2]
        and name.startswith(("torch.", "urllib", "requests", "huggingface_hub"))
    }
    assert set(found) == {"backbones/_weights.py"}
    assert "_digest" in ast.unparse(found["backbones/_weights.py"].args[2])
