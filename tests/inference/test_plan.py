from pathlib import Path

import pytest

from fastnst.errors import ConfigError
from fastnst.inference.plan import plan


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    for name in ("in/a.jpg", "in/b c.bmp", "in/deep/ü\n.png", "in/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def becomes(*inputs: str, out: str | None = None, fmt: str | None = None) -> dict[str, str]:
    return {str(source): str(target) for source, target in plan(inputs, out, "wave", fmt).tasks}


def test_a_folder_becomes_the_same_tree(here):
    expected = {"in/a.jpg": "out/a.jpg", "in/b c.bmp": "out/b c.png", "in/deep/ü\n.png": "out/deep/ü\n.png"}
    assert becomes("in", out="out") == expected
    assert plan(["in"], "out", "wave").folder == Path("out")
    assert becomes("in") == {source: target.replace("out", "wave") for source, target in expected.items()}


@pytest.mark.parametrize("pattern", ["in/**/*.*", "in/*/*.png"])
def test_a_pattern_becomes_the_tree_below_its_fixed_part(here, pattern):
    assert becomes(pattern, "in/a.jpg", out="out")["in/deep/ü\n.png"] == "out/deep/ü\n.png"


def test_what_is_inside_the_output_folder_is_no_input(here):
    for name in ("in/painted/a.jpg", "in/painted/deep/x.png"):
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).touch()
    (here / "in/link").symlink_to("painted")
    expected = ["in/a.jpg", "in/b c.bmp", "in/deep/ü\n.png"]
    assert sorted(becomes("in", out="in/painted")) == expected
    assert sorted(becomes("in/**", out="in/painted")) == expected
    assert sorted(becomes(str(here / "in"), out="in/painted")) == [str(here / name) for name in expected]
    assert sorted(becomes("in/*/*.*", out="in/painted")) == ["in/deep/ü\n.png", "in/link/a.jpg"][:1]
    assert becomes("in/painted/deep", out="in/painted") == {"in/painted/deep/x.png": "in/painted/x.png"}


def test_the_input_folder_is_no_output_folder(here):
    (here / "same").symlink_to("in")
    for out in ("in", "in/deep/..", "same"):
        with pytest.raises(ConfigError, match="is where the results would go"):
            plan(["in"], out, "wave")


def test_no_result_replaces_a_picture_that_is_to_be_painted(here):
    (here / "out").mkdir()
    (here / "out/a.jpg").touch()
    (here / "out/b.jpg").touch()
    with pytest.raises(ConfigError, match=r"would replace the source of another picture"):
        plan(["in/a.jpg", "out/a.jpg", "out/b.jpg"], "out", "wave")
    with pytest.raises(ConfigError, match=r"would replace its own source"):
        plan(["in/a.jpg", "in/deep"], "in", "wave")


def test_pictures_that_differ_in_their_extension_alone_are_both_kept(here):
    for name in ("in/b c.png", "in/a.avif", "in/a.bmp", "in/x.bmp"):
        (here / name).touch()
    found = becomes("in", out="out")
    assert found["in/b c.png"] == "out/b c.png"
    assert found["in/b c.bmp"] == "out/b c.bmp.png"
    assert (found["in/a.avif"], found["in/a.bmp"]) == ("out/a.avif.png", "out/a.bmp.png")
    assert (found["in/a.jpg"], found["in/x.bmp"]) == ("out/a.jpg", "out/x.png")


def test_all_results_may_have_one_format(here):
    (here / "in/x.jpeg").touch()
    found = becomes("in", out="out", fmt="jpg")
    assert list(found.values()) == ["out/a.jpg", "out/b c.jpg", "out/deep/ü\n.jpg", "out/x.jpeg"]
    assert becomes("in/a.jpg", fmt="webp") == {"in/a.jpg": "a_wave.webp"}
    assert becomes("in/a.jpg", out="o.jpeg", fmt="jpg") == {"in/a.jpg": "o.jpeg"}
    with pytest.raises(ConfigError, match=r"unknown format 'bmp'; known: jpg, jpeg, png, apng, webp, tif, tiff, gif"):
        plan(["in"], "out", "wave", "bmp")
    with pytest.raises(ConfigError, match=r"o\.png: is no name for --format jpg"):
        plan(["in/a.jpg"], "o.png", "wave", "jpg")


def test_a_picture_that_is_meant_twice_is_painted_once(here):
    assert len(plan(["in", "in"], "out", "wave").tasks) == 3


def test_one_picture_needs_no_folder(here):
    assert plan(["in/a.jpg"], None, "wave").folder is None
    assert plan(["in/deep"], "out", "wave").folder == Path("out")
    assert plan(["in/deep"], "out.png", "wave").folder is None
