import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from fastnst.checkpoint import (
    CheckpointError,
    Metadata,
    Table,
    describe,
    load_checkpoint,
    read_metadata,
    read_table,
    save_checkpoint,
)
from fastnst.networks import build_network


def header(path) -> dict:
    with safe_open(path, "pt") as file:
        return file.metadata()


def rewrite(path, weights=None, **changes):
    """Write the checkpoint again with other weights or metadata fields."""
    network, _ = load_checkpoint(path)
    data = json.loads(header(path)["fastnst"]) | changes
    save_file(weights or network.state_dict(), path, metadata={"format": "pt", "fastnst": json.dumps(data)})
    return path


@pytest.fixture
def checkpoint(tmp_path, model_file):
    path = tmp_path / "copy.safetensors"
    path.write_bytes(model_file.read_bytes())
    return path


def test_saving_and_loading_is_identity(tmp_path):
    network = build_network("johnson", width=4, blocks=2)
    metadata = Metadata(describe(network), styles=[{"name": "waves"}], judged={"terms": {"loss": 0.5}})
    save_checkpoint(tmp_path / "style.safetensors", network, metadata)
    loaded, read = load_checkpoint(tmp_path / "style.safetensors")
    assert read == metadata
    assert not loaded.training
    image = torch.rand(1, 3, 20, 24)
    torch.testing.assert_close(loaded(image), network(image))


def test_half_precision_halves_the_file_and_rounds_the_weights(tmp_path):
    network = build_network("johnson", width=8, blocks=2)
    metadata = Metadata(describe(network), styles=[{"name": "waves"}])
    whole, half = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    save_checkpoint(whole, network, metadata)
    save_checkpoint(half, network, metadata, torch.float16)
    weights = sum(parameter.nbytes for parameter in network.parameters())
    assert whole.stat().st_size - half.stat().st_size == pytest.approx(weights / 2, rel=0.01)
    loaded, read = load_checkpoint(half)
    assert read == metadata
    for key, value in network.state_dict().items():
        assert loaded.state_dict()[key].dtype == torch.float32
        assert loaded.state_dict()[key].equal(value.half().float())


def test_a_small_file_keeps_a_predictor_in_8_bits(tmp_path):
    network = build_network("lite", width=4, blocks=1)
    predictor = network.add_styles(statistics=50).predictor
    predictor.begin(torch.randn(9, 50), network.style_code())
    torch.nn.init.normal_(predictor.output.weight)
    predictor.output.weight.data[0, 0] = 1e4  # beyond what 8 bits hold
    statistics, expected = torch.randn(1, 50), []
    for dtype in (None, torch.float16):
        save_checkpoint(tmp_path / "start.safetensors", network, Metadata(network=describe(network)), dtype)
        found, _ = load_checkpoint(tmp_path / "start.safetensors")
        expected.append(found.styles.predictor(statistics)[0, 1:])
    assert found.styles.predictor.output.weight[0, 0] == 448
    assert 0 < (expected[1] - expected[0]).norm() < 0.05 * expected[0].norm()
    rough = predictor.narrow.weight.numel() + predictor.output.weight.numel()
    others = sum(value.numel() for value in network.state_dict().values()) - rough
    assert (tmp_path / "start.safetensors").stat().st_size == pytest.approx(2 * others + rough, abs=10_000)


def test_metadata_is_read_without_the_weights(checkpoint):
    assert read_metadata(checkpoint) == load_checkpoint(checkpoint)[1]
    checkpoint.write_text("<html>")
    with pytest.raises(CheckpointError, match="not a whole"):
        read_metadata(checkpoint)


def test_header_is_strings_with_a_schema(model_file):
    assert header(model_file)["format"] == "pt"
    data = json.loads(header(model_file)["fastnst"])
    assert data["schema"] == 1
    assert data["network"] == {"name": "johnson", "config": {"width": 4, "blocks": 1}}
    assert data["image_range"].startswith("RGB in [0, 1]")


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "not a whole"), (b"<html>", "not a whole"), ("half", "not a whole"), ("extra", "not a whole")],
)
def test_broken_files_get_one_clear_line(content, words, checkpoint):
    whole = checkpoint.read_bytes()
    checkpoint.write_bytes({"half": whole[: len(whole) // 2], "extra": whole + b"more"}.get(content, content))
    with pytest.raises(CheckpointError, match=words) as error:
        load_checkpoint(checkpoint)
    assert "copy.safetensors" in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"gone\.safetensors: no such file"):
        load_checkpoint(tmp_path / "gone.safetensors")
    with pytest.raises(CheckpointError, match="is a folder"):
        load_checkpoint(tmp_path)


def test_foreign_safetensors_are_told_apart(tmp_path):
    save_file({"weight": torch.zeros(2)}, tmp_path / "foreign.safetensors")
    with pytest.raises(CheckpointError, match="not a style trained by fastnst"):
        load_checkpoint(tmp_path / "foreign.safetensors")


def test_newer_schema_asks_for_an_upgrade(checkpoint):
    with pytest.raises(CheckpointError, match=r"schema 3.*upgrade fastnst"):
        load_checkpoint(rewrite(checkpoint, schema=3))


def test_unknown_fields_are_ignored(checkpoint):
    load_checkpoint(rewrite(checkpoint, mood="blue"))


@pytest.mark.parametrize("name", ["os.system", "../../x", "jonson"])
def test_network_comes_from_a_closed_list(checkpoint, name):
    with pytest.raises(CheckpointError, match=r"unknown network .*Known: .*johnson"):
        load_checkpoint(rewrite(checkpoint, network={"name": name, "config": {}}))


def test_weights_must_fit_the_network(checkpoint):
    with pytest.raises(CheckpointError, match=r"do not fit the network it names: layers\.0\.bias"):
        load_checkpoint(rewrite(checkpoint, network={"name": "johnson", "config": {"width": 8, "blocks": 1}}))


def test_weights_must_be_finite(checkpoint):
    weights = load_checkpoint(checkpoint)[0].state_dict()
    weights["layers.0.bias"] = torch.full_like(weights["layers.0.bias"], float("nan"))
    with pytest.raises(CheckpointError, match="not finite"):
        load_checkpoint(rewrite(checkpoint, weights=weights))


def test_damaged_header_is_named(checkpoint):
    network, _ = load_checkpoint(checkpoint)
    save_file(network.state_dict(), checkpoint, metadata={"fastnst": "{"})
    with pytest.raises(CheckpointError, match="header is damaged"):
        load_checkpoint(checkpoint)


def test_half_precision_weights_load(checkpoint):
    weights = {key: value.half() for key, value in load_checkpoint(checkpoint)[0].state_dict().items()}
    network, _ = load_checkpoint(rewrite(checkpoint, weights=weights))
    assert {p.dtype for p in network.parameters()} == {torch.float32}


def test_a_file_with_a_table_is_of_the_second_schema(gallery, model_file):
    assert read_metadata(gallery).schema == 2
    assert read_table(gallery) == Table(styles=3, strength=True, predictor=False)
    assert read_table(model_file) is None


def test_table_and_header_must_agree(tmp_path, gallery):
    network, metadata = load_checkpoint(gallery)
    path = tmp_path / "two.safetensors"
    with pytest.raises(CheckpointError, match="table holds 3 styles, but its header names 2"):
        save_checkpoint(path, network, replace(metadata, styles=metadata.styles[:2]))
    assert not path.exists()
    save_checkpoint(path, network, metadata)
    rewrite(path, styles=metadata.styles[:2])
    for read in (load_checkpoint, read_table):
        with pytest.raises(CheckpointError, match="table holds 3 styles, but its header names 2"):
            read(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "2"},
        {"schema": float("inf")},
        {"schema": []},
        {"network": []},
        {"network": {"name": 5, "config": {}}},
        {"network": {"name": "johnson", "config": [4]}},
        {"styles": "waves"},
        {"styles": [5]},
        {"judged": "well"},
        {"styles": [{"name": 7}]},
        {"styles": [{"title": ["a"]}]},
        {"origin": []},
        {"created": 5},
        {"image_range": None},
    ],
)
def test_a_header_of_other_types_is_one_line_that_names_the_file(checkpoint, changes):
    rewrite(checkpoint, **changes)
    with pytest.raises(CheckpointError, match=r"copy\.safetensors: .*(damaged|newer)") as error:
        load_checkpoint(checkpoint)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 50_000, "null", "5", '{"schema": ' + "9" * 5000 + "}"])
def test_a_header_nested_deep_or_of_nothing_is_damaged(checkpoint, text):
    network, _ = load_checkpoint(checkpoint)
    save_file(network.state_dict(), checkpoint, metadata={"fastnst": text})
    with pytest.raises(CheckpointError, match="header is damaged"):
        load_checkpoint(checkpoint)


def test_a_header_may_not_ask_for_a_network_of_any_size(checkpoint):
    for config in ({"width": 10**6, "blocks": 1}, {"width": 4, "blocks": 10**9}):
        data = json.loads(header(checkpoint)["fastnst"]) | {"network": {"name": "johnson", "config": config}}
        save_file({"a": torch.zeros(1)}, checkpoint, metadata={"fastnst": json.dumps(data)})
        with pytest.raises(
            CheckpointError, match="cannot be rebuilt: network johnson takes a (width|blocks) of at most"
        ):
            load_checkpoint(checkpoint)


@pytest.mark.parametrize("name", ["lite", "medium"])
def test_networks_of_files_without_the_option_take_no_detail_from_the_photograph(tmp_path, name):
    network, path, image = (
        build_network(name, blocks=1, crisp=0),
        tmp_path / "old.safetensors",
        torch.rand(1, 3, 16, 16),
    )
    described = describe(network)
    del described["config"]["crisp"]
    save_checkpoint(path, network, Metadata(network=described))
    loaded, _ = load_checkpoint(path)
    assert loaded.config["crisp"] == 0
    torch.testing.assert_close(loaded(image), network.eval()(image))


def test_networks_of_files_that_take_detail_alone_paint_as_before(tmp_path):
    network, path = build_network("lite", blocks=1).eval(), tmp_path / "old.safetensors"
    network.output.weight.data[4:], network.output.bias.data[4:] = 0, 0  # no share of what is coarser than detail
    weights = network.state_dict()
    save_checkpoint(path, network, Metadata(network=describe(network)))
    save_file(
        {key: value[:4] if key.startswith("output.") else value for key, value in weights.items()}, path, header(path)
    )
    image = torch.rand(1, 3, 16, 16)
    loaded, _ = load_checkpoint(path)
    torch.testing.assert_close(loaded(image), network(image))
