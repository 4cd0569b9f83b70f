"""Files at addresses, by fsspec's file system in memory and by one that is not whole at once."""

import errno
from pathlib import Path

import fsspec
import pytest

from fastnst.atomic import WriteError
from fastnst.errors import ConfigError
from fastnst.remote import Remote, check_place, common_folder, find_remote, listing, place


@pytest.fixture
def top(request) -> str:
    """An empty folder in memory."""
    address = f"memory://{request.node.name}"
    yield address
    fsspec.filesystem("memory").rm(address, recursive=True) if fsspec.filesystem("memory").exists(address) else None


def test_an_address_is_told_from_a_path():
    assert place("s3://bucket/in/") == Remote("s3://bucket/in")
    assert place("photos/a.jpg") == Path("photos/a.jpg")
    assert place("file:///photos/a.jpg") == Path("/photos/a.jpg")
    assert place("C:/photos") == Path("C:/photos")


def test_parts_of_an_address_are_named_as_those_of_a_path():
    file = Remote("gs://bucket") / Path("a/b.tar.png")
    assert (str(file), file.name, file.stem, file.suffix) == ("gs://bucket/a/b.tar.png", "b.tar.png", "b.tar", ".png")
    assert file.parent == Remote("gs://bucket/a")


def test_what_is_written_is_read_and_listed_below_its_folder(top):
    for name in ("b.png", "deep/a.jpg", "deep/more/c.txt"):
        (place(top) / name).write_bytes(name.encode())
    assert [(str(file), below.as_posix(), file.size) for file, below in find_remote(place(top))] == [
        (f"{top}/{name}", name, len(name)) for name in ("b.png", "deep/a.jpg", "deep/more/c.txt")
    ]
    assert (place(top) / "deep/a.jpg").read_bytes() == b"deep/a.jpg"
    assert listing(place(top)) == {"b.png", "deep/a.jpg", "deep/more/c.txt"}
    assert [below.as_posix() for _, below in find_remote(place(f"{top}/deep/*.jpg"))] == ["a.jpg"]
    assert [below.as_posix() for _, below in find_remote(place(top), without=place(f"{top}/deep"))] == ["b.png"]
    assert [below.as_posix() for _, below in find_remote(place(f"{top}/b.png"))] == ["b.png"]
    assert find_remote(place(f"{top}/none")) is None
    (place(top) / "b.png").unlink()
    assert not (place(top) / "b.png").exists()


def test_a_probe_leaves_no_trace(top):
    check_place(place(top))
    assert listing(place(top)) == set()


def test_where_a_file_is_not_whole_at_once_it_is_written_aside(tmp_path, monkeypatch):
    """The local file system by its other name stands for SFTP and the like."""
    seen = []
    system = fsspec.filesystem("file")
    monkeypatch.setattr(type(system), "mv", lambda self, a, b, **_: seen.append(Path(a).name) or Path(a).rename(b))
    Remote(f"local://{tmp_path}/new/a.png").write_bytes(b"abc")
    assert (tmp_path / "new/a.png").read_bytes() == b"abc"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]
    assert seen[0].endswith(".part")


def test_a_store_that_moves_only_where_nothing_is(tmp_path, monkeypatch):
    def move(self, a, b, **_):
        if Path(b).exists():
            raise FileExistsError(b)
        Path(a).rename(b)

    monkeypatch.setattr(type(fsspec.filesystem("file")), "mv", move)
    for data in (b"abc", b"new"):
        Remote(f"local://{tmp_path}/new/a.png").write_bytes(data)
    assert (tmp_path / "new/a.png").read_bytes() == b"new"
    monkeypatch.setattr(
        type(fsspec.filesystem("file")), "mv", lambda self, a, b, **_: (_ for _ in ()).throw(OSError(5, "no"))
    )
    with pytest.raises(WriteError):
        Remote(f"local://{tmp_path}/new/b.png").write_bytes(b"abc")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.png"]


def test_who_may_write_need_not_remove(tmp_path, monkeypatch):
    def refuse(self, path):
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(fsspec.filesystem("file")), "rm_file", refuse)
    check_place(place(f"local://{tmp_path}/out"))


def test_errors_name_the_address_and_the_remedy(top, monkeypatch):
    with pytest.raises(FileNotFoundError):
        Remote(f"{top}/none.png").read_bytes()
    with pytest.raises(ConfigError, match="nosuch://a/b: is no address"):
        Remote("nosuch://a/b").read_bytes()

    def broken(*_, **__):
        raise KeyError("no such\nbucket")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "pipe_file", broken)
    with pytest.raises(WriteError, match=f"{top}/a.png: cannot be written"):
        Remote(f"{top}/a.png").write_bytes(b"a")


def test_a_store_without_its_package_names_the_extra(monkeypatch):
    def missing(address):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    with pytest.raises(ConfigError, match=r"s3://a/b: install fastnst\[s3\]"):
        Remote("s3://a/b").read_bytes()


def test_the_folder_of_several_files():
    assert common_folder([Remote("s3://b/out/x/1.png"), Remote("s3://b/out/y/2.png")]) == "s3://b/out"
    assert common_folder([Path("out/x/1.png"), Path("out/2.png")]) == "out"


def test_an_error_of_writing_keeps_its_number(top, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(type(fsspec.filesystem("memory")), "pipe_file", full)
    with pytest.raises(WriteError) as raised:
        Remote(f"{top}/a.png").write_bytes(b"a")
    assert raised.value.errno == errno.ENOSPC
