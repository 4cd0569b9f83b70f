import glob
import os
from pathlib import Path

import pytest

from fastnst.images import find_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.JPG", "inside/c.png", "inside/deep/d.webp", "notes.txt", "t.parquet", "odd[1].png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    return tmp_path


def names(folder: Path, text: str | Path, *extensions) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_files(text, *extensions)]


def test_a_folder_stands_for_all_pictures_in_it_sorted(folder):
    assert names(folder, folder) == ["a.JPG", "b.png", "inside/c.png", "inside/deep/d.webp", "odd[1].png"]


def test_a_pattern_stands_for_the_files_that_match(folder):
    assert names(folder, f"{folder}/*.png") == ["b.png", "odd[1].png"]
    assert names(folder, f"{folder}/**/*.png") == ["b.png", "inside/c.png", "odd[1].png"]
    assert names(folder, f"{folder}/x*.png") == []


def test_a_file_stands_for_itself_whatever_its_characters(folder):
    assert names(folder, str(folder / "odd[1].png")) == ["odd[1].png"]


def test_extensions_decide(folder):
    assert names(folder, folder, {".parquet"}) == ["t.parquet"]
    assert names(folder, folder / "notes.txt") == []


def test_what_is_neither_path_nor_pattern_is_none(folder):
    assert find_files("somebody/set") is None
    assert find_files(folder / "gone.png") is None


@pytest.fixture
def tangle(folder: Path) -> Path:
    """The folder with links that lead upwards, aside, out of it and nowhere."""
    (folder.parent / f"{folder.name}-outside").mkdir()
    (folder.parent / f"{folder.name}-outside" / "far.png").touch()
    for name, to in {
        "loop": ".",
        "inside/up": "..",
        "inside/deep/up": "../..",
        "aside": "inside",
        "0outside": folder.parent / f"{folder.name}-outside",
        "gone.png": "nowhere.png",
        "self.png": "self.png",
        "linked.png": "b.png",
    }.items():
        (folder / name).symlink_to(to)
    return folder


def test_links_to_folders_are_followed_once_and_loops_end(tangle):
    expected = ["0outside/far.png", "a.JPG", "b.png", "gone.png", "inside/c.png", "inside/deep/d.webp"]
    expected += ["linked.png", "odd[1].png", "self.png"]
    assert names(tangle, tangle) == expected
    assert names(tangle, f"{tangle}/**/*.*") == expected


def test_pipes_and_what_macos_leaves_are_no_pictures(folder):
    (folder / "._b.png").touch()
    os.mkfifo(folder / "pipe.png")
    assert names(folder, folder) == ["a.JPG", "b.png", "inside/c.png", "inside/deep/d.webp", "odd[1].png"]


def test_a_folder_inside_can_be_left_out(folder):
    assert names(folder, folder, {".png"}, folder / "inside") == ["b.png", "odd[1].png"]
    assert names(folder, f"{folder}/**/*.png", {".png"}, folder / "inside") == ["b.png", "odd[1].png"]
    assert names(folder, f"{folder}/*/*.png", {".png"}, folder / "inside") == []
    assert names(folder, folder / "inside", {".png"}, folder / "inside" / "deep") == ["inside/c.png"]


@pytest.mark.parametrize(
    "pattern",
    ["**", "**/*", "*/*", "*", "?.png", "**/inside/**", "**/*.png", "inside/**/d.*", "[ab].*", ".h/*", "**/.h/*", ".*"],
)
def test_patterns_mean_what_they_mean_to_the_standard_library(folder, monkeypatch, pattern):
    for name in (".h/x.png", ".y.png", "inside/.h/z.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    monkeypatch.chdir(folder)
    files = sorted(Path(path) for path in glob.glob(pattern, recursive=True) if Path(path).is_file())
    assert find_files(pattern) == [path for path in files if path.suffix != ".txt" and path.suffix != ".parquet"]
