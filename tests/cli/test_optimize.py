import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from fastnst.cli import run


@pytest.fixture
def options(photos, style_picture, toy_weights):
    return [
        *("optimize", "--content", str(photos / "01.png"), "--style", str(style_picture), "--size", "40"),
        *("--steps", "5", "--style_size", "32", "--device", "cpu", "--loss.backbone", "vgg19"),
        *("--loss.weights", str(toy_weights)),
        *("--loss.content", "{relu2_1: 1}", "--loss.style", "{relu1_1: 1, relu2_1: 1}"),
    ]


def test_a_picture_and_its_loss_curve(options, tmp_path, capsys):
    assert run([*options, "--out", str(tmp_path / "o.png"), "--log", str(tmp_path / "log")]) == 0
    assert max(Image.open(tmp_path / "o.png").size) == 40
    assert "after 5 steps" in capsys.readouterr().out
    events = EventAccumulator(str(tmp_path / "log"))
    events.Reload()
    curve = [event.value for event in events.Scalars("loss")]
    assert len(curve) == 6
    assert curve[-1] < curve[0]
    assert {"content/relu2_1", "style/relu1_1"} <= set(events.Tags()["scalars"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--steps", "0"], "positive"),
        (["--size", "0"], "at least 1 pixel"),
        (["--optimizer", "sgd"], "lbfgs"),
        (["--loss.backbone", "vgg"], "unknown backbone 'vgg'"),
        (["--loss.style", "{relu9_9: 1}"], "unknown layer of vgg19 'relu9_9'"),
        (["--loss.style", "{relu4_1: 1}"], "does not hold conv2_2"),
        (["--content", "gone.jpg"], "gone.jpg: no such file"),
        (["--out", "o.bmp"], "cannot write .bmp"),
    ],
)
def test_bad_settings_get_one_line_and_write_nothing(options, tmp_path, capsys, monkeypatch, change, words):
    monkeypatch.chdir(tmp_path)
    try:
        code = run([*options, "--out", "o.png", *change])
    except SystemExit as exit_:
        code = exit_.code
    said = capsys.readouterr().err.strip()
    assert code in (1, 2)
    assert words in said
    assert "\n" not in said
    assert not list(tmp_path.iterdir())


def test_an_existing_picture_is_kept(options, tmp_path, capsys):
    (tmp_path / "o.png").write_text("mine")
    assert run([*options, "--out", str(tmp_path / "o.png")]) == 2
    assert (tmp_path / "o.png").read_text() == "mine"
