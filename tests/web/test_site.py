"""The folder of a page: whole or not at all, nothing else lost, and no address outside itself."""

import gzip
import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from fastnst.cli import run
from fastnst.errors import ConfigError
from fastnst.web import PAGE, FetchError, find_runtime, runtime, write_site
from fastnst.web.runtime import KINDS, VERSION

needs_onnx = pytest.mark.skipif(
    find_spec("onnx") is None or find_spec("onnxruntime") is None, reason="needs fastnst[onnx]"
)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A runtime of no use, in the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = runtime.cache() / f"{runtime.PACKAGE}-{VERSION}"
    folder.mkdir(parents=True)
    for files in KINDS.values():
        for _, name in files.values():
            (folder / name).write_bytes(name.encode())
    return folder


@needs_onnx
def test_a_site_holds_all_that_it_names(stylizers, stand_in, tmp_path):
    out = tmp_path / "site"
    written = write_site(stylizers, out, find_runtime())
    site = json.loads((out / "site.json").read_text())
    assert site["engine"] == "local"
    kinds = [site["runtime"][kind] for kind in KINDS]
    named = [model["file"] for model in site["models"]] + site["files"]
    named += [kind[part] for kind in kinds for part in ("script", "glue", "binary")]
    assert all((out / name).is_file() for name in named)
    there = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert there == {*named, "sw.js"}
    assert written.bytes == sum((out / name).stat().st_size for name in there)
    assert gzip.decompress((out / site["models"][0]["file"]).read_bytes())[:1] == b"\x08"  # an ONNX file
    assert site["models"][0]["tile"]["multiple"] == 8
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@needs_onnx
def test_an_empty_folder_is_filled_even_the_one_we_are_in(stylizers, stand_in, tmp_path, monkeypatch):
    out = tmp_path / "empty"
    out.mkdir()
    monkeypatch.chdir(out)
    written = write_site({"waves": stylizers["waves"]}, Path(), stand_in)
    assert (out / "site.json").is_file()
    assert written.bytes > 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@needs_onnx
def test_a_page_is_replaced_only_if_asked_and_nothing_else_ever(stylizers, stand_in, tmp_path):
    out, models = tmp_path / "site", {"waves": stylizers["waves"]}
    write_site(models, out, stand_in)
    with pytest.raises(ConfigError, match="exists; choose another --out, or give --overwrite"):
        write_site(models, out, stand_in)
    (out / "old.txt").write_text("of the page before")
    write_site(models, out, stand_in, overwrite=True)
    assert not (out / "old.txt").exists()
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("mine")
    with pytest.raises(ConfigError, match="is no page of fastnst"):
        write_site(models, tmp_path / "photos", stand_in, overwrite=True)
    assert (tmp_path / "photos" / "a.jpg").read_text() == "mine"


@needs_onnx
def test_what_fails_leaves_the_page_before(stylizers, stand_in, tmp_path):
    out = tmp_path / "site"
    write_site({"waves": stylizers["waves"]}, out, stand_in)
    before = (out / "site.json").read_text()

    def stop(name: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_site(stylizers, out, stand_in, overwrite=True, on_model=stop)
    assert (out / "site.json").read_text() == before
    assert {path.name for path in tmp_path.iterdir()} == {"site", "cache"}


def test_the_page_has_no_address_outside_itself():
    for path in PAGE.rglob("*.*"):
        found = re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}", path.read_text())
        assert set(found) <= {"http://www.w3.org"}, path  # the name of a format


def test_the_policy_of_the_page_and_of_its_worker_is_one():
    page = re.search(r'Content-Security-Policy" content="([^"]+)"', (PAGE / "index.html").read_text()).group(1)
    worker = "".join(re.findall(r'^  "([^"]+)"', (PAGE / "sw.js").read_text(), re.MULTILINE))
    assert page == worker
    assert page.startswith("default-src 'none'")
    assert "unsafe-inline" not in page
    assert "'unsafe-eval'" not in page


def test_every_module_of_the_page_is_used():
    scripts = {path.name: path.read_text() for path in (PAGE / "js").iterdir()}
    used = {name for text in scripts.values() for name in re.findall(r'"(?:\./)?(\w+\.js)"', text)}
    assert set(scripts) == (used | {"main.js"}) - {"sw.js"}


def test_another_archive_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "other.tgz").write_bytes(b"something else")
    with pytest.raises(FetchError, match=r"other.tgz: is not onnxruntime-web .*; its sha512 is another"):
        find_runtime(tmp_path / "other.tgz")
    with pytest.raises(FetchError, match="missing.tgz: cannot be read"):
        find_runtime(tmp_path / "missing.tgz")
    assert not (tmp_path / "cache").exists()


def test_without_npm_the_remedy_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=f"npm, .* is not installed; .*npm pack onnxruntime-web@{VERSION}.*--runtime"):
        find_runtime()


def test_what_npm_says_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "npm").write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n")
    (tmp_path / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match=r"npm cannot fetch onnxruntime-web \(code ENOTFOUND\); run 'npm pack"):
        find_runtime()


@needs_onnx
def test_the_command_writes_a_page(bundled_styles, stand_in, tmp_path, capsys):
    (bundled_styles / "torn.safetensors").unlink()
    out = tmp_path / "site"
    assert run(["web", "waves", "--out", str(out), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["models"], facts["out"]) == (["waves"], str(out))
    assert json.loads((out / "site.json").read_text())["models"][0]["license"] == "MIT"
    assert run(["web", "waves", "--out", str(out)]) == 2
    assert "give --overwrite" in capsys.readouterr().err
    assert run(["web", "--out", str(out), "--overwrite"]) == 0
    assert "python -m http.server --directory" in capsys.readouterr().out
    assert run(["web", "nothing_like_it", "--out", str(out)]) == 2
