import json
import shutil
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from datasets import Features, Image, IterableDataset
from pytorch_lightning import LightningModule, Trainer

from fastnst.data import module as data_module
from fastnst.data import open_photos
from fastnst.data.module import ImageDataModule
from fastnst.errors import ConfigError


def make(photos, **options) -> ImageDataModule:
    module = ImageDataModule(str(photos), **({"size": 32, "val_count": 2, "workers": 0, "batch_size": 2} | options))
    module.setup("fit")
    return module


def test_batches_are_square_crops_without_end(photos):
    batches = list(islice(make(photos).train_dataloader(), 20))
    assert {batch.shape for batch in batches} == {(2, 3, 32, 32)}
    assert not torch.equal(batches[0], batches[1])


def test_held_out_photographs_are_not_trained_on(photos):
    module = make(photos)
    assert module.held_out.shape == (2, 3, 32, 32)
    assert 0 <= module.held_out.min() < module.held_out.max() <= 1
    assert len(module._train) == 10
    assert torch.equal(module.held_out, make(photos).held_out)


def test_held_out_photographs_may_come_from_elsewhere(photos, tmp_path, make_picture):
    make_picture(seed=50).save(tmp_path / "v.png")
    module = make(photos, val=str(tmp_path))
    assert len(module.held_out) == 1
    assert len(module._train) == 12


@pytest.fixture
def hub_set(photos, monkeypatch):
    """Twelve photographs in three files, as a set on the hub."""
    rows = open_photos(photos).to_iterable_dataset(num_shards=3)
    monkeypatch.setattr(data_module, "open_photos", lambda source: rows)
    return "somebody/set"


def at_step(module: ImageDataModule, step: int) -> list[torch.Tensor]:
    """Return the batches up to the 20th that a trainer gets which stands at a step."""
    strategy = SimpleNamespace(root_device=torch.device("cpu"))
    facts = {"global_rank": 0, "world_size": 1, "global_step": step, "accumulate_grad_batches": 1}
    module.trainer = SimpleNamespace(**facts, strategy=strategy)
    return list(islice(module.train_dataloader(), 20 - step))


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_a_hub_set_is_streamed_and_resumed_bit_for_bit(hub_set, workers):
    straight = at_step(make(hub_set, workers=workers), 0)
    assert {batch.shape for batch in straight} == {(2, 3, 32, 32)}
    resumed = at_step(make(hub_set, workers=workers), 13)
    assert all(torch.equal(*pair) for pair in zip(straight[13:], resumed, strict=True))


@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_a_stream_has_no_more_workers_than_files(hub_set):
    loader = make(hub_set, workers=8).train_dataloader()
    assert loader.num_workers == 3
    assert len(list(islice(loader, 12))) == 12


def test_a_stream_smaller_than_what_is_held_out_says_so(hub_set):
    loader = make(hub_set, val_count=12).train_dataloader()
    with pytest.raises(ConfigError, match="no photographs to train on beside the 12 that are held out"):
        next(iter(loader))


def test_an_empty_stream_says_so(hub_set, monkeypatch):
    nothing = IterableDataset.from_generator(lambda: iter(()), features=Features({"image": Image(decode=False)}))
    monkeypatch.setattr(data_module, "open_photos", lambda source: nothing)
    with pytest.raises(ConfigError, match="somebody/set: no usable photograph to validate on: there are none"):
        make(hub_set)


def test_facts_are_plain_data_without_folders(photos):
    facts = make(photos, seed=3).facts()
    assert facts == {"photos": photos.name, "size": 32, "batch_size": 2, "seed": 3, "held_out": 2}
    assert json.loads(json.dumps(facts)) == facts


def test_skipped_photographs_are_named(photos, tmp_path):
    shutil.copytree(photos, tmp_path / "mixed")
    for i in range(3):
        (tmp_path / "mixed" / f"broken{i}.jpg").write_text("no")
    module = make(tmp_path / "mixed", workers=1, val_count=1)
    assert module.skipped() == []
    list(islice(module.train_dataloader(), 14))
    names = {f"broken{i}.jpg" for i in range(3)}
    assert len(names & {Path(name).name for name in module.skipped()}) >= 2


def test_setup_may_be_repeated(photos):
    module = make(photos)
    held_out = module._held_out
    module.setup("fit")
    assert module._held_out is held_out


@pytest.mark.parametrize("options", [{"size": 8}, {"batch_size": 0}, {"val_count": 0}, {"workers": -1}])
def test_impossible_settings_are_refused(photos, options):
    with pytest.raises(ConfigError, match="data wants"):
        ImageDataModule(str(photos), **options)


def test_one_photograph_is_too_few(tmp_path, make_picture):
    make_picture().save(tmp_path / "only.png")
    with pytest.raises(ConfigError, match="at least 2 are needed"):
        make(tmp_path)


class Recorder(LightningModule):
    """Note what each step sees."""

    def __init__(self) -> None:
        super().__init__()
        self.weight, self.seen = torch.nn.Parameter(torch.ones(())), []

    def training_step(self, batch, batch_idx):
        self.seen.append(batch.double().sum().item())
        return self.weight * batch.mean()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trained(folder: Path, data: ImageDataModule, steps: int, ckpt_path: Path | None = None) -> list[float]:
    quiet = dict.fromkeys(("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary"), False)
    trainer = Trainer(accelerator="cpu", max_steps=steps, limit_val_batches=0, default_root_dir=folder, **quiet)
    module = Recorder()
    trainer.fit(module, datamodule=data, ckpt_path=ckpt_path)
    trainer.save_checkpoint(folder / f"{steps}.ckpt")
    return module.seen


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.filterwarnings("ignore")
def test_a_resumed_training_sees_what_an_uninterrupted_one_sees(hub_set, tmp_path, workers):
    whole = trained(tmp_path, make(hub_set, workers=workers), 16)
    assert trained(tmp_path, make(hub_set, workers=workers), 7) == whole[:7]
    assert trained(tmp_path, make(hub_set, workers=workers), 16, tmp_path / "7.ckpt") == whole[7:]


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.filterwarnings("ignore")
def test_a_trainer_raises_the_error_of_a_worker_as_it_is(photos, tmp_path, workers):
    (tmp_path / "bad.jpg").write_text("no")
    with pytest.raises(ConfigError, match=r"^no usable photograph among 1 in a row: \S*bad\.jpg: not a picture[^\n]*$"):
        trained(tmp_path, make(tmp_path, val=str(photos), workers=workers), 2)
