"""The driver, with workers of this process that are lost on purpose."""

import json
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import fsspec
import pytest
import torch

from fastnst.cli import run as command
from fastnst.fleet import stylize
from fastnst.fleet.crew import Event, Member, Post, posts
from fastnst.fleet.stylize import find_settled, halves
from fastnst.fleet.table import parts
from fastnst.fleet.worker import Worker
from fastnst.inference import folder
from fastnst.remote import Remote, listing, place


class Crew:
    """Two workers of this process; one is lost after every ``lose`` batches, before or after it painted."""

    lose = 0
    given = Counter()
    size = 2

    def __init__(self, ray, hire, device, version) -> None:
        self.parcel, self.tables, self.members, self.calls, self.count = hire.parcel, hire.tables, [], [], 0
        self.members = [Member(self.hired(), Post(1)) for _ in range(2)]

    def hired(self):
        return Worker(self.parcel, 1, str(Path.cwd()), self.tables)

    def give(self, member, batch, items) -> None:
        self.given.update(str(source) for source, _ in items)
        self.calls.append((member, batch, items))

    def wait(self):
        member, batch, items = self.calls.pop(0)
        self.count += 1
        if self.lose and self.count % self.lose == 0:
            if self.count % (2 * self.lose):
                member.actor.paint(items)  # all is written, but nobody hears of it
            self.calls = [call for call in self.calls if call[0] is not member]
            self.members = [other for other in self.members if other is not member] + [Member(self.hired(), Post(1))]
            yield Event(member, lost="killed")
        else:
            yield Event(member, batch, member.actor.paint(items))

    def dismiss(self) -> None:
        pass


class Ray:
    put = remote = staticmethod(lambda what: what)


@pytest.fixture
def crew(monkeypatch):
    """Workers of this process in place of a cluster."""
    pytest.importorskip("ray", reason="needs the extra ray")
    monkeypatch.setattr(stylize, "joined", contextmanager(lambda threads: iter([Ray])))
    monkeypatch.setattr(stylize, "Crew", Crew)
    monkeypatch.setattr(stylize, "PICTURES", 2)
    monkeypatch.setattr(stylize, "SHARE", 1)
    monkeypatch.setattr(Crew, "given", Counter())
    before = torch.get_num_threads()
    yield Crew
    torch.set_num_threads(before)


@pytest.fixture
def paint(model_file, photos, tmp_path, monkeypatch, crew):
    """Run the command on twelve photographs and a broken one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    for path in photos.rglob("*.png"):
        (tmp_path / "in" / path.relative_to(photos)).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / path.relative_to(photos)).write_bytes(path.read_bytes())
    (tmp_path / "in/broken.png").write_bytes(b"none")
    words = ["stylize", "--model", str(model_file), "--device", "cpu"]
    return lambda *more, given="in", out="out", ray=True: command(
        [*words, given, "--out", out, *(("--engine", "ray") if ray else ()), *more]
    )


def lines(path="out/manifest.jsonl") -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def files(top: str) -> dict[str, bytes]:
    return {name: (place(top) / name).read_bytes() for name in listing(place(top)) if "manifest" not in name}


@pytest.mark.parametrize("lose", [0, 4])
def test_every_picture_is_painted_once_and_as_by_the_folder_engine(paint, crew, monkeypatch, lose, capsys):
    assert paint(ray=False) == 3
    plain = files("out")
    Path("out").rename("plain")
    monkeypatch.setattr(crew, "lose", lose)
    assert paint() == 3
    assert files("out") == plain
    assert Counter(line["source"] for line in lines()).most_common(1)[0][1] == 1
    assert len(lines()) == 13
    assert max(crew.given.values()) == (1 if not lose else 3)
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == "painted 12 of 13 pictures into out; 1 failed"
    assert said.err.splitlines()[-1].startswith("fastnst: error: in/broken.png: not a picture")


def test_a_run_goes_on_where_its_manifest_and_its_files_stand(paint, crew, capsys):
    assert paint() == 3
    assert paint() == 2
    assert "--overwrite or --skip_existing" in capsys.readouterr().err
    kept = [line for line in lines() if not line["source"].endswith(("01.png", "02.png"))]
    Path("out/manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in kept) + '{"torn')
    Path("out/04.png").unlink()
    crew.given.clear()
    assert paint("--skip_existing") == 3
    assert set(crew.given) == {f"in/{name}.png" for name in ("01", "02", "04", "broken")}
    crew.given.clear()
    assert paint("--overwrite") == 3
    assert (len(crew.given), len(lines())) == (13, 13)


def test_what_others_painted_is_left_alone_if_asked(paint, crew, tmp_path):
    assert paint("--manifest", "a.jsonl") == 3
    before = files("out")
    crew.given.clear()
    assert paint("--skip_existing", "--manifest", "b.jsonl", out=str(tmp_path / "out")) == 3
    assert set(crew.given) == {"in/broken.png"}
    assert files("out") == before


def test_tables_of_others_are_never_removed(paint, crew, tmp_path, capsys):
    assert paint("--manifest", "a.jsonl", out="x.parquet") == 3
    (tmp_path / "x.parquet/part-00000-1b2c.snappy.parquet").write_text("of Spark")
    before = files("x.parquet")
    assert paint("--manifest", "b.jsonl", "--skip_existing", out="x.parquet") == 2
    assert "holds tables that b.jsonl does not name" in capsys.readouterr().err
    assert files("x.parquet") == before
    assert paint("--manifest", "a.jsonl", "--overwrite", out="x.parquet") == 3
    assert (tmp_path / "x.parquet/part-00000-1b2c.snappy.parquet").read_text() == "of Spark"


def test_a_gpu_of_its_own_cannot_be_chosen_for_a_worker(paint, capsys):
    assert paint("--device", "cuda:1") == 2
    assert "give cuda" in capsys.readouterr().err


@pytest.mark.parametrize("lose", [0, 4])
def test_tables_hold_every_picture_once(paint, crew, monkeypatch, lose):
    from pyarrow import parquet

    assert paint(ray=False) == 3
    plain = files("out")
    monkeypatch.setattr(crew, "lose", lose)
    assert paint(out="t.parquet") == 3
    table = lambda: parquet.read_table("t.parquet").to_pylist()  # noqa: E731
    held = {row["image"]["path"]: row["image"]["bytes"] for row in table()}
    assert len(table()) == len(held) == 12
    assert {name: len(data) > 0 for name, data in held.items()} == dict.fromkeys(plain, True)
    assert paint(out="t.parquet") == 2
    entries = lines("t.parquet/_manifest.jsonl")
    part = next(line["target"].partition("#")[0] for line in entries if "sha256" in line)
    told = [line for line in entries if not line["target"].startswith(part)]
    Path("t.parquet/_manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in told))
    assert paint("--skip_existing", out="t.parquet") == 3
    assert sorted(row["image"]["path"] for row in table()) == sorted(plain)


def test_from_memory_to_memory(paint, crew, request):
    top = f"memory://{request.node.name}"
    for path in Path("in").rglob("*.png"):
        (Remote(f"{top}/in") / path.relative_to("in")).write_bytes(path.read_bytes())
    assert paint(given=f"{top}/in", out=f"{top}/plain", ray=False) == 3
    assert paint(given=f"{top}/in", out=f"{top}/out") == 3
    assert files(f"{top}/out").keys() == files(f"{top}/plain").keys()
    assert len(files(f"{top}/out")) == 12
    (manifest,) = (name for name in listing(Remote(f"{top}/out")) if "manifest" in name)
    told = [json.loads(line) for line in (Remote(f"{top}/out") / manifest).read_bytes().splitlines()]
    assert {line["source"] for line in told} == {f"{top}/in/{name}" for name in listing(Remote(f"{top}/in"))}
    assert paint(given=f"{top}/in", out=f"{top}/out") == 2
    assert paint(given=f"{top}/in", out=f"{top}/plain", ray=False) == 2
    crew.given.clear()
    assert paint("--skip_existing", given=f"{top}/in", out=f"{top}/out") == 3
    assert set(crew.given) == {f"{top}/in/broken.png"}
    assert paint(given=f"{top}/in", out=f"{top}/t.parquet") == 3
    assert len(find_settled(Remote(f"{top}/t.parquet/_manifest.jsonl"), Remote(f"{top}/t.parquet"), True)) == 12
    assert len(parts(Remote(f"{top}/t.parquet"))) > 1
    assert paint(given=f"{top}/in", out=f"{top}/in") == 2
    fsspec.filesystem("memory").rm(top, recursive=True)


def test_what_cannot_be_had_is_one_line(paint, capsys):
    assert paint(given="-") == 2
    assert paint("--model", "nosuch") == 2
    assert paint(given="nosuch://a") == 2
    assert paint(out="t.parquet", ray=False) == 2
    assert [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()] == ["fastnst"] * 4


def test_half_batches_hold_files_of_a_size(monkeypatch):
    task = lambda size: (Remote(f"s3://b/{size}", size), Remote("s3://o/x"))  # noqa: E731
    monkeypatch.setattr(stylize, "SHARE", 1)
    cut = halves([task(size) for size in (1, 2**26, 5, 2**24, 2**24 + 1, 3)], 1)
    assert [[source.size for source, _ in half] for half in cut] == [[2**26], [2**24 + 1], [2**24, 5, 3, 1]]
    monkeypatch.undo()
    many = halves([task(1)] * 1000, 2)
    assert {len(half) for half in many} == {stylize.PICTURES, 1000 % stylize.PICTURES}
    assert len(halves([task(1)] * 8, 2)) == 8


def test_workers_are_planned_for_machines():
    assert posts({"CPU": 1.0}, None) == [Post(1)]
    assert posts({"CPU": 12.0}, None) == [Post(6)] * 2
    assert posts({"CPU": 64.0}, "cpu") == [Post(8)] * 8
    assert posts({"CPU": 32.0, "GPU": 4.0}, None) == [Post(8, 1)] * 4
    assert posts({"CPU": 32.0, "GPU": 4.0}, "cpu") == [Post(8)] * 4
    assert posts({"CPU": 32.0}, "cuda") == []
    assert posts({}, None) == []


def test_a_batch_that_finds_the_disk_full_ends_the_run(paint, monkeypatch, capsys):
    def full(self, tasks):
        outcomes = list(self.outcomes(tasks[:1]))
        self.obstacle = "out: cannot be written (No space left on device)"
        return iter(outcomes)

    plain = folder.Batch.outcomes
    monkeypatch.setattr(
        folder.Batch, "outcomes", lambda self, tasks=None: full(self, tasks) if tasks[1:] else plain(self, tasks)
    )
    assert paint() == 1
    assert "No space left on device); " in capsys.readouterr().err
