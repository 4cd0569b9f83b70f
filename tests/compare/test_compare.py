import json
import signal
from dataclasses import replace

import pytest
import torch
from fastnst.compare.race import YARDSTICK, crossing, judged_at

import fastnst.compare
from fastnst.checkpoint import load_checkpoint, save_checkpoint
from fastnst.cli import run
from fastnst.compare import Case, Judge, Point, Verdict, race, summarize
from fastnst.compare.summary import headline
from fastnst.images import pack_image, read_image
from fastnst.losses import GramLoss, LossConfig, PerceptualLoss


@pytest.fixture
def trained(tmp_path, model_file, style_picture):
    """A checkpoint that says under which loss and for which style it was trained."""
    network, metadata = load_checkpoint(model_file)
    picture = read_image(style_picture)[..., :48, :48]
    style = {"name": "waves", "sha256": "0" * 64, "size": [48, 48], "picture": pack_image(picture)}
    loss = LossConfig(content={"relu2_1": 1.0}, style={"relu1_1": 1.0, "relu2_1": 1.0}).describe()
    metadata = replace(metadata, styles=[style], loss=loss | {"content_scales": {}}, training={"seconds": 100})
    path = tmp_path / "waves.safetensors"
    save_checkpoint(path, network, metadata)
    return path


def curve(*totals):
    return [Point(i * 10, i * 1.0, Verdict({"style/relu1_1": total}, 0.5)) for i, total in enumerate(totals)]


def test_where_a_curve_reaches_a_goal():
    assert crossing(curve(9, 5, 3), 4) == (15, 1.5)
    assert crossing(curve(9, 5, 3), 9) == (0, 0)
    assert crossing(curve(9, 5, 3), 1) is None


def test_a_network_is_worth_as_many_iterations_as_it_saves():
    def case(name, goal):
        return Case(
            name,
            64,
            Verdict({"style/relu1_1": 9.0}, 1.0),
            {"net": (Verdict({"style/relu1_1": goal}, 0.4), 0.5)},
            {YARDSTICK: curve(9, 5, 3)},
        )

    (worth,) = summarize([case("a", 5), case("b", 4), case("c", 1)], {"net": 30.0}, 20)
    assert worth["equivalent_lbfgs_iterations"] == {"median": 15, "q1": 12.5, "q3": 17.5}
    assert worth["speedup"]["median"] == 3
    assert worth["break_even_images"]["median"] == 30
    assert worth["never_reached"] == 1
    assert headline(worth, 20).startswith(
        "net equals 15 iterations of L-BFGS (12-18), is 3.0 times faster, and pays back"
    )


def test_without_its_training_time_nothing_is_paid_back():
    case = Case("a", 64, Verdict({}, 1.0), {"net": (Verdict({"tv": 4.0}, 0.4), 0.5)}, {YARDSTICK: curve(9, 5, 3)})
    (worth,) = summarize([case], {"net": None}, 20)
    assert worth["break_even_images"] == {"median": None, "q1": None, "q3": None}
    assert "not known" in headline(worth, 20)


def test_judged_ever_more_rarely_but_at_the_end():
    marks = sorted(judged_at(200))
    assert marks[:4] == [0, 1, 2, 3]
    assert marks[-1] == 200
    assert len(marks) < 50


def test_what_is_written_is_what_is_judged(toy_backbone):
    loss = PerceptualLoss(toy_backbone, {"relu2_1": 1.0}, {"relu1_1": 1.0}, GramLoss())
    photo, style = torch.rand(1, 3, 20, 24), torch.rand(1, 3, 16, 16)
    judge = Judge(loss, loss, style, photo)
    image = 3 * torch.rand(1, 3, 20, 24) - 1
    written = (image.clamp(0, 1) * 255).round() / 255
    assert judge(image) == judge(written)
    expected = loss(written, loss.content_target(photo), loss.style_target(style))
    assert judge(image).total == pytest.approx(float(expected.total), rel=1e-6)


def test_the_report(trained, photos, tmp_path, capsys):
    words = ["--photos", str(photos), "--count", "2", "--sizes", "32", "48", "--steps", "6", "--device", "cpu"]
    other = tmp_path / "other.safetensors"
    other.write_bytes(trained.read_bytes())
    out = tmp_path / "report"
    assert run(["compare", "--model", str(trained), "--model", str(other), *words, "--out", str(out)]) == 0
    assert "waves equals" in capsys.readouterr().out
    report = json.loads((out / "report.json").read_text())
    for key in ("equivalent_lbfgs_iterations", "speedup", "break_even_images"):
        assert report[key].keys() == {"median", "q1", "q3"}
    assert [network["name"] for network in report["networks"]] == ["waves", "other"]
    assert len(report["cases"]) == 4
    page = (out / "report.html").read_text()
    assert "data:image/png;base64" in page
    assert "http" not in page.split("<pre>")[0]
    assert read_image(out / "report.png").shape[3] > 800
    assert run(["compare", "--model", str(trained), *words, "--out", str(out)]) == 2
    assert "exists" in capsys.readouterr().err


def test_an_interruption_keeps_what_was_found(trained, photos, tmp_path, capsys, monkeypatch):
    def interrupted(*arguments, **options):
        signal.raise_signal(signal.SIGINT)
        return race(*arguments, **options)

    monkeypatch.setattr(fastnst.compare, "race", interrupted)
    words = ["--photos", str(photos), "--count", "2", "--sizes", "48", "32", "--steps", "3", "--device", "cpu"]
    assert run(["compare", "--model", str(trained), *words, "--out", str(tmp_path / "report")]) == 130
    assert "interrupted after 1 of 4" in capsys.readouterr().err
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert [case["size"] for case in report["cases"]] == [32]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--count", "99"], "holds 12 photographs that can be used"),
        (["--sizes", "8"], "at least 32"),
        (["--steps", "0"], "at least 1"),
        (["--photos", "{empty}"], "holds no pictures"),
        (["--model", "{plain}"], "does not say under which loss"),
        (["--weights", "gone.safetensors"], "no such file"),
    ],
)
def test_bad_settings_get_one_line(trained, model_file, photos, tmp_path, capsys, change, words):
    (tmp_path / "empty").mkdir()
    change = [word.format(empty=tmp_path / "empty", plain=model_file) for word in change]
    model = [] if "--model" in change else ["--model", str(trained)]
    code = run(["compare", *model, "--photos", str(photos), "--out", str(tmp_path / "r"), *change])
    said = [line for line in capsys.readouterr().err.splitlines() if "error:" in line]
    assert code in (1, 2)
    assert len(said) == 1
    assert words in said[0]
    assert not (tmp_path / "r").exists()


def test_a_checkpoint_without_its_style_wants_it(trained, style_picture, photos, tmp_path, capsys):
    network, metadata = load_checkpoint(trained)
    bare = tmp_path / "bare.safetensors"
    save_checkpoint(bare, network, replace(metadata, styles=[{"name": "waves", "size": [48, 48]}]))
    words = ["compare", "--model", str(bare), "--photos", str(photos), "--count", "1", "--sizes", "32", "--steps", "2"]
    assert run([*words, "--out", str(tmp_path / "r")]) == 2
    assert "give it as --style" in capsys.readouterr().err
    assert run([*words, "--out", str(tmp_path / "r"), "--style", str(style_picture)]) == 0
