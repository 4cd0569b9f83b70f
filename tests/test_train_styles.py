"""scripts/train_styles.py: what is trained, on what, and what is left alone."""

import importlib
import io
import sys
from pathlib import Path

import pytest
from datasets import Dataset
from PIL import Image

from fastnst import assets
from fastnst.checkpoint import Metadata, read_metadata, save_checkpoint
from fastnst.networks import build_network

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    before = set(sys.modules)
    yield importlib.import_module("train_styles")
    for name in set(sys.modules) - before:
        if (SCRIPTS / f"{name}.py").exists():
            del sys.modules[name]


@pytest.fixture
def artworks():
    return importlib.import_module("style_table")


@pytest.fixture
def paintings(tmp_path, make_picture):
    """A parquet file with two rows of one title."""
    rows = []
    for seed, artist in enumerate(("A", "B")):
        data = io.BytesIO()
        make_picture(40 + seed).save(data, format="JPEG")
        rows.append({"image": {"bytes": data.getvalue(), "path": "x.jpg"}, "title": "Red", "artist": artist})
    path = tmp_path / "paintings.parquet"
    Dataset.from_list(rows).to_parquet(path)
    return path


@pytest.fixture
def trained(script, monkeypatch):
    """Record the commands instead of running them, and leave what training leaves."""
    commands = []

    def train(words):
        commands.append(words)
        out = Path(words[words.index("--out") + 1])
        several = "--styles" in words
        end = words.index("--photos")
        names = [Path(word).stem for word in words[2:end]]
        network = build_network("lite", width=8, blocks=1)
        if several:
            network.add_styles(len(names))
        out.mkdir(parents=True)
        described = {"name": "lite", "config": network.config}
        save_checkpoint(out / "style.safetensors", network, Metadata(described, [{"name": name} for name in names]))
        return 0

    monkeypatch.setattr(script, "fastnst", train)
    return commands


def test_every_bundled_style_is_in_the_table(script, artworks):
    table = artworks.read_table()
    assert all(work.title and work.artist for work in table.values())
    assert set(assets.styles()) <= {*table, script.GALLERY}


def test_the_table_is_read_strictly(script, artworks, tmp_path):
    (tmp_path / "t.yaml").write_text("a: {title: A, artist: B, date: '', picture: a.jpg, datte: x}")
    with pytest.raises(SystemExit, match="did you mean 'date'"):
        artworks.read_table(tmp_path / "t.yaml")
    (tmp_path / "t.yaml").write_text("a: {title: A, artist: B, date: '', picture: a.jpg, drawn: painting}")
    with pytest.raises(SystemExit, match="give one of"):
        artworks.read_table(tmp_path / "t.yaml")


def test_pictures_come_from_files_rows_and_drawings(script, artworks, paintings, tmp_path, monkeypatch, make_picture):
    monkeypatch.setattr(artworks, "DRAWINGS", {"painting": make_picture})
    make_picture().save(tmp_path / "file.png")

    def fetch(**place):
        return artworks.fetch_picture(
            artworks.Artwork("red", "", "", "", **place), tmp_path, paintings, tmp_path / "out"
        )

    assert fetch(picture="file.png") == tmp_path / "out" / "red.png"
    row = fetch(painting={"title": "Red", "artist": "B"})
    assert row == tmp_path / "out" / "red.jpeg"
    assert Image.open(row).width == 41
    assert fetch(drawn="painting").is_file()
    for missing in ({"picture": "none.png"}, {"painting": {"title": "Blue"}}):
        with pytest.raises(SystemExit, match="red: "):
            fetch(**missing)


@pytest.fixture
def table(artworks, tmp_path, make_picture):
    """Two paintings, and one that is trained in a way of its own."""
    make = artworks.Artwork
    for name in ("udnie", "the_scream", "painted"):
        make_picture().save(tmp_path / f"{name}.png")
    return {
        "udnie": make("udnie", "Udnie", "A", "", picture="udnie.png"),
        "the_scream": make("the_scream", "The Scream", "B", "", picture="the_scream.png", train={"style_size": 40}),
        "painted": make("painted", "P", "fastnst", "", picture="painted.png", photos="samples"),
    }


@pytest.fixture
def plan(script, tmp_path):
    folder = tmp_path / "published"
    folder.mkdir()
    return script.Plan("photos", "val", tmp_path, None, tmp_path / "runs", folder, ["--size", "32"])


def test_each_style_is_trained_once_and_all_in_one_network(script, trained, table, plan, monkeypatch):
    monkeypatch.setattr(script, "copy_photos", lambda folder: None)
    names = [*table, "gallery"]
    assert script.train_all(table, names, ("3m", "20m"), plan) == 0
    udnie, scream, painted, gallery = trained
    common = ["--photos", "photos", "--val", "val", "--time_budget"]
    picture = str(plan.pictures / "udnie.png")
    assert udnie == ["train", "--style", picture, *common, "3m", "--size", "32", "--out", str(plan.runs / "udnie")]
    assert scream[8:12] == ["3m", "--style_size", "40", "--size"]
    assert painted[4] == str(plan.runs / "photos")
    assert gallery[1:6] == ["--styles", *(str(plan.pictures / f"{name}.png") for name in table), "--photos"]
    assert gallery[gallery.index("--time_budget") + 1] == "20m"
    assert {path.name for path in plan.folder.iterdir()} == {f"{n}.{e}" for n in names for e in ("safetensors", "md")}
    assert len(read_metadata(plan.folder / "gallery.safetensors").styles) == 3


def test_what_is_finished_is_published_again_but_not_trained(script, trained, table, plan):
    script.train_all(table, ["udnie"], ("3m", "20m"), plan)
    (plan.folder / "udnie.md").unlink()
    assert script.train_all(table, ["udnie"], ("3m", "20m"), plan) == 0
    assert len(trained) == 1
    assert (plan.folder / "udnie.md").is_file()


def test_a_run_that_was_interrupted_goes_on(script, trained, table, plan):
    script.train_all(table, ["udnie"], ("3m", "20m"), plan)
    (plan.runs / "udnie" / script.FINISHED).unlink()
    assert script.holds_run(plan.runs / "udnie")
    with pytest.raises(FileExistsError):  # this stand-in makes its folder once
        script.train_all(table, ["udnie"], ("3m", "20m"), plan)
    assert trained[-1][-1] == "--resume"


def test_a_failure_stops_no_other_style_but_an_interruption_does(script, trained, table, plan, monkeypatch, capsys):
    codes = iter([1, 0, 130])
    train = script.fastnst
    monkeypatch.setattr(script, "fastnst", lambda words: next(codes) or train(words))
    assert script.train_all(table, ["udnie", "the_scream"], ("3m", "20m"), plan) == script.PARTLY
    assert "failed: udnie" in capsys.readouterr().err
    assert [path.name for path in plan.folder.glob("*.md")] == ["the_scream.md"]
    assert script.train_all(table, ["udnie", "gallery"], ("3m", "20m"), plan) == 130


def test_pictures_are_looked_for_before_anything_is_trained(script, trained, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="udnie: its picture is not there"):
        script.main(["--photos", "photos", "--pictures", str(tmp_path), "--only", "udnie"])
    with pytest.raises(SystemExit, match="did you mean 'udnie'"):
        script.main(["--photos", "photos", "--only", "undie"])
    assert not trained
