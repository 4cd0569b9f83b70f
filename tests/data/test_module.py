from itertools import islice

import pytest
import torch

from fastnst.data import ImageDataModule, open_photos
from fastnst.data import module as data_module
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


def test_a_hub_set_is_streamed(photos, monkeypatch):
    monkeypatch.setattr(
        data_module, "open_photos", lambda source: open_photos(photos).to_iterable_dataset(num_shards=3)
    )
    module = make("somebody/set", workers=2)
    batches = list(islice(module.train_dataloader(), 12))
    assert {batch.shape for batch in batches} == {(2, 3, 32, 32)}


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
