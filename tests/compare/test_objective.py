import logging
from dataclasses import replace
from pathlib import Path

import pytest

from fastnst.checkpoint import read_metadata
from fastnst.compare.objective import read_loss, read_objective, read_scales, same_objective
from fastnst.errors import ConfigError


def test_a_header_holds_loss_scales_and_style(trained):
    objective = read_objective(trained, read_metadata(trained))
    assert objective.loss.content == {"relu2_1": 1}
    assert objective.content_scales == {"relu2_1": 0.5}
    assert objective.style.shape == (1, 3, 48, 48)


@pytest.mark.parametrize("scales", [None, {}, {"relu3_1": 1.0}])
def test_a_header_without_the_scale_of_a_layer_has_none(trained, scales):
    metadata = read_metadata(trained)
    metadata = replace(metadata, loss=metadata.loss | {"content_scales": scales})
    assert read_scales(metadata, read_loss(metadata)) is None


def test_a_header_older_than_scales_was_trained_at_one(trained):
    metadata = read_metadata(trained)
    old = {key: value for key, value in metadata.loss.items() if key not in ("scales", "content_scale")}
    loss = read_loss(replace(metadata, loss=old))
    assert (loss.scales, loss.content_scale) == ({1: 1.0}, 1)
    assert read_loss(metadata).scales == {1: 1.0, 2: 0.9, 4: 0.8}


def test_a_header_without_a_loss_cannot_be_compared(model_file):
    with pytest.raises(ConfigError, match="does not say under which loss"):
        read_objective(model_file, read_metadata(model_file))


def test_a_header_that_lists_no_style_wants_the_picture(trained, style_picture, caplog):
    metadata = replace(read_metadata(trained), styles=[])
    with pytest.raises(ConfigError, match="give it as --style"):
        read_objective(trained, metadata)
    assert read_objective(trained, metadata, style=str(style_picture)).style.shape == (1, 3, 70, 80)
    assert not caplog.records


def test_another_picture_than_the_one_trained_on_is_reported(trained, style_picture, caplog):
    with caplog.at_level(logging.WARNING):
        read_objective(trained, read_metadata(trained), style=str(style_picture))
    assert "not the file" in caplog.text


def test_objectives_are_the_same_by_loss_scales_and_style(trained):
    one = read_metadata(Path(trained))

    def with_loss(**change):
        return replace(one, loss=one.loss | change)

    assert same_objective(one, with_loss(content_scales={"relu2_1": 0.5001}))
    assert not same_objective(one, with_loss(content_scales={"relu2_1": 0.6}))
    assert not same_objective(one, with_loss(content_scales={}))
    assert not same_objective(one, with_loss(tv=7.0))
    assert not same_objective(one, replace(one, styles=[]))
    assert not same_objective(one, replace(one, loss={}))
