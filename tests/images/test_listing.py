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
