"""From a file to the hub, against a stand-in for it; the real one is not asked."""

import hashlib
import json
from dataclasses import replace

import pytest
import yaml
from PIL import Image

import fastnst
from fastnst.assets.hub import front_matter
from fastnst.checkpoint import load_checkpoint, save_checkpoint
from fastnst.cli import run
from fastnst.sharing.card import LICENSES


def head(hub, repo="me/waves"):
    return front_matter(hub.repos[repo].files["README.md"].decode())


def test_what_is_pushed_is_painted_with_by_address(hub, trained, make_picture, capsys):
    assert run(["push", str(trained), "me/waves", "--license", "CC-BY-4.0"]) == 0
    assert "fastnst stylize --model hf://me/waves PHOTO" in capsys.readouterr().out
    files = hub.repos["me/waves"].files
    assert set(files) == {"waves.safetensors", "README.md", "sample.jpg"}
    assert files["waves.safetensors"] == trained.read_bytes()
    photo = make_picture()
    here, there = fastnst.load(trained, "cpu", "float32"), fastnst.load("hf://me/waves", "cpu", "float32")
    assert here(photo).tobytes() == there(photo).tobytes()


def test_the_card_has_what_the_hub_reads_and_what_is_checked(hub, trained):
    run(["push", str(trained), "me/waves", "--license", "CC-BY-4.0"])
    settings = head(hub)
    assert settings["license"] == "cc-by-4.0"
    assert settings["library_name"] == "fastnst"
    assert settings["pipeline_tag"] == "image-to-image"
    assert "style-transfer" in settings["tags"]
    digest = hashlib.sha256(trained.read_bytes()).hexdigest()
    assert settings["fastnst"] == {"file": "waves.safetensors", "sha256": digest}


def test_the_card_says_how_it_looks_how_it_is_used_and_how_it_was_judged(trained, tmp_path):
    network, metadata = load_checkpoint(trained)
    style = metadata.styles[0] | {"title": "Waves | at night", "artist": "A. Painter", "date": "1840"}
    judged = {"photos": 4, "size": 64, "terms": {"content/relu2_1": 0.5, "loss": 0.75}}
    save_checkpoint(trained, network, replace(metadata, styles=[style], judged=judged))
    assert run(["push", str(trained), "me/night", "--dry_run", "--out", str(tmp_path / "out")]) == 0
    text = (tmp_path / "out" / "README.md").read_text("utf-8")
    for words in (
        *("# night\n", "Waves | at night, 1840, A. Painter.", "(sample.jpg)", "johnson", "## Use"),
        *("fastnst stylize holiday.jpg --model hf://me/night", 'fastnst.load("hf://me/night")'),
        *("On 4 held-out photographs of 64 px", "| content/relu2_1 | 0.5 |", "| loss: backbone | compact |"),
    ):
        assert words in text
    assert "picture" not in yaml.safe_dump(front_matter(text))


def test_a_dry_run_writes_the_folder_and_asks_nobody(hub, trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HF_TOKEN")
    assert run(["push", str(trained), "me/night", "--dry_run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == "night"
    assert {path.name for path in (tmp_path / "night").iterdir()} == {"night.safetensors", "README.md", "sample.jpg"}
    assert not hub.asked
    assert run(["push", str(trained), "me/night", "--dry_run"]) == 2
    assert "give --overwrite" in capsys.readouterr().err
    assert run(["push", str(trained), "me/night", "--dry_run", "-y"]) == 0


def test_the_sample_shows_a_photograph_beside_its_painting(trained, make_picture, tmp_path, monkeypatch):
    make_picture(900, 600).save(tmp_path / "photo.png")
    words = ["push", str(trained), "me/night", "--dry_run", "--out", str(tmp_path / "out")]
    assert run([*words, "--photo", str(tmp_path / "photo.png")]) == 0
    assert Image.open(tmp_path / "out" / "sample.jpg").size == (2 * 480 + 3 * 6, 320 + 18 + 2 * 6)
    monkeypatch.setattr("fastnst.sharing.sample.find_photo", lambda: None)
    monkeypatch.setattr("fastnst.sharing.sample.draw_painting", lambda: make_picture(720, 560))
    assert run([*words, "-y"]) == 0
    assert Image.open(tmp_path / "out" / "sample.jpg").size == (2 * 480 + 3 * 6, 373 + 18 + 2 * 6)


def test_several_styles_are_shown_listed_and_chosen(gallery, tmp_path):
    assert run(["push", str(gallery), "me/gallery", "--dry_run", "--out", str(tmp_path)]) == 0
    text = (tmp_path / "README.md").read_text("utf-8")
    assert "3 styles in one network" in text
    assert "--model hf://me/gallery --style wave\n" in text
    assert "--mix wave:0.3 starry:0.7" in text
    assert Image.open(tmp_path / "sample.jpg").size[0] == 2 * 480 + 3 * 6


def test_a_network_for_any_picture_is_shown_with_one(shared_network, make_picture, tmp_path, monkeypatch):
    monkeypatch.setattr("fastnst.sharing.sample.draw_painting", make_picture)
    assert run(["push", str(shared_network), "me/any", "--dry_run", "--out", str(tmp_path)]) == 0
    assert "--style painting.jpg" in (tmp_path / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("given", "settings"),
    [
        (["--license", "MIT"], {"license": "mit"}),
        (["--license", "My own terms"], {"license": "other", "license_name": "My own terms"}),
        ([], {"license": "unknown"}),
    ],
)
def test_a_license_is_named_as_the_hub_does(trained, tmp_path, given, settings):
    assert run(["push", str(trained), "me/waves", "--dry_run", "--out", str(tmp_path / "out"), *given]) == 0
    found = front_matter((tmp_path / "out" / "README.md").read_text("utf-8"))
    assert {key: value for key, value in found.items() if key.startswith("license")} == settings
    assert {"mit", "unknown", "other"} <= LICENSES


def test_the_license_of_bundled_and_imported_styles_is_known(bundled_styles, trained, tmp_path):
    assert run(["push", "waves", "me/waves", "--dry_run", "--out", str(tmp_path / "a")]) == 0
    assert "license: mit" in (tmp_path / "a" / "README.md").read_text("utf-8")
    network, metadata = load_checkpoint(trained)
    save_checkpoint(trained, network, replace(metadata, origin={"program": "x", "license": "bsd-3-clause"}))
    assert run(["push", str(trained), "me/waves", "--dry_run", "--out", str(tmp_path / "b")]) == 0
    assert "license: bsd-3-clause" in (tmp_path / "b" / "README.md").read_text("utf-8")


def test_private_repositories_are_made_private_and_kept_so(hub, trained, capsys):
    assert run(["push", str(trained), "me/secret", "--private"]) == 0
    assert hub.repos["me/secret"].private
    assert run(["push", str(trained), "me/waves"]) == 0
    assert not hub.repos["me/waves"].private
    assert run(["push", str(trained), "me/waves", "--private", "-y"]) == 2
    assert "me/waves is there and public" in capsys.readouterr().err


def test_files_that_are_there_are_not_replaced_unasked(hub, make_repo, trained, capsys):
    hub.repos["me/waves"] = make_repo({"README.md": b"# by hand"})
    assert run(["push", str(trained), "me/waves"]) == 2
    assert "me/waves holds README.md already; choose another name, or give --overwrite" in capsys.readouterr().err
    assert hub.repos["me/waves"].files == {"README.md": b"# by hand"}
    assert run(["push", str(trained), "me/waves", "--overwrite"]) == 0
    assert head(hub)["library_name"] == "fastnst"


@pytest.mark.parametrize(
    ("repo", "token", "code", "words"),
    [
        ("me/waves", None, 1, "not logged in to http://127.0.0.1"),
        ("me/waves", "hf_wrong", 1, "the hub does not accept the token; set HF_TOKEN"),
        ("you/waves", "right", 1, "you/waves: the hub does not allow that to this account"),
        ("waves", "right", 2, "must be USER/NAME"),
        ("me/wa ves", "right", 2, "must be USER/NAME"),
        ("me/../x", "right", 2, "must be USER/NAME"),
    ],
)
def test_what_cannot_be_pushed_is_said_in_one_line(hub, trained, monkeypatch, capsys, repo, token, code, words):
    if token is None:
        monkeypatch.delenv("HF_TOKEN")
    elif token != "right":
        monkeypatch.setenv("HF_TOKEN", token)
    assert run(["push", str(trained), repo]) == code
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert "hf_" not in said
    assert not hub.repos


def test_no_network_is_said_before_anything_is_lost(hub, trained, monkeypatch, capsys):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    assert run(["push", str(trained), "me/waves"]) == 1
    said = capsys.readouterr().err
    assert "me/waves: the hub at http://127.0.0.1:9 cannot be reached" in said
    assert said.count("\n") == 1


def test_a_transfer_that_fails_leaves_no_commit(hub, trained, capsys):
    hub.full = True
    assert run(["push", str(trained), "me/waves"]) == 1
    said = capsys.readouterr().err
    assert "me/waves: " in said
    assert "uploading 'waves.safetensors'" in said
    assert said.count("\n") == 1
    assert not hub.repos["me/waves"].files


def test_only_whole_styles_are_pushed(hub, trained, tmp_path, capsys):
    (tmp_path / "torn.safetensors").write_bytes(trained.read_bytes()[:999])
    (tmp_path / "a.onnx").write_bytes(b"x")
    assert run(["push", str(tmp_path / "torn.safetensors"), "me/torn"]) == 1
    assert run(["push", str(tmp_path / "a.onnx"), "me/torn"]) == 2
    assert run(["push", str(tmp_path / "gone.safetensors"), "me/torn"]) == 1
    assert run(["push", str(trained), "me/torn", "--out", "folder"]) == 2
    said = capsys.readouterr().err
    assert "is an export; push the .safetensors" in said
    assert said.count("\n") == 4
    assert not hub.repos
