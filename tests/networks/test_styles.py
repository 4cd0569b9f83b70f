"""The table of styles of a network."""

import pytest
import torch

from fastnst.backbones import STATISTICS_LAYERS, build_backbone, picture_statistics
from fastnst.checkpoint import Metadata, describe, load_checkpoint, save_checkpoint
from fastnst.errors import ConfigError
from fastnst.networks import build_network, shares


@pytest.fixture
def network():
    made = build_network("lite", width=8, blocks=1)
    made.add_styles(3, statistics=10)
    torch.nn.init.normal_(made.styles.codes, 1, 0.3)
    torch.nn.init.normal_(made.styles.photograph, 1, 0.3)
    return made


def test_all_codes_begin_as_the_network_s_own():
    network = build_network("johnson", width=4, blocks=1)
    table = network.add_styles(2)
    assert torch.equal(table.codes, network.style_code().expand(2, -1))
    assert torch.equal(table.photograph, network.style_code())


def test_norms_without_scales_have_no_codes():
    with pytest.raises(ConfigError, match="holds one style only"):
        build_network("hrnet").add_styles(2)


def test_a_mix_is_the_weighted_sum_of_codes(network):
    codes = network.styles.codes
    row = shares(["a", "b", "c"], {"c": 3, "a": 1})
    torch.testing.assert_close(network.styles.mix(row), 0.25 * codes[0] + 0.75 * codes[2])
    torch.testing.assert_close(network.styles.mix(torch.eye(3)), codes)


@pytest.mark.parametrize("mix", [{}, {"a": 0}, {"a": -1, "b": 2}, {"a": float("inf")}, {"a": float("nan")}])
def test_a_mix_without_weights_is_refused(mix):
    with pytest.raises(ValueError, match="a mix needs weights"):
        shares(["a", "b"], mix)


def test_strength_goes_from_the_photograph_s_code_to_the_style_s(network):
    table, code = network.styles, network.styles.codes[1]
    assert torch.equal(table.weaken(code, 0.0), table.photograph)
    torch.testing.assert_close(table.weaken(code, 1.0), code)
    each = table.weaken(table.codes, torch.tensor([0.0, 0.5, 1.0]))
    torch.testing.assert_close(each[1], (table.photograph + code) / 2)


def test_a_plain_network_paints_as_the_code_it_was_made_from(network):
    image, code = torch.rand(1, 3, 16, 20), network.styles.codes[2].detach()
    plain = network.plain(code)
    assert plain.styles is None
    assert network.styles is not None
    torch.testing.assert_close(plain(image), network(image, code), atol=1e-5, rtol=1e-5)
    assert not torch.allclose(plain(image), network(image), atol=1e-3)


def test_a_file_holds_the_table_and_the_predictor(network, tmp_path):
    save_checkpoint(
        tmp_path / "a.safetensors", network, Metadata(describe(network), styles=[{"name": name} for name in "abc"])
    )
    loaded, _ = load_checkpoint(tmp_path / "a.safetensors")
    for key, value in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], value), key


def test_a_new_predictor_predicts_one_code_for_all(network):
    many, code = torch.rand(20, 10), torch.rand(network.code_size)
    network.styles.predictor.begin(many, code)
    torch.testing.assert_close(network.styles.predictor(many), code.expand(20, -1), atol=0.02, rtol=0.02)


def test_statistics_are_mean_and_deviation_of_every_channel():
    backbone = build_backbone("compact", STATISTICS_LAYERS)
    pictures = torch.rand(2, 3, 40, 48)
    numbers = picture_statistics(backbone, pictures)
    first = backbone(pictures, ["relu1_1"])["relu1_1"]
    assert numbers.shape == (2, 2 * (64 + 128 + 256 + 512))
    torch.testing.assert_close(numbers[:, :64], first.mean((2, 3)))
    torch.testing.assert_close(numbers[:, 64:128], first.std((2, 3), correction=0))
