import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from fastnst.cli import run
from fastnst.images import read_note
from fastnst.inference import folder


@pytest.fixture
def stylize(model_file):
    def call(*arguments) -> int:
        return run(["stylize", "--model", str(model_file), "--device", "cpu", *map(str, arguments)])

    return call


def one_line(capsys) -> str:
    """Return what was said on stderr, which must be a single line."""
    said = capsys.readouterr().err.strip()
    assert said.startswith("fastnst: error: ")
    assert "\n" not in said
    return said


@pytest.mark.parametrize(("name", "fmt"), [("a.png", "PNG"), ("a.jpg", "JPEG"), ("a.webp", "WEBP")])
def test_one_picture_is_written_in_the_format_of_its_name(stylize, style_picture, tmp_path, name, fmt):
    assert stylize(style_picture, "--out", tmp_path / name) == 0
    painted = Image.open(tmp_path / name)
    assert (painted.format, painted.size) == (fmt, (80, 70))


def test_the_engine_can_be_chosen(stylize, style_picture, tmp_path):
    assert stylize(style_picture, "--out", tmp_path / "a.png", "--engine", "torch") == 0
    assert Image.open(tmp_path / "a.png").size == (80, 70)


def test_strokes_size_and_memory_are_options_and_noted(stylize, style_picture, tmp_path):
    options = ["--stroke", "1.5", "--size", "160", "--memory", "30MB", "--statistics", "thumbnail"]
    assert stylize(style_picture, "--out", tmp_path / "a.png", *options) == 0
    assert Image.open(tmp_path / "a.png").size == (160, 140)
    settings = read_note(tmp_path / "a.png")["settings"]
    assert {key: settings[key] for key in ("stroke", "size", "statistics")} == {
        "stroke": 1.5,
        "size": 160,
        "statistics": "thumbnail",
    }
    assert stylize(style_picture, "--out", tmp_path / "b.png", "--size", "original") == 0
    assert Image.open(tmp_path / "b.png").size == (80, 70)


def test_a_folder_is_painted_into_a_folder(stylize, photos, tmp_path, capsys):
    assert stylize(photos, "--out", tmp_path / "out") == 0
    assert len(list((tmp_path / "out").rglob("*.png"))) == 12
    assert (tmp_path / "out" / "nested" / "00.png").exists()
    said = capsys.readouterr()
    assert "painted 12 of 12 pictures" in said.out
    assert "Traceback" not in said.err


def test_patterns_and_several_files(stylize, photos, style_picture, tmp_path):
    assert stylize(photos / "0*.png", style_picture, "--out", tmp_path / "out") == 0
    assert len(list((tmp_path / "out").glob("*.*g"))) == 7


def test_one_picture_into_a_folder_keeps_its_name(stylize, style_picture, tmp_path):
    assert stylize(style_picture, "--out", tmp_path) == 0
    assert (tmp_path / "waves.jpg").exists()


def test_one_picture_of_a_folder_may_go_to_a_file(stylize, style_picture, tmp_path):
    (tmp_path / "in").mkdir()
    shutil.copy(style_picture, tmp_path / "in" / "photo.jpg")
    assert stylize(tmp_path / "in", "--out", tmp_path / "out.png") == 0
    assert Image.open(tmp_path / "out.png").size == (80, 70)


def test_finished_pictures_are_left_out_if_asked(stylize, photos, tmp_path, capsys):
    assert stylize(photos / "0*.png", "-o", tmp_path / "out") == 0
    (tmp_path / "out" / "01.png").write_text("mine")
    (tmp_path / "out" / "02.png").unlink()
    capsys.readouterr()
    assert stylize(photos / "0*.png", "-o", tmp_path / "out", "--skip-existing") == 0
    assert "painted 1 of 6 pictures into" in capsys.readouterr().out
    assert (tmp_path / "out" / "01.png").read_text() == "mine"


def test_a_stream_into_a_file_that_exists_is_left_out_if_asked(stylize, tmp_path, capsys):
    (tmp_path / "o.png").write_text("mine")
    assert stylize("-", "-o", tmp_path / "o.png", "--skip_existing") == 0
    assert (tmp_path / "o.png").read_text() == "mine"
    assert capsys.readouterr().out == f"{tmp_path / 'o.png'}: exists\n"


def test_a_model_and_a_file_called_like_an_option(stylize, style_picture, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(style_picture, tmp_path / "-my.png")
    assert stylize("-o", tmp_path / "o.png", "--", "-my.png") == 0


def test_json_tells_what_became_of_every_picture(stylize, photos, tmp_path, capsys):
    shutil.copytree(photos, tmp_path / "mixed")
    (tmp_path / "mixed" / "text.jpg").write_text("no")
    assert stylize(tmp_path / "mixed", "--out", tmp_path / "out", "--json") == 3
    facts = json.loads(capsys.readouterr().out)
    assert len(facts["painted"]) == 12
    assert facts["failed"][0]["source"].endswith("text.jpg")


def test_quiet_says_nothing(stylize, style_picture, tmp_path, capsys):
    assert stylize(style_picture, "--out", tmp_path / "o.png", "--quiet") == 0
    said = capsys.readouterr()
    assert said.out + said.err == ""


def test_one_line_says_what_was_written(stylize, style_picture, tmp_path, capsys):
    assert stylize(style_picture, "--out", tmp_path / "o.png") == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path / 'o.png'}: 80x70 in ")


def test_a_dash_is_standard_input_and_output(model_file, style_picture, tmp_path):
    words = [
        sys.executable,
        "-m",
        "fastnst",
        "stylize",
        "-",
        "--model",
        str(model_file),
        "--device",
        "cpu",
        "--out",
        "-",
    ]
    done = subprocess.run(words, input=style_picture.read_bytes(), capture_output=True, cwd=tmp_path, check=True)
    assert Image.open(io.BytesIO(done.stdout)).size == (80, 70)
    assert done.stderr.decode().strip() == "-: 80x70"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_batch_finishes_the_pictures_at_hand(
    stylize, photos, tmp_path, monkeypatch, capsys, number, code
):
    encode, signals = folder.encode, iter([number])

    def encode_and_interrupt(*what):
        encode(*what)
        for signal_ in signals:  # a single one: the second would end the process
            os.kill(os.getpid(), signal_)

    monkeypatch.setattr(folder, "encode", encode_and_interrupt)
    assert stylize(photos, "--out", tmp_path / "out") == code
    written = len(list((tmp_path / "out").rglob("*.png")))
    assert 1 <= written < 12
    said = capsys.readouterr()
    assert f"painted {written} of 12" in said.out
    assert f"{12 - written} pictures left; the same command with --skip_existing goes on" in said.out
    assert len((tmp_path / "out" / "manifest.jsonl").read_text().splitlines()) == written


def test_nothing_is_overwritten_silently(stylize, style_picture, tmp_path, capsys):
    out = tmp_path / "out.png"
    out.write_text("mine")
    assert stylize(style_picture, "--out", out) == 2
    assert "--overwrite" in one_line(capsys)
    assert out.read_text() == "mine"
    assert stylize(style_picture, "--out", out, "--overwrite") == 0
    assert Image.open(out).size == (80, 70)


def test_the_source_is_never_replaced(stylize, style_picture, tmp_path, capsys):
    copy = tmp_path / "photo.jpg"
    shutil.copy(style_picture, copy)
    assert stylize(copy, "--out", tmp_path, "--overwrite") == 2
    assert "its own source" in one_line(capsys)


def test_broken_pictures_do_not_stop_a_batch(stylize, photos, tmp_path, capsys):
    shutil.copytree(photos, tmp_path / "mixed")
    (tmp_path / "mixed" / "text.jpg").write_text("no")
    assert stylize(tmp_path / "mixed", "--out", tmp_path / "out") == 3
    said = capsys.readouterr()
    assert "text.jpg: not a picture" in said.err
    assert "painted 12 of 13" in said.out
    assert len(list((tmp_path / "out").rglob("*.png"))) == 12


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("hello"), "not a picture"),
        (lambda path: path.mkdir(), "holds no pictures"),
    ],
    ids=["missing", "empty", "text", "folder"],
)
def test_bad_inputs_get_one_line_and_write_nothing(stylize, tmp_path, capsys, make, words):
    make(tmp_path / "in.jpg")
    assert stylize(tmp_path / "in.jpg", "--out", tmp_path / "out" / "o.png") in (1, 2)
    assert words in one_line(capsys)
    assert not (tmp_path / "out").exists()


def test_two_pictures_of_one_name_are_not_merged(stylize, photos, tmp_path, capsys):
    (tmp_path / "a").mkdir()
    shutil.copy(photos / "01.png", tmp_path / "a" / "01.png")
    assert stylize(photos / "01.png", tmp_path / "a" / "01.png", "--out", tmp_path / "out") == 2
    assert "would both become" in one_line(capsys)


def test_unwritable_out_is_noticed_before_the_work(stylize, style_picture, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert stylize(style_picture, "--out", tmp_path / "file" / "out.png") == 1
    assert "is not a folder" in one_line(capsys)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x.jpg", "y.jpg", "--out", "z.png"], "want a folder"),
        (["x.jpg", "--out", "z.bmp"], "write .jpg, .jpeg, .png, .apng, .webp, .tif, .tiff, .gif"),
        ([], "missing input"),
        (["x.jpg", "--overwrite", "--out"], "--out: expected one argument"),
        (["x.jpg", "--overwrite=true"], "--overwrite: ignored explicit argument 'true'"),
        (["x.jpg", "--out", "z.png", "--seedd", "3"], "unknown option --seedd; did you mean '--seed'?"),
        (["x.jpg", "--config", "fast"], "config 'fast' is for fastnst train, not for fastnst stylize"),
        (["x.jpg", "--precision", "int8"], "'int8'"),
        (["-", "x.jpg"], "- stands for one picture"),
        (["x.jpg", "--out", "z.png", "--device", "tpu"], "'tpu' is not here"),
        (["x.jpg", "--out", "z.png", "--device", "cpu:x"], "'cpu:x': must be cuda, cuda:1 and so on, mps or cpu"),
        (["x.jpg", "--out", "z.png", "--crf", "20"], "--crf is for a video or a camera"),
        (["x.jpg", "--out", "z.png", "--steady", "0.2"], "--steady is for a video or a camera"),
        (["x.jpg", "--out", "z.png", "--engine", "tvm"], "'tvm'"),
        (["x.jpg", "--out", "z.png", "--memory", "much"], "--memory: memory 'much': must be an amount above zero"),
        (["x.jpg", "--out", "z.png", "--stroke", "3"], "--stroke: 3 is not between 0.5 and 2"),
        (["x.jpg", "--out", "z.png", "--size", "0"], "--size: 0 is too small, must be at least 1"),
        (["x.jpg", "--out", "z.png", "--statistics", "none"], "'none'"),
    ],
)
def test_usage_errors_are_one_line_and_exit_with_2(model_file, monkeypatch, tmp_path, capsys, arguments, words):
    monkeypatch.chdir(tmp_path)
    try:
        code = run(["stylize", "--model", str(model_file), *arguments])
    except SystemExit as exit_:
        code = exit_.code
    assert code == 2
    assert words in one_line(capsys)
    assert not list(tmp_path.iterdir())


def test_a_bundled_style_goes_by_its_name(bundled_styles, style_picture, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["stylize", "--model", "waves", str(style_picture), "--out", "o.png"]) == 0
    assert Image.open("o.png").size == (80, 70)


def test_an_unknown_style_is_guessed(bundled_styles, style_picture, capsys):
    assert run(["stylize", "--model", "wave", str(style_picture)]) == 2
    assert "unknown style 'wave'; did you mean 'waves'? Known: plain, torn, waves" in one_line(capsys)


@pytest.mark.parametrize(
    ("name", "becomes"),
    [("a.jpg", "a_waves.jpg"), ("a.PNG", "a_waves.PNG"), ("a.tif", "a_waves.tif"), ("a.bmp", "a_waves.png")],
)
def test_without_out_one_picture_is_named_after_itself_and_the_style(
    bundled_styles, make_picture, tmp_path, monkeypatch, capsys, name, becomes
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    make_picture().save(tmp_path / "in" / name)
    assert run(["stylize", "--model", "waves", f"in/{name}"]) == 0
    assert Image.open(tmp_path / becomes).size == make_picture().size
    assert becomes in capsys.readouterr().out
    assert run(["stylize", "--model", "waves", f"in/{name}"]) == 2
    assert "--overwrite" in one_line(capsys)


def test_without_out_several_pictures_go_into_a_folder_called_like_the_style(
    bundled_styles, photos, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert run(["stylize", str(photos / "01.png"), "--model", "waves", str(photos / "02.png")]) == 0
    assert sorted(path.name for path in (tmp_path / "waves").iterdir()) == ["01.png", "02.png", "manifest.jsonl"]
    assert run(["stylize", str(photos / "01.png"), "--model", "waves"]) == 0  # the folder does not hide the style


def test_the_style_of_a_run_is_called_like_its_folder(stylize, style_picture, tmp_path, monkeypatch, model_file):
    monkeypatch.chdir(tmp_path)
    assert stylize(style_picture) == 0
    assert (tmp_path / f"waves_{model_file.parent.name}.jpg").exists()


def test_a_bad_model_is_named(style_picture, tmp_path, capsys):
    (tmp_path / "m.safetensors").write_text("<html>")
    out = tmp_path / "o.png"
    assert run(["stylize", "--model", str(tmp_path / "m.safetensors"), str(style_picture), "--out", str(out)]) == 1
    assert "m.safetensors: is not a whole safetensors file" in one_line(capsys)
    assert not Path(out).exists()
