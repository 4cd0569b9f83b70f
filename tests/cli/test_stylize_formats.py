import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastnst.cli import run
from fastnst.images import Picture, read_note, read_pictures, write_pictures

RNG = np.random.default_rng(0)


@pytest.fixture
def stylize(model_file, tmp_path, monkeypatch):
    """Run the command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments) -> int:
        try:
            return run(["stylize", "--model", str(model_file), "--device", "cpu", *map(str, arguments)])
        except SystemExit as exit_:
            return int(exit_.code)

    return call


def one_line(capsys) -> str:
    said = capsys.readouterr().err.strip()
    assert said.startswith("fastnst: error: ")
    assert "\n" not in said
    return said


def test_sixteen_bits_and_alpha_go_through(stylize):
    alpha = RNG.integers(0, 65536, (40, 50), dtype=np.uint16)
    write_pictures([Picture(RNG.integers(0, 65536, (40, 50, 3), dtype=np.uint16), alpha)], "deep.tif")
    for out in ("o.png", "o.tif"):
        assert stylize("deep.tif", "--out", out) == 0
        (painted,) = read_pictures(out)
        np.testing.assert_array_equal(painted.alpha, alpha)
        assert painted.values.dtype == np.uint16
        assert len(np.unique(painted.values)) > 300
        assert read_note(out)["command"][1:2] == ["stylize"]


def test_an_animation_is_painted_frame_by_frame(stylize, make_picture, capsys):
    frames = [make_picture(seed=i) for i in range(3)]
    frames[0].save("a.gif", save_all=True, append_images=frames[1:], duration=[50, 60, 70], loop=0)
    for out in ("b.gif", "b.webp", "b.png"):
        assert stylize("a.gif", "--out", out) == 0
        assert [picture.duration for picture in read_pictures(out)] == [50, 60, 70]
    capsys.readouterr()
    assert stylize("a.gif", "--out", "b.jpg") == 0
    assert Image.open("b.jpg").size == (48, 40)


def test_masks_models_and_colors_are_noted_and_repeated(stylize, gallery, make_picture):
    make_picture(60, 40).save("photo.png")
    for name, box in (("left.png", (0, 0, 25, 40)), ("right.png", (35, 0, 60, 40))):
        mask = Image.new("L", (60, 40))
        mask.paste(255, box)
        mask.save(name)
    words = ["--model", str(gallery), "--style", "wave", "--style", "udnie", "--color", "content"]
    words += ["--color_by", "histogram", "--mask", "left.png", "right.png", "--out", "o.png"]
    assert run(["stylize", "photo.png", "--device", "cpu", *words]) == 0
    note = read_note("o.png")
    assert note["settings"]["mask"] == ["left.png", "right.png"]
    assert note["settings"]["color_by"] == "histogram"
    before = read_pictures("o.png")[0].values
    assert run([*note["command"][1:], "--device", "cpu", "--overwrite"]) == 0
    np.testing.assert_array_equal(read_pictures("o.png")[0].values, before)
    np.testing.assert_array_equal(before[:, 29:31], np.asarray(make_picture(60, 40))[:, 29:31])


def test_a_typed_model_replaces_that_of_a_config(bundled_styles, make_picture, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make_picture().save("photo.png")
    Path("mine.yaml").write_text("model: gone\nstyle: gone\n")
    words = ["stylize", "photo.png", "--config", "mine.yaml", "--device", "cpu", "-m", "waves"]
    assert run([*words, "--style=waves"]) == 0
    assert "photo_waves.png" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mask", "a.png", "b.png"], "--mask has 2 for 1 styles; give one for each style"),
        (["--model", "waves"], "--mask has 0 for 2 styles; give one for each style"),
        (["--mask", "gone.png"], "gone.png: no such file"),
        (["--mask", "black.png"], "a mask that is all black paints nothing; white paints, black keeps"),
        (["--max_pixels", "some"], "'some' is not a number of pixels, as 4e8"),
        (["--color", "mine"], "'mine'"),
    ],
)
def test_what_cannot_be_is_one_line(stylize, make_picture, capsys, words, said):
    make_picture().save("photo.png")
    Image.new("L", (8, 8)).save("black.png")
    assert stylize("photo.png", "--out", "o.png", *words) in (1, 2)
    assert said in one_line(capsys)


def test_damaged_and_huge_pictures_name_their_remedy(stylize, make_picture, capsys):
    make_picture(200, 200).save("cut.jpg", quality=95)
    data = Path("cut.jpg").read_bytes()
    Path("cut.jpg").write_bytes(data[: len(data) * 2 // 3])
    assert stylize("cut.jpg", "--out", "o.png") == 1
    assert "(truncated); --salvage" in one_line(capsys)
    assert stylize("cut.jpg", "--out", "o.png", "--salvage") == 0
    make_picture().save("large.png")
    assert stylize("large.png", "--out", "p.png", "--max_pixels", "1e3") == 1
    assert "allow more by --max_pixels" in one_line(capsys)
    assert stylize("large.png", "--out", "p.png", "--max_pixels", "2e3") == 0


def test_the_place_is_kept_only_if_asked(stylize, make_picture):
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 0.0)}
    make_picture().save("a.jpg", exif=exif)
    assert stylize("a.jpg", "--out", "o.jpg") == 0
    assert not Image.open("o.jpg").getexif().get_ifd(0x8825)
    assert stylize("a.jpg", "--out", "o.jpg", "--keep-metadata", "-y") == 0
    assert Image.open("o.jpg").getexif().get_ifd(0x8825)[1] == "N"


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (2, 3)])
def test_the_thinnest_pictures_are_painted(stylize, make_picture, size):
    make_picture(*size).save("thin.png")
    assert stylize("thin.png", "--out", "o.png") == 0
    assert Image.open("o.png").size == size


@pytest.mark.parametrize("name", ["with space.png", "ünï─日本.png", "two\nlines.png", "really_a_png.jpg"])
def test_names_of_all_kinds_are_written(stylize, make_picture, name, capsys):
    make_picture().save(name, format="PNG")
    assert stylize(name, "--out", "out") == 0
    assert Image.open(Path("out", name)).size == (48, 40)
    assert read_note(Path("out", name))["command"][-1] == f"out/{name}"


def test_a_name_of_two_lines_gets_one_line(stylize, capsys):
    Path("two\nlines.png").write_text("text")
    assert stylize("two\nlines.png", "--out", "o.png") == 1
    assert "two lines.png: not a picture" in one_line(capsys)


def test_a_link_to_itself_is_one_line(stylize, capsys):
    Path("loop.png").symlink_to("loop.png")
    assert stylize("loop.png", "--out", "o.png") == 1
    assert "loop.png: cannot be read as a picture (Too many levels of symbolic links)" in one_line(capsys)


def test_what_may_not_be_read_or_written_is_one_line(stylize, make_picture, monkeypatch, capsys):
    make_picture().save("photo.png")

    def denied(*_, **__):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", denied)
        assert stylize("photo.png", "--out", "o.png") == 1
        assert "photo.png: may not be read; change its permissions" in one_line(capsys)
    with monkeypatch.context() as patch:
        patch.setattr("tempfile.TemporaryFile", denied)
        assert stylize("photo.png", "--out", "closed/o.png") == 1
        assert "cannot write to closed: Permission denied" in one_line(capsys)


def test_json_and_skip_work_with_animations(stylize, make_picture, capsys):
    Path("in").mkdir()
    make_picture().save("in/a.gif", save_all=True, append_images=[make_picture(seed=1)], duration=50)
    make_picture().save("in/b.bmp")
    assert stylize("in", "--out", "out", "--json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert [Path(done["target"]).name for done in facts["painted"]] == ["a.gif", "b.png"]
    assert len(read_pictures("out/a.gif")) == 2
