"""Folders in an object store, by a server of this machine."""

from pathlib import Path

from fastnst.cli import run
from fastnst.remote import listing, place


def test_from_store_to_store_as_from_folder_to_folder(s3, model_file, photos, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for path in photos.rglob("*.png"):
        (place(f"{s3}/in") / path.relative_to(photos)).write_bytes(path.read_bytes())
    (place(s3) / "in/broken.jpg").write_bytes(b"none")
    words = ["stylize", f"{s3}/in", "--model", str(model_file), "--device", "cpu"]
    assert run([*words, "--out", f"{s3}/out"]) == 3
    said = capsys.readouterr()
    assert said.out == f"painted 12 of 13 pictures into {s3}/out; 1 failed\n"
    assert said.err.startswith(f"fastnst: error: {s3}/in/broken.jpg: not a picture")
    assert run([*words, "--out", "out"]) == 3
    names = {path.relative_to("out").as_posix() for path in Path("out").rglob("*.png")}
    assert {name for name in listing(place(f"{s3}/out")) if "manifest" not in name} == names
    assert run([*words, "--out", f"{s3}/out"]) == 2
    assert "exist; choose another --out" in capsys.readouterr().err
    assert run([*words, "--out", f"{s3}/out", "--skip_existing"]) == 3
    assert "12 skipped; 1 failed" in capsys.readouterr().out
    assert run([*words, "--out", "s3://nosuch/out"]) == 1
    assert "s3://nosuch/out/" in capsys.readouterr().err
    assert run(["stylize", f"{s3}/in/01.png", *words[2:], "--out", f"{s3}/one.jpg"]) == 0
    assert (place(s3) / "one.jpg").read_bytes()[:2] == b"\xff\xd8"
