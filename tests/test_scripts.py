"""What the measuring scripts rest on: the baseline is the same computation, and a plot shows what was measured."""

import importlib
import json
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from fastnst.backbones.vgg import vgg16
from fastnst.budget import Budget
from fastnst.errors import ConfigError
from fastnst.images.sheet import LABEL, MARGIN
from fastnst.losses import LossConfig, PerceptualLoss
from fastnst.losses.style import GramLoss
from fastnst.networks import build_network
from fastnst.training import Recipe, Training

SCRIPTS = Path(__file__).parents[1] / "scripts"


@pytest.fixture
def script(monkeypatch):
    """Import a script by name, as its neighbors do."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if (SCRIPTS / f"{name}.py").exists():
            del sys.modules[name]


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("*.py")), ids=lambda path: path.stem)
def test_every_script_can_be_imported(script, path):
    assert script(path.stem).__doc__


def test_the_baseline_network_computes_what_ours_does(script):
    torch.manual_seed(0)
    plain = script("bench_recipes").plain_network().eval()
    torch.manual_seed(0)
    ours = script("bench_recipes").build_network("johnson").eval()
    image = torch.rand(1, 3, 32, 40)
    with torch.no_grad():
        torch.testing.assert_close(plain(image), ours(image), atol=1e-4, rtol=1e-4)
    assert not any(type(module).__module__.startswith("fastnst") for module in plain.output.modules())


def test_the_baseline_objective_is_ours_in_raw_units(script):
    recipes = script("bench_recipes")
    backbone = vgg16("max", "zeros")
    for module in backbone.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    plain = recipes.Plain(nn.Sequential(*backbone.stages.values()), (3, 8, 15, 22))
    config = LossConfig(**recipes.preset("pytorch_examples")["loss"])
    ours = PerceptualLoss(backbone, config.content, config.style, GramLoss(), config.style_weight, 0, "raw")
    photo, painted, style = torch.rand(3, 1, 3, 32, 32).unbind()
    report = ours(painted, ours.content_target(photo), ours.style_target(style))
    found, wanted, targets = (plain((x - backbone.mean) / backbone.std) for x in (painted, photo, style))
    expected = 1e5 * F.mse_loss(found[1], wanted[1])
    grams = ((recipes.plain_gram(a), recipes.plain_gram(b)) for a, b in zip(found, targets, strict=True))
    expected = expected + 1e10 * sum(F.mse_loss(a, b) for a, b in grams)
    torch.testing.assert_close(report.total, expected, rtol=1e-3, atol=0)


def test_the_measured_step_is_the_recipes(script):
    torch.manual_seed(0)
    training = script("time_to_quality").fast_training(
        LossConfig(), torch.rand(1, 3, 64, 64), torch.rand(2, 3, 32, 32), grow=0.5
    )
    assert type(training) is Training
    assert training.recipe == Recipe()
    batch = torch.rand(1, 3, 64, 64)
    before = [weight.clone() for weight in training.network.parameters()]
    assert float(training(batch, 0.1).total) > 0
    assert not all(torch.equal(a, b) for a, b in zip(before, training.network.parameters(), strict=True))
    step = script("bench_recipes").our_step("fast", "float32", 0.0, torch.device("cpu"))
    assert float(step().total) > 0


def test_a_folder_is_painted_by_a_loop_and_by_fastnst(script):
    recipes, device = script("bench_recipes"), torch.device("cpu")
    jobs, album = [], recipes._album
    recipes._album = lambda *what: jobs.append(album(*what)) or jobs[-1]
    recipes.serial_folder("lite", "jpg", 2, device)()
    assert len(recipes.our_folder("lite", "jpg", 2, device)().painted) == 2
    for (_, one), (_, other) in zip(jobs[0].tasks, jobs[1].tasks, strict=True):
        assert Image.open(one).size == Image.open(other).size == (640, 480)


def test_time_to_quality_spends_its_time_and_no_more(script, monkeypatch):
    quality = script("time_to_quality")
    shares = []
    training = lambda batch, share: shares.append(share) or time.sleep(0.01)  # noqa: E731
    training.network = None
    monkeypatch.setattr(quality, "fast_training", lambda *_: training)
    judge = type("Judge", (), {"photos": {256: torch.rand(1, 3, 8, 8)}, "__call__": lambda self, network: {256: 1.0}})()
    line = quality.train_fast(torch.rand(1, 3, 8, 8), iter(lambda: torch.rand(1), None), 0.3 / 60, judge, 0.5)
    assert line["steps"] == len(shares)
    assert shares == sorted(shares)
    assert shares[0] < 0.1
    assert 0.8 < shares[-1] < 1


def test_the_frontier_is_drawn_from_its_numbers(script, monkeypatch, tmp_path, capsys):
    frontier = script("frontier")
    rows = [
        {"name": "lite", "kmacs": 3.6, "objective": 2.7, "ms": 10.0},
        {"name": "large", "kmacs": 12.0, "objective": 2.9, "ms": 40.0},
    ]
    monkeypatch.setattr(frontier, "FILE", tmp_path / "frontier.json")
    frontier.FILE.write_text(json.dumps({"steps": 1, "rows": rows}))
    frontier.plot()
    assert "| lite | 3.6 | 10 | 2.70 |" in capsys.readouterr().out
    drawn = (tmp_path / "frontier.svg").read_text()
    assert all(f'<g id="{row["name"]}">' in drawn and f">{row['name']}</text>" in drawn for row in rows)
    assert drawn.endswith("</svg>\n")


def test_a_sheet_of_mixes_has_a_row_for_each_style_and_each_pair(script, gallery, make_picture, tmp_path):
    script("mixes").write_sheet(str(gallery), make_picture(32, 20), tmp_path / "sheet.jpg", width=32)
    width, height = Image.open(tmp_path / "sheet.jpg").size
    assert width == 5 * 32 + 6 * MARGIN
    assert height == 5 * (20 + LABEL) + 6 * MARGIN


@pytest.fixture
def adapting(script, monkeypatch, photos, two_styles, toy_weights, make_gallery, tmp_path):
    """Run ``adapt.py`` on two styles with a tiny network."""
    layers = {"content": {"relu2_1": 1.0}, "style": {"relu1_1": 1.0, "relu2_1": 1.0}}
    model = {"network": "lite", "network_options": {"width": 8, "blocks": 1}, "style_size": 48}
    model["loss"] = {"backbone": "vgg19", **layers}
    adapt = script("adapt")
    monkeypatch.setattr(script("adapt_runs"), "preset", lambda name: model)
    start = make_gallery(tmp_path / "start.safetensors", "wave", False)
    sources = ["--paintings", *map(str, two_styles), "--photos", str(photos), "--content", str(photos / "01.png")]
    settings = ["--init", str(start), "--weights", str(toy_weights), "--size", "64", "--out", str(tmp_path / "out")]

    def run(*words):
        adapt.main([*sources, *settings, "--count", "2", *words])
        return [json.loads(line) for line in (tmp_path / "out" / "results.jsonl").read_text().splitlines()]

    return run


def test_adapt_goes_on_where_it_stands(adapting, tmp_path):
    first = adapting("--budgets", "shared:instant", "--styles", "1")
    assert [(row["style"], row["steps"]) for row in first] == [("waves", 0)]
    with (tmp_path / "out" / "results.jsonl").open("a") as lines:
        lines.write('{"style": "sun", "sta')  # cut short
    rows = adapting("--budgets", "shared:2steps", "random:2steps", "shared:instant")
    assert rows[:1] == first
    made = [(row["start"], row["amount"], row["style"]) for row in rows[1:]]
    both = [(start, 2, style) for style in ("waves", "sun") for start in ("shared", "random")]
    assert made == [("shared", 0, "sun"), *both]  # short runs of all styles first
    assert len({row["loss"] for row in rows}) == 6
    out = tmp_path / "out"
    assert len(list(out.glob("networks/*/*.safetensors"))) == len(list(out.glob("pictures/*/*/01.png"))) == 6
    assert "From 2 styles, all runs of each." in (out / "report.md").read_text()
    assert all(f'<g id="{start}">' in (out / "adapt.svg").read_text() for start in ("shared", "random"))
    columns, rows = 1 + 3, 2
    assert Image.open(out / "sheet.jpg").size[0] == columns * (256 + MARGIN) + MARGIN
    assert adapting("--budgets", "shared:instant") == [json.loads(line) for line in (out / "results.jsonl").open()]
    with pytest.raises(ConfigError, match="photographs was .* choose another --out"):
        adapting("--budgets", "shared:instant", "--size", "48")


def test_adapt_trains_and_judges_by_the_defaults_of_train(script):
    runs = script("adapt_runs")
    model, defaults = runs.preset("fast"), runs.DEFAULTS
    assert LossConfig(**model.pop("loss")) == defaults["loss"] == LossConfig()
    assert model == {name: defaults[name] for name in model}


def test_adapt_counts_steps_and_waiting_for_photographs(script, monkeypatch):
    now, shares = [0.0], []

    def passes(seconds):
        now[0] += seconds

    def batches():
        while True:
            passes(0.5)
            yield torch.rand(1)

    def training(batch, share):
        passes(1.5)
        shares.append(share)
        training.steps += 1

    training.steps = 0
    monkeypatch.setattr("fastnst.training.clock.time", SimpleNamespace(perf_counter=lambda: now[0]))
    assert script("adapt_runs").descend(training, batches(), Budget(seconds=8)) == 8
    assert shares == [0, 0.25, 0.5, 0.75]


def test_adapt_says_from_how_many_styles_its_figures_are(script, tmp_path):
    report, run = script("adapt_report"), script("adapt_runs").Run.read
    runs = [run(text) for text in ("shared:instant", "shared:60s", "random:1m", "random:10m")]
    losses = {"a": [5.0, 2.0, 6.0, 3.0], "b": [8.0, 4.0, 7.0, 3.0], "c": [4.0, 1.0, 9.0, 1.0], "d": [4.0, 1.0, 3.0]}
    rows = [
        {"style": style, "start": one.start, "amount": one.amount, "unit": "s", "steps": 9, "loss": loss}
        for style, own in losses.items()
        for one, loss in zip(runs, own, strict=False)
    ]
    (tmp_path / "results.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    photographs, machine = {"held_out": 2, "size": 64}, {"device": "cpu: x", "threads": 2, "torch": "2", "date": ""}
    loss = {"backbone": "compact", "style_weight": 30}
    facts = {"network": {"name": "lite"}, "loss": loss, "photographs": photographs, "recipe": {"precision": "float32"}}
    (tmp_path / "run.json").write_text(json.dumps({"machine": machine, "facts": facts}))
    text = report.write_report(tmp_path, runs)
    assert "4 styles are begun; the medians are from the 3 that have all 4 runs" in text
    assert "| shared | instant | 9 | 4.50 | **5.00** | 6.50 |" in text
    assert "| shared 60 s, of random 10 min | 2 of 3 | 1.00 |" in text
    assert "| shared instant, of random 60 s | 2 of 4 | 0.99 |" in text
    assert report.write_report(tmp_path, runs[:3]).count("From 4 styles, all runs of each.") == 1


def test_the_report_tells_the_lattice_under_either_backbone(script, toy_weights, make_picture, tmp_path, monkeypatch):
    report = script("compact_report")
    monkeypatch.setattr(report, "PAINTED", 64)
    monkeypatch.setattr(report, "LAYERS", ("relu1_1", "relu2_1"))
    paths = [str(tmp_path / name) for name in ("photo.png", "style.png")]
    for seed, path in enumerate(paths):
        make_picture(64, 64, seed).save(path)
    asked = []
    paint = report.painted_under
    monkeypatch.setattr(
        report, "painted_under", lambda name, weights, *more: asked.append(name) or paint("vgg19", toy_weights, *more)
    )
    rows = list(report.lattice_rows(*paths, "teacher", None, steps=2))
    assert asked == ["compact", "vgg19"]
    assert [row.split("|")[1].strip() for row in rows] == [
        *("the photograph", "painted under compact", "painted under VGG-19")
    ]
    assert all(len(row.split("|")) == 6 for row in rows)


def test_the_table_of_scaling_compares_with_one_thread(script):
    scaling = script("scaling")
    speeds = {scaling.Team(1, 1): [4.0, 5.0, 6.0], scaling.Team(1, 2): [9.0, 8.0, 7.0], scaling.Team(2, 1): [10.0]}
    assert scaling.table(speeds, 4).splitlines()[2:] == [
        "| 1 of 1 thread | 4 | 5.0 | 4.0, 6.0 | 1.00 |",
        "| 1 of 2 threads | 4 | 8.0 | 7.0, 9.0 | 1.60 |",
        "| 2 of 1 thread | 2 | 10.0 | 10.0, 10.0 | 2.00 |",
    ]


def test_a_soak_tells_what_is_lost_and_what_is_there_twice(script, tmp_path, capsys):
    ledger = script("soak_ledger").Ledger(tmp_path / "ledger.jsonl")
    ledger.fault("folder", "SIGKILL")
    ledger.fault("server", "SIGKILL", "no answer")
    ledger.promise("folder", "pictures", 60, 2, 1)
    ledger.promise("folder", "pictures", 60, 0)
    assert "| SIGKILL | 0 | 1 | 1 | 1 | 1 |" in ledger.table()
    assert "| folder: pictures | 2 | 120 | 118 | 2 | 1 |" in ledger.table()
    assert [line.partition(", ")[2] for line in ledger.broken] == [
        *("server: after SIGKILL: no answer", "folder: pictures: 2 of 60 lost, 1 doubled")
    ]
    assert len((tmp_path / "ledger.jsonl").read_text().splitlines()) == 4


def test_a_soak_goes_on_behind_the_last_episode_that_was_played(script, tmp_path):
    soak_ledger, file = script("soak_ledger"), tmp_path / "ledger.jsonl"
    ledger = soak_ledger.Ledger(file)
    ledger.episode = 0
    ledger.fault("folder", "SIGKILL", "a file is lost")
    ledger.promise("folder", "pictures", 60, 1)
    ledger.say("folder", took=3)
    table = ledger.table()
    ledger.episode = 1
    ledger.fault("folder", "SIGTERM")  # and the soak was killed
    again = soak_ledger.Ledger(file)
    assert (again.episode, again.table()) == (0, table)
    assert again.broken == ledger.broken
    assert len(file.read_text().splitlines()) == 3


@pytest.fixture
def soaking(script, monkeypatch, tmp_path):
    """Play the first episode of a small folder."""
    soak, threads, handler = script("soak"), torch.get_num_threads(), signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(soak, "kinds", lambda: [soak.PLAIN])
    words = ["--only", "0", "--activities", "folder", "--pictures", "6", "--out", str(tmp_path / "soak")]
    yield lambda *more: soak.main([*words, *more])
    torch.set_num_threads(threads)
    signal.signal(signal.SIGTERM, handler)


def test_a_soak_disturbs_and_finds_everything_there(soaking, tmp_path):
    assert soaking("--faults", "2") == 0
    table = (tmp_path / "soak" / "ledger.md").read_text()
    assert "| all | 0 | 2 | 0 | 2 | 0 |" in table
    assert "| folder: pictures, equal by hash | 1 | 6 | 6 | 0 | 0 |" in table
    assert "| folder: lines of the manifest | 1 | 6 | 6 | 0 | 0 |" in table
    assert not (tmp_path / "soak" / "0000").exists()


def test_a_soak_fails_where_a_picture_is_another(soaking, script, monkeypatch, tmp_path, capsys):
    ground = script("soak_ground")
    expected = {"b/001.png": "0" * 64}
    monkeypatch.setattr(ground.Ground, "painted", expected)
    assert soaking("--faults", "0") == 1
    assert "pictures, equal by hash: 1 of 1 lost, 5 doubled" in capsys.readouterr().out


def test_a_widened_network_paints_the_same_until_it_learns(script, monkeypatch):
    widen = script("widen")
    monkeypatch.setattr(widen, "NOISE", 0.0)
    torch.manual_seed(0)
    narrow = build_network("lite", width=8, blocks=1, detail=4, deep=8, deep_blocks=1, full=2)
    wide = build_network("medium", width=12, blocks=2, detail=6, deep=16, deep_blocks=3, full=3)
    predictor = narrow.add_styles(statistics=10).predictor
    predictor.begin(torch.randn(5, 10), torch.randn(narrow.code_size))
    narrow.styles.photograph.data.normal_()
    widen.widen(narrow, wide)
    image, statistics = torch.rand(1, 3, 48, 64), torch.randn(1, 10)
    with torch.no_grad():
        for code, other in (
            (predictor(statistics), wide.styles.predictor(statistics)),
            (narrow.styles.photograph, wide.styles.photograph),
        ):
            torch.testing.assert_close(wide(image, other), narrow(image, code), atol=1e-4, rtol=1e-4)
