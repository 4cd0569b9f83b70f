"""Whole trainings, of a second each."""

import json
import os
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import fastnst
from fastnst.cli import run
from fastnst.data.module import ImageDataModule
from fastnst.images import fit, read_image
from fastnst.losses import LossConfig
from fastnst.networks import build_network
from fastnst.training import Training, take_targets
from fastnst.training.module import FeedForwardModule

RESUME = Path("checkpoints") / "last.ckpt"

STYLE = {f"style/{layer}{at}" for layer in ("relu1_1", "relu2_1") for at in ("", "@2", "@4")}
TERMS = {"loss", "content/relu2_1", "tv"} | STYLE


def in_process(options: list[str]) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "fastnst", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
    )


def wait_for(process: subprocess.Popen, words: str, sent: signal.Signals, begun: Path) -> None:
    """Send a signal once a run has begun its steps, and read its errors until it says what it does about that."""
    while not begun.exists() and process.poll() is None:
        time.sleep(0.1)
    time.sleep(1)
    process.send_signal(sent)
    while words not in process.stderr.readline() and process.poll() is None:
        pass


def out_of(options: list[str]) -> Path:
    return Path(options[options.index("--out") + 1])


def into(options: list[str], folder: Path) -> list[str]:
    changed = list(options)
    changed[changed.index("--out") + 1] = str(folder)
    return changed


def scalars(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def test_training_leaves_a_style_a_config_a_resume_file_and_a_log(train_options, capsys, make_picture):
    assert run(train_options) == 0
    out = out_of(train_options)
    assert {path.name for path in out.iterdir()} >= {"style.safetensors", "config.yaml", "checkpoints"}
    assert fastnst.load(out / "style.safetensors", "cpu")(make_picture()).size == (48, 40)
    assert f"fastnst stylize --model {out / 'style.safetensors'}" in capsys.readouterr().out
    events = scalars(out)
    terms = TERMS
    logged = set(events.Tags()["scalars"])
    assert {f"train/{term}" for term in terms} | {f"val/{term}" for term in terms} | {
        "lr",
        "images_per_second",
    } <= logged
    assert set(events.Tags()["images"]) == {"style", "painted"}
    parts = [events.Scalars(f"train/{term}")[0].value for term in terms - {"loss"}]
    assert events.Scalars("train/loss")[0].value == pytest.approx(sum(parts), rel=1e-4)


def test_metadata_tells_how_it_was_made_and_judged(train_options):
    run(train_options)
    metadata = fastnst.load(out_of(train_options) / "style.safetensors", "cpu").metadata
    assert metadata.network == {
        "name": "lite",
        "config": {"width": 4, "blocks": 1, "detail": 16, "deep": 48, "deep_blocks": 4, "full": 8, "crisp": 4},
    }
    assert metadata.styles[0]["name"] == "waves"
    assert len(metadata.styles[0]["sha256"]) == 64
    assert metadata.loss["backbone"] == "vgg19"
    assert metadata.training["steps"] == 4
    assert metadata.judged["photos"] == 2
    assert set(metadata.judged["terms"]) == TERMS
    assert str(Path.home()) not in json.dumps(vars(metadata))
    assert "/" not in metadata.training["photos"]


def test_resume_file_holds_no_backbone(train_options):
    run(train_options)
    checkpoint = torch.load(out_of(train_options) / RESUME, weights_only=True)
    assert not any("backbone" in key for key in checkpoint["state_dict"])


def test_a_resumed_run_equals_an_uninterrupted_one(train_options, tmp_path, capsys):
    straight, broken = into(train_options, tmp_path / "straight"), into(train_options, tmp_path / "broken")
    steps = ["--steps", "20", "--trainer.val_check_interval", "4", "--data.workers", "1"]
    assert run([*straight, *steps]) == 0
    killed = in_process([*broken, *steps, "--trainer.callbacks+=spies.DieAt", "--trainer.callbacks.step", "10"])
    killed.communicate(timeout=100)
    assert killed.returncode == 9
    assert run([*broken, *steps, "--resume", "auto"]) == 0
    weights = [load_file(tmp_path / name / "style.safetensors") for name in ("straight", "broken")]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_command_line_wins_over_the_checkpoint(train_options):
    run(train_options)
    longer = [
        *train_options,
        "--resume",
        "auto",
        "--steps",
        "6",
        "--model.lr",
        "0.5",
        "--trainer.log_every_n_steps",
        "1",
    ]
    assert run(longer) == 0
    rates = scalars(out_of(train_options)).Scalars("lr")
    assert rates[-1].step >= 4
    assert rates[-1].value > 1e-3
    checkpoint = torch.load(out_of(train_options) / RESUME, weights_only=True)
    assert checkpoint["global_step"] == 6


def test_resuming_a_finished_run_changes_nothing(train_options):
    run(train_options)
    before = load_file(out_of(train_options) / "style.safetensors")
    assert run([*train_options, "--resume", "auto"]) == 0
    after = load_file(out_of(train_options) / "style.safetensors")
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_a_second_run_does_not_overwrite_the_first(train_options, capsys):
    run(train_options)
    assert run(train_options) == 2
    assert "holds a run already; go on with --resume, begin it anew with --overwrite" in capsys.readouterr().err


def test_resuming_elsewhere_keeps_the_run_that_is_there(train_options, tmp_path, capsys):
    run(train_options)
    first, second = out_of(train_options), tmp_path / "second"
    longer = ["--steps", "6", "--resume", str(first / RESUME)]
    assert run([*into(train_options, second), *longer]) == 0
    assert torch.load(second / RESUME, weights_only=True)["global_step"] == 6
    assert torch.load(first / RESUME, weights_only=True)["global_step"] == 4
    assert run([*train_options, "--resume", str(second / RESUME)]) == 2
    assert "holds a run already" in capsys.readouterr().err


def test_resume_auto_without_a_checkpoint_says_so(train_options, capsys):
    assert run([*train_options, "--resume", "auto"]) == 0
    assert "starting fresh" in capsys.readouterr().out


def test_config_used_can_be_used_again(train_options, tmp_path):
    run(train_options)
    again = ["train", "--config", str(out_of(train_options) / "config.yaml"), "--out", str(tmp_path / "again")]
    assert run(again) == 0
    first, second = (load_file(path / "style.safetensors") for path in (out_of(train_options), tmp_path / "again"))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_config_is_found_by_name_and_overridden(capsys):
    with pytest.raises(SystemExit) as exit_:
        run(["train", "--config", "johnson2016", "--style_weight", "7", "--print_config"])
    assert exit_.value.code == 0
    printed = capsys.readouterr().out
    assert "backbone: vgg16_caffe" in printed
    assert "style_weight: 7" in printed


def timed(options: list[str], budget: str) -> list[str]:
    at = options.index("--steps")
    return [*options[:at], "--time_budget", budget, *options[at + 2 :]]


def test_a_time_budget_is_kept_and_ends_with_a_validation(train_options, capsys):
    assert run([*timed(train_options, "4s"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert 3 < facts["seconds"] < 5  # 4, and what two busy cores may add
    assert facts["steps"] > 4
    assert facts["judged"]["loss"] > 0
    metadata = fastnst.load(out_of(train_options) / "style.safetensors", "cpu").metadata
    assert metadata.judged["terms"] == facts["judged"]
    rates = [event.value for event in scalars(out_of(train_options)).Scalars("lr")]
    assert max(rates) > 1.8e-3
    assert rates[-1] < 2e-4


@pytest.fixture
def spies(monkeypatch):
    """Let this process import the callbacks of ``spies.py`` by name."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1]))


def test_on_a_slow_machine_the_learning_rate_falls_all_the_same(train_options, spies):
    slow = ["--trainer.callbacks+=spies.Slow", "--trainer.callbacks.seconds", "0.3"]
    assert run([*timed(train_options, "5s"), *slow]) == 0
    rates = [event.value for event in scalars(out_of(train_options)).Scalars("lr")]
    assert len(rates) < 20
    assert rates[-1] < 5e-4 < max(rates)


def test_of_steps_and_time_whichever_ends_first_ends_the_run(train_options, capsys):
    assert run([*train_options, "--time_budget", "10m", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == 4
    other = [*into(train_options, out_of(train_options) / "other"), "--steps", "1000000", "--time-budget", "1.5s"]
    assert run([*other, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] < 1000000


def test_resuming_counts_the_time_that_was_spent(train_options, capsys):
    assert run([*timed(train_options, "2s"), "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert run([*timed(train_options, "2s"), "--resume"]) == 0
    assert "nothing left to do" in capsys.readouterr().out
    assert torch.load(out_of(train_options) / RESUME, weights_only=True)["global_step"] == first["steps"]
    assert run([*timed(train_options, "3s"), "--resume", "--json"]) == 0
    longer = json.loads(capsys.readouterr().out)
    assert longer["steps"] > first["steps"]
    assert 2 < longer["seconds"] < 4.5


def test_the_config_of_a_timed_run_can_be_used_again(train_options, tmp_path, capsys):
    assert run(timed(train_options, "1s")) == 0
    config = (out_of(train_options) / "config.yaml").read_text()
    assert "time_budget: 1s" in config
    again = ["train", "--config", str(out_of(train_options) / "config.yaml"), "-o", str(tmp_path / "again")]
    assert run(again) == 0
    assert (tmp_path / "again" / "style.safetensors").exists()


def test_the_last_step_is_validated_whatever_the_interval(train_options):
    assert run([*train_options, "--trainer.val_check_interval", "3"]) == 0
    steps = {event.step for event in scalars(out_of(train_options)).Scalars("val/loss")}
    assert steps == {2, 3}  # Lightning counts from 0: behind the third step, and the fourth
    metadata = fastnst.load(out_of(train_options) / "style.safetensors", "cpu").metadata
    assert metadata.judged["terms"]["loss"] == scalars(out_of(train_options)).Scalars("val/loss")[-1].value


def test_the_recipe_without_lightning_trains_the_same_network(train_options, photos, style_picture, toy_weights):
    assert run([*train_options, "--seed", "3"]) == 0
    data = ImageDataModule(str(photos), size=32, batch_size=2, val_count=2, workers=0, seed=3)
    data.setup()
    torch.manual_seed(3)
    network = build_network("lite", width=4, blocks=1).to(memory_format=torch.channels_last)
    layers = {"content": {"relu2_1": 1.0}, "style": {"relu1_1": 1.0, "relu2_1": 1.0}}
    loss = LossConfig("vgg19", weights=toy_weights, **layers).build()
    style = fit(read_image(style_picture), shorter=48)
    training = Training(network, take_targets(loss, style, data.held_out))
    for number, batch in enumerate(islice(data.train_dataloader(), 4)):
        training(data.on_after_batch_transfer(batch, 0), number / 4)
    trained = load_file(out_of(train_options) / "style.safetensors")
    assert all(torch.equal(trained[key], value) for key, value in network.state_dict().items())


def test_overwrite_begins_the_run_anew(train_options):
    run(train_options)
    assert run([*train_options, "--steps", "2", "--overwrite"]) == 0
    assert torch.load(out_of(train_options) / RESUME, weights_only=True)["global_step"] == 2
    assert len(list(out_of(train_options).glob("events.out.tfevents.*"))) == 1


def test_a_run_that_cannot_begin_leaves_the_one_that_is_there(train_options, tmp_path):
    run(train_options)
    before = (out_of(train_options) / "style.safetensors").read_bytes()
    assert run([*train_options, "--overwrite", "--data.val", str(tmp_path / "gone")]) == 2
    assert (out_of(train_options) / "style.safetensors").read_bytes() == before


def test_quiet_prints_nothing(train_options, capfd):
    assert run([*train_options, "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")


def test_one_seed_sets_everything(train_options):
    run([*train_options, "--seed", "7"])
    config = yaml.safe_load((out_of(train_options) / "config.yaml").read_text())
    assert config["seed_everything"] == config["data"]["seed"] == 7


def test_other_loggers_get_pictures(train_options, tmp_path, spies):
    pictures = ["--trainer.logger", "spies.Pictures", "--trainer.logger.save_dir", str(tmp_path)]
    assert run([*train_options, *pictures]) == 0
    assert {path.name for path in tmp_path.glob("*.png")} == {"style_0.png", "painted_4.png"}


def test_a_second_sigterm_stops_at_once_and_exits_with_143(train_options):
    process = in_process([*train_options, "--steps", "100000", "--trainer.callbacks+=spies.Stuck"])
    wait_for(process, "validating and saving", signal.SIGTERM, out_of(train_options) / "config.yaml")
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=100)
    assert process.returncode == 143
    assert "Traceback" not in errors


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_saves_and_says_how_to_go_on(train_options, sent, code):
    process = in_process([*train_options, "--steps", "100000", "--trainer.val_check_interval", "5"])
    deadline = time.monotonic() + 100
    while not (out_of(train_options) / RESUME).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(sent)
    output, errors = process.communicate(timeout=100)
    assert process.returncode == code, errors
    assert "go on with the same command and --resume" in output
    assert "Traceback" not in errors
    step = torch.load(out_of(train_options) / RESUME, weights_only=True)["global_step"]
    assert f"stopped at step {step}" in output
    more = ["--steps", str(step + 2), "--resume", "auto", "--trainer.val_check_interval", "5"]
    assert run([*train_options, *more]) == 0
    steps = [event.step for event in scalars(out_of(train_options)).Scalars("train/loss")]
    assert steps[-1] >= step
    assert sorted(set(steps)) == steps


def test_an_interruption_before_the_first_step_exits_with_130(train_options, monkeypatch, capsys):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(FeedForwardModule, "on_fit_start", interrupt)
    assert run(train_options) == 130
    assert capsys.readouterr().err.endswith("fastnst: error: interrupted\n")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # Lightning leaves it ignored


def test_a_loss_that_is_not_finite_stops_the_run(train_options, capsys):
    assert run([*train_options, "--model.lr", "1e30", "--steps", "50"]) == 1
    assert "resume with a lower --lr" in capsys.readouterr().err


def test_two_processes_see_disjoint_photographs_and_end_with_the_same_weights(train_options, tmp_path):
    spy = tmp_path / "spy"
    spy.mkdir()
    two = ["--trainer.devices", "2", "--trainer.strategy", "ddp", "--data.val_count", "2", "--data.batch_size", "1"]
    two += ["--time_budget", "10m"]  # so that they must agree on the share of the run
    two += ["--trainer.callbacks+=spies.Spy", "--trainer.callbacks.folder", str(spy)]
    process = in_process([*train_options, *two])
    _, errors = process.communicate(timeout=200)
    assert process.returncode == 0, errors
    reports = [json.loads((spy / f"{rank}.json").read_text()) for rank in range(2)]
    first, second = ({tuple(key) for key in report["keys"]} for report in reports)
    assert min(len(first), len(second)) >= 4
    assert not first & second
    assert reports[0]["weights"] == reports[1]["weights"]


def test_nothing_usable_is_one_line_even_from_a_worker(train_options, photos, tmp_path, capsys):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.jpg").write_text("no")
    options = [*train_options, "--data.val", str(photos), "--data.workers", "1", "--photos", str(tmp_path / "bad")]
    assert run(options) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("fastnst: error: no usable photograph")
    assert "a.jpg: not a picture" in said
    assert "Traceback" not in said


def test_broken_photographs_are_reported_at_the_end(train_options, photos, tmp_path, capsys):
    import shutil

    shutil.copytree(photos, tmp_path / "mixed")
    for i in range(8):
        (tmp_path / "mixed" / f"broken{i}.jpg").write_text("no")
    options = [*train_options, "--steps", "12", "--photos", str(tmp_path / "mixed")]
    assert run(options) == 0
    assert "photographs that could not be used" in capsys.readouterr().out
