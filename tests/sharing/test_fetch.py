"""From an address to a file, against a stand-in for the hub; the real one is not asked."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import fastnst
from fastnst.about import about
from fastnst.assets import find_style
from fastnst.assets import hub as styles_on_the_hub
from fastnst.assets.hub import Address, _fetched, is_address, parse_address, stated
from fastnst.assets.hub_client import HubError
from fastnst.checkpoint import style_name
from fastnst.cli import run
from fastnst.errors import ConfigError

CARD = "---\nlicense: mit\nfastnst: {{file: waves.safetensors, sha256: {digest}}}\n---\n\n# waves\n"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("hf://me/waves", Address("me/waves")),
        ("hf:/me/waves", Address("me/waves")),
        ("hf://me/waves-2.0@v1.0", Address("me/waves-2.0", "v1.0")),
        ("hf://me/waves@refs/pr/1", Address("me/waves", "refs/pr/1")),
        ("hf://me/waves/a.safetensors", Address("me/waves", None, "a.safetensors")),
        ("hf://me/waves@v1/a.safetensors", Address("me/waves", "v1", "a.safetensors")),
    ],
)
def test_an_address_is_read(text, address):
    assert parse_address(text) == address
    assert parse_address(str(address)) == address
    assert is_address(text)
    assert is_address(Path(text))


@pytest.mark.parametrize(
    "text", ["hf://waves", "hf://me/waves/a.pth", "hf://me/waves@", "hf://me/../x", "hf://me/w@../../x", "hf:///a/b"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ConfigError, match="hf://USER/NAME@REVISION"):
        find_style(text)


def test_a_style_is_fetched_by_address_and_named_after_it(hub, repo, trained):
    file = find_style("hf://you/waves")
    assert file.read_bytes() == trained.read_bytes()
    assert style_name(file) == "waves"
    assert find_style(Path("hf://you/waves")) == file


def test_only_the_style_and_its_card_are_fetched(hub, repo):
    repo.files |= {"pytorch_model.bin": b"pickle", "train.py": b"boom", "README.md": b"# waves"}
    fastnst.load("hf://you/waves")
    fetched = {asked.rpartition("/")[2] for asked in hub.asked if "/resolve/" in asked}
    assert fetched == {"waves.safetensors", "README.md"}


def test_a_process_asks_once(hub, repo):
    find_style("hf://you/waves")
    asked = len(hub.asked)
    find_style("hf://you/waves")
    assert len(hub.asked) == asked


def test_a_style_on_the_hub_goes_wherever_a_model_is_taken(hub, repo, make_picture, tmp_path, capsys):
    photo, out = tmp_path / "photo.png", tmp_path / "out.png"
    make_picture().save(photo)
    assert run(["stylize", str(photo), "--model", "hf://you/waves", "--out", str(out)]) == 0
    assert Image.open(out).size == Image.open(photo).size
    assert about("hf://you/waves")["styles"][0]["name"] == "waves"
    assert run(["info", "hf://you/waves"]) == 0
    assert "waves" in capsys.readouterr().out
    assert run(["stylize", str(photo), "--model", "hf://you/gone", "--out", str(tmp_path / "no.png")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_cache_serves_where_there_is_no_network(hub, repo, monkeypatch):
    file = find_style("hf://you/waves")
    _fetched.cache_clear()
    monkeypatch.setattr(styles_on_the_hub.client, "may_ask", lambda: False)
    assert find_style("hf://you/waves") == file
    with pytest.raises(HubError, match="hf://you/other: is not in the cache, and HF_HUB_OFFLINE is set"):
        find_style("hf://you/other")


def test_a_hub_that_is_down_is_made_up_for_by_the_cache(hub, repo):
    file = find_style("hf://you/waves")
    _fetched.cache_clear()
    hub.broken = True
    assert find_style("hf://you/waves") == file
    with pytest.raises(HubError, match="is not in the cache, and the hub answers 503"):
        find_style("hf://you/other")


def test_no_network_is_one_line(hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubError, match="not in the cache, and the hub at http://127.0.0.1:9 cannot be reached"):
        find_style("hf://you/waves")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("hf://you/gone", "no such repository at http://127.0.0.1:[0-9]+, or one that is private; check the name"),
        ("hf://you/waves@v9", "no such revision"),
        ("hf://you/waves/b.safetensors", "there is no such file; there is waves.safetensors"),
        ("hf://you/hidden", "or one that is private"),
        ("hf://you/gated", "gives access on request"),
        ("hf://you/text", "holds no .safetensors, and nothing else is loaded"),
        ("hf://you/two", r"holds a.safetensors, b.safetensors; choose one: hf://you/two/a.safetensors"),
        ("hf://you/huge", "has 2 MB, which no style has; it was not fetched"),
    ],
)
def test_what_cannot_be_had_is_said_in_one_line(hub, repo, make_repo, monkeypatch, address, words):
    monkeypatch.delenv("HF_TOKEN")
    hub.repos |= {
        "you/hidden": make_repo({"a.safetensors": b""}, private=True),
        "you/gated": make_repo({"a.safetensors": b"x"}, gated=True),
        "you/text": make_repo({"model.bin": b"x"}),
        "you/two": make_repo({"b.safetensors": b"x", "a.safetensors": b"x"}),
        "you/huge": make_repo({"a.safetensors": bytes(2 * 2**20)}),
    }
    monkeypatch.setattr(styles_on_the_hub, "MOST_BYTES", 2**20)
    with pytest.raises(HubError, match=words) as error:
        find_style(address)
    assert str(error.value).startswith(address)
    assert "\n" not in str(error.value)


def test_of_several_the_one_called_like_the_repository_is_taken(hub, repo, make_repo):
    repo.files["a.safetensors"] = b"another"
    assert find_style("hf://you/waves").name == "waves.safetensors"
    assert find_style("hf://you/waves/a.safetensors").read_bytes() == b"another"


def test_a_revision_is_a_file_of_its_own(hub, repo):
    assert find_style("hf://you/waves@v1").read_bytes() == find_style(f"hf://you/waves@{repo.commit}").read_bytes()


@pytest.mark.parametrize("who", ["the hub", "its card"])
def test_a_file_that_is_not_the_one_spoken_of_is_not_loaded(hub, repo, who):
    wrong = "ab" * 32
    if who == "the hub":
        repo.listed_sha256["waves.safetensors"] = wrong
    else:
        repo.files["README.md"] = CARD.format(digest=wrong).encode()
    with pytest.raises(HubError, match=f"but {who} says abababababab...; it was not loaded: remove .* and try again"):
        find_style("hf://you/waves")


def test_a_cached_file_that_was_damaged_since_is_not_loaded(hub, repo, trained, monkeypatch):
    digest = repo.digest("waves.safetensors")
    repo.files["README.md"] = CARD.format(digest=digest).encode()
    file = find_style("hf://you/waves")
    file.resolve().write_bytes(trained.read_bytes()[:-1] + b"!")
    _fetched.cache_clear()
    monkeypatch.setattr(styles_on_the_hub.client, "may_ask", lambda: False)
    with pytest.raises(HubError, match="but its card says"):
        find_style("hf://you/waves")


@pytest.mark.parametrize("text", ["", "# no head", "---\n- 3\n---\n", "---\n{\n---\n", "---\nfastnst: 3\n---\n"])
def test_a_card_that_states_nothing_is_no_error(tmp_path, text):
    (tmp_path / "README.md").write_text(text)
    assert stated(tmp_path / "README.md", "waves.safetensors") is None
    assert stated(tmp_path / "none", "waves.safetensors") is None


def test_the_environment_says_where_the_hub_is_and_where_files_are_kept(hub, repo, tmp_path):
    code = "from fastnst.assets import find_style; print(find_style('hf://you/waves'))"
    settings = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **settings})
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(tmp_path / "home")


def test_a_data_set_is_a_folder_of_photographs(hub, make_repo, model_file, photos, tmp_path, capsys):
    spec = pytest.importorskip("huggingface_hub.hf_file_system")
    spec.HfFileSystem.clear_instance_cache()
    files = {path.relative_to(photos).as_posix(): path.read_bytes() for path in photos.rglob("*.png")}
    hub.repos["datasets/you/photos"] = make_repo({"README.md": b"# photos"} | {f"a/{k}": v for k, v in files.items()})
    words = ["stylize", "hf://datasets/you/photos/a", "--model", str(model_file), "--out", str(tmp_path / "out")]
    assert run([*words, "--device", "cpu"]) == 0
    assert "painted 12 of 12 pictures" in capsys.readouterr().out
    assert {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")} == set(files)
    assert run(["stylize", "hf://datasets/you/photos/b", *words[2:], "--skip_existing", "--device", "cpu"]) == 1
    assert "hf://datasets/you/photos/b" in capsys.readouterr().err
    spec.HfFileSystem.clear_instance_cache()
