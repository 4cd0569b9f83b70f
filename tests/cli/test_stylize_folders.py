"""``fastnst stylize`` on folders: what is said of many pictures, and names and links of any kind."""

import errno
import io
import json
import os
import re
import signal
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from fastnst.cli import _painting, run
from fastnst.inference import folder
from fastnst.inference.job import Failed


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def stylize(model_file, here):
    def call(*words) -> int:
        try:
            return run(["stylize", "--model", str(model_file), "--device", "cpu", *map(str, words)])
        except SystemExit as exit_:
            return exit_.code

    return call


@pytest.fixture
def make(make_picture, here):
    """Write small pictures under the names given."""

    def call(*names) -> None:
        for number, name in enumerate(names):
            path = here / name
            path.parent.mkdir(parents=True, exist_ok=True)
            make_picture(14, 11, seed=number).save(path)

    return call


def manifest(path: Path | str = "out/manifest.jsonl") -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text("ascii").splitlines()]


def names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


ODD = [
    "with space.png",
    "ünï/日本 語.jpg",
    "line\nend.png",
    "-dash.png",
    "[red]*.png",
    "a\x1b[31m.png",
    "quote'\".webp",
]


def test_names_of_any_kind_become_the_same_names(stylize, make, here, capsys):
    make(*(f"in/{name}" for name in ODD))
    make(os.fsdecode(b"in/caf\xe9.png"))
    (here / os.fsdecode(b"in/bad\xe9\n.png")).write_bytes(b"")
    assert stylize("in", "--out", "out") == 3
    made = {os.fsencode(path.relative_to("out")) for path in Path("out").rglob("*.*") if path.suffix != ".jsonl"}
    assert made == {os.fsencode(name) for name in ODD} | {b"caf\xe9.png"}
    assert {line["source"] for line in manifest()} >= {f"in/{name}" for name in ODD}
    said = capsys.readouterr()
    assert said.err.splitlines() == ["fastnst: error: in/bad\\udce9\\n.png: the file is empty"]
    assert "painted 8 of 9 pictures into out; 1 failed" in said.out


def test_a_folder_of_an_odd_name_can_be_reported(stylize, make, capsys):
    make(os.fsdecode(b"in/a.png"), "in/b.png")
    assert stylize("in", "--out", os.fsdecode(b"o\xff\n")) == 0
    assert capsys.readouterr().out == "painted 2 of 2 pictures into o\\udcff\\n\n"


def test_output_inside_its_own_input_is_not_painted_again(stylize, make, here):
    make("in/a.png", "in/deep/b.png")
    (here / "in/loop").symlink_to(".")
    assert stylize("in", "--out", "in/painted") == 0
    before = {path: path.read_bytes() for path in (here / "in/painted").rglob("*.png")}
    assert len(before) == 2
    assert stylize("in", "--out", "in/painted", "--skip_existing") == 0
    assert stylize("in", "--out", "in/painted", "--overwrite") == 0
    assert {path: path.read_bytes() for path in (here / "in/painted").rglob("*.png")} == before
    assert len(manifest("in/painted/manifest.jsonl")) == 4


def test_a_folder_named_after_the_style_is_not_painted_again(stylize, make, here, model_file):
    make("a.png", "b.png")
    for _ in range(2):
        assert stylize(".", "--skip_existing") == 0
        assert len(list((here / model_file.parent.name).rglob("*.png"))) == 2


def test_the_input_folder_is_refused_as_output(stylize, make, here, capsys):
    make("in/a.png", "in/b.tif")
    assert stylize("in", "--out", "in", "--overwrite") == 2
    assert "in: is where the results would go; choose another --out" in capsys.readouterr().err
    assert names("in") == ["a.png", "b.tif"]


def test_links_that_lead_nowhere_fail_and_stop_nothing(stylize, make, here, capsys):
    make("in/a.png", "in/b.png")
    (here / "in/gone.png").symlink_to("nowhere.png")
    (here / "in/self.png").symlink_to("self.png")
    assert stylize("in", "--out", "out") == 3
    said = capsys.readouterr()
    assert "in/gone.png: no such file" in said.err
    assert "in/self.png: cannot be read" in said.err
    assert "painted 2 of 4" in said.out


def test_a_read_only_output_folder_is_noticed_before_the_work(stylize, make, monkeypatch, capsys):
    make("in/a.png", "in/b.png")
    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: (_ for _ in ()).throw(OSError(errno.EROFS, "Read-only")))
    monkeypatch.setattr(folder.StylizeJob, "load", lambda _: pytest.fail("the model was loaded"))
    assert stylize("in", "--out", "out") == 1
    assert capsys.readouterr().err == "fastnst: error: cannot write to out: Read-only\n"
    assert not Path("out").exists()


def test_a_full_disk_ends_the_batch_with_a_line_and_the_way_on(stylize, make, monkeypatch, capsys):
    make(*(f"in/{i:02}.png" for i in range(30)))

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert stylize("in", "--out", "out") == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert re.search(r"out/\d+\.png: cannot be written \(No space left on device\); \d+ pictures left", last)
    assert last.endswith("; the same command with --skip_existing goes on")
    assert names("out") == ["manifest.jsonl"]


def test_many_failures_are_grouped_by_their_reason(tmp_path):
    failed = [Failed(f"in/{i}.png", "t", 0, f"in/{i}.png: the file is empty") for i in range(9_000)]
    failed += [Failed(f"in/x{i}.png", f"out/x{i}.png", 0, f"out/x{i}.png: cannot be written") for i in range(2)]
    failed += [Failed(f"in/y{i}.png", "t", 0, f"in/y{i}.png: fault {i}") for i in range(50)]
    lines = _painting.failures(failed, Path("out/manifest.jsonl"))
    assert len(lines) == 12
    assert lines[0] == "9000 pictures: the file is empty: in/0.png, in/1.png, in/2.png and 8997 more"
    assert lines[1] == "2 pictures: cannot be written: in/x0.png, in/x1.png"
    assert lines[2] == "1 picture: fault 0: in/y0.png"
    assert lines[-2:] == ["42 pictures: other reasons", "all 9052 are in out/manifest.jsonl"]
    assert _painting.failures(failed[:2], None) == ["in/0.png: the file is empty", "in/1.png: the file is empty"]


def test_the_manifest_may_be_elsewhere(stylize, make, capsys):
    make("in/a.png", "in/b.png")
    assert stylize("in", "--out", "out", "--manifest", "notes/m.jsonl") == 0
    assert names("out") == ["a.png", "b.png"]
    assert len(manifest("notes/m.jsonl")) == 2
    assert stylize("in/a.png", "--out", "c.png", "--manifest", "notes/m.jsonl") == 0
    assert manifest("notes/m.jsonl")[2]["target"] == "c.png"
    Path("mine.txt").write_text("mine")
    assert stylize("in/a.png", "--out", "d.png", "--manifest", "mine.txt") == 2
    assert "mine.txt: exists and is no manifest" in capsys.readouterr().err
    assert Path("mine.txt").read_text() == "mine"


def test_the_second_signal_ends_a_batch_at_once(stylize, make, monkeypatch):
    make("in/a.png", "in/b.png")
    ended = []

    def end(code: int) -> None:
        ended.append(code)
        raise KeyboardInterrupt  # the process would be gone

    def interrupted_twice(job, on_progress) -> None:
        signal.raise_signal(signal.SIGINT)
        assert not ended
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(_painting, "run", interrupted_twice)
    assert stylize("in", "--out", "out") == 130
    assert ended == [128 + signal.SIGTERM]


def test_all_results_may_have_one_format(stylize, make):
    make("in/a.png", "in/b.webp", "in/c.jpeg")
    assert stylize("in", "--out", "out", "--format", "jpg") == 0
    assert names("out") == ["a.jpg", "b.jpg", "c.jpeg", "manifest.jsonl"]
    assert {Image.open(path).format for path in Path("out").glob("*.jp*g")} == {"JPEG"}


@pytest.mark.parametrize(("words", "fmt"), [([], "PNG"), (["--format", "jpg"], "JPEG"), (["--format", "webp"], "WEBP")])
def test_a_stream_is_png_unless_told_otherwise(stylize, make, monkeypatch, capsysbinary, words, fmt):
    make("a.jpg")
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(Path("a.jpg").read_bytes())))
    assert stylize("-", "--out", "-", *words) == 0
    assert Image.open(io.BytesIO(capsysbinary.readouterr().out)).format == fmt


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-", "--out", "-", "--format", "bmp"], "unknown format 'bmp'"),
        (["-", "--out", "folder"], "standard input has no name to have in a folder"),
        (["-", "--out", "a.tga"], "write .jpg"),
        (["-", "--out", "-", "--manifest", "m"], "--manifest is for files"),
        (["-", "-", "--out", "-"], "- stands for one picture"),
        (["-"], "- stands for one picture"),
        (
            ["in", "--out", "out", "--format", "tga"],
            "unknown format 'tga'; known: jpg, jpeg, png, apng, webp, tif, tiff, gif",
        ),
    ],
)
def test_what_a_stream_or_a_format_cannot_be_is_said_at_once(stylize, make, monkeypatch, capsys, words, said):
    make("in/a.png", "in/b.png")
    monkeypatch.setattr("sys.stdin", None)
    assert stylize(*words) == 2
    assert said in capsys.readouterr().err
    assert names(".") == ["in"]
