import pytest
import torch

from fastnst.checkpoint import Metadata, describe, save_checkpoint
from fastnst.errors import ConfigError
from fastnst.networks import build_network
from fastnst.training.start import initial_network

LITE = {"width": 4, "blocks": 1}


@pytest.fixture
def shared_start(tmp_path):
    """A folder with a shared start for a small ``lite``, whose predictor tells pictures apart."""
    torch.manual_seed(5)
    network = build_network("lite", **LITE)
    styles = network.add_styles(statistics=1920)
    torch.nn.init.normal_(styles.photograph, 1, 0.1)
    save_checkpoint(tmp_path / "lite.safetensors", network, Metadata(describe(network)))
    return tmp_path


def pictures(count):
    torch.manual_seed(6)
    return [torch.rand(1, 3, 40, 48 + number) ** (number + 1) for number in range(count)]


def test_the_shared_start_brings_its_weights_and_the_code_it_predicts(shared_start):
    start = initial_network("lite", LITE, "shared", pictures(1), folder=shared_start)
    other = initial_network("lite", LITE, "shared", pictures(2)[1:], folder=shared_start)
    assert (start.init, start.note) == ("shared", "")
    assert start.network.styles is None
    assert torch.equal(start.network.output.weight, other.network.output.weight)
    assert not torch.equal(start.network.style_code(), other.network.style_code())
    assert start.network.training


def test_a_table_gets_a_code_for_each_picture_and_that_of_the_photograph(shared_start):
    network = initial_network("lite", LITE, "shared", pictures(2), table=True, folder=shared_start).network
    alone = initial_network("lite", LITE, "shared", pictures(1), folder=shared_start).network
    torch.testing.assert_close(network.styles.codes[0], alone.style_code())
    assert not torch.equal(network.styles.codes[0], network.styles.codes[1])
    assert not torch.equal(network.styles.photograph, network.styles.codes[0])
    assert network.styles.predictor is None


@pytest.mark.parametrize("size", [1, 5])
def test_a_tiny_picture_is_predicted_too(shared_start, size):
    assert initial_network("lite", LITE, "shared", [torch.rand(1, 3, size, 9)], folder=shared_start).init == "shared"


def test_without_a_shared_start_weights_are_random_and_it_says_so(tmp_path):
    torch.manual_seed(1)
    start = initial_network("lite", LITE, "shared", pictures(1), folder=tmp_path)
    assert start.init == "random"
    assert start.note == "random weights: there is no shared start for lite"


def test_other_options_begin_from_random_weights_and_it_says_so(shared_start):
    start = initial_network("lite", {"width": 8}, "shared", pictures(1), folder=shared_start)
    assert start.init == "random"
    assert "the shared start is for lite with blocks 1, crisp 4, deep 48," in start.note
    assert "width 4, not lite with blocks 4" in start.note


def test_random_weights_are_those_of_the_seed():
    styles = pictures(1)
    torch.manual_seed(1)
    expected = build_network("lite", **LITE)
    torch.manual_seed(1)
    found = initial_network("lite", LITE, "random", styles).network
    assert all(torch.equal(value, expected.state_dict()[key]) for key, value in found.state_dict().items())


def test_a_trained_style_paints_the_same_before_the_first_step(tmp_path):
    network, file, image = build_network("lite", **LITE), tmp_path / "waves.safetensors", torch.rand(1, 3, 20, 24)
    network.set_code(torch.rand(network.code_size))
    save_checkpoint(file, network, Metadata(describe(network)))
    start = initial_network("lite", LITE, str(file), pictures(1))
    assert start.init == "waves"
    assert torch.equal(start.network(image), network(image))
    table = initial_network("lite", LITE, str(file), pictures(2), table=True).network
    for code in table.styles.codes:
        torch.testing.assert_close(table(image, code), network(image), atol=1e-5, rtol=1e-5)


def test_a_start_of_several_styles_knows_its_own(tmp_path):
    network, file = build_network("lite", **LITE), tmp_path / "gallery.safetensors"
    codes = torch.nn.init.normal_(network.add_styles(2).codes, 1, 0.3)
    styles = [{"name": "a", "sha256": "1"}, {"name": "b", "sha256": "2"}]
    save_checkpoint(file, network, Metadata(describe(network), styles))
    found = initial_network("lite", LITE, str(file), pictures(2), table=True, digests=["2", "3"]).network.styles.codes
    torch.testing.assert_close(found, torch.stack([codes[1], codes.mean(0)]))


@pytest.mark.parametrize(("name", "options"), [("johnson", LITE), ("lite", {"width": 8})])
def test_another_network_than_that_of_the_style_is_refused(tmp_path, name, options):
    network, file = build_network("lite", **LITE), tmp_path / "waves.safetensors"
    save_checkpoint(file, network, Metadata(describe(network)))
    with pytest.raises(ConfigError, match=rf"waves.safetensors: is lite with .*width 4, but {name} with .*width"):
        initial_network(name, options, str(file), pictures(1))


def test_an_unknown_style_is_named():
    with pytest.raises(ConfigError, match="unknown style 'starry_nigt'; did you mean 'starry_night'"):
        initial_network("lite", LITE, "starry_nigt", pictures(1))
