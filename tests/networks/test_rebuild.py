import pytest
import torch

from fastnst.errors import ConfigError
from fastnst.networks import build_network, rebuild


@pytest.fixture
def weights():
    return build_network("johnson", width=4, blocks=1).state_dict()


def test_a_network_comes_back_as_it_was(weights):
    network = rebuild("johnson", {"width": 4, "blocks": 1}, weights)
    assert all(torch.equal(value, weights[key]) for key, value in network.state_dict().items())
    assert {value.device.type for value in network.state_dict().values()} == {"cpu"}


def test_no_memory_is_taken_for_a_network_that_the_weights_do_not_fit(weights, monkeypatch):
    made = []
    monkeypatch.setattr(
        torch.nn.init, "kaiming_uniform_", lambda tensor, **_: made.append(tensor.device.type) or tensor
    )
    with pytest.raises(ValueError, match="do not fit the network"):
        rebuild("johnson", {"width": 2048, "blocks": 1}, weights)
    assert set(made) == {"meta"}


@pytest.mark.parametrize(
    ("name", "config", "words"),
    [
        ("johnson", {"width": 10**6}, "width of at most 4096, got 1000000"),
        ("johnson", {"blocks": 10**9}, "blocks of at most 256"),
        ("lite", {"deep_blocks": 10**9}, "deep_blocks of at most 256"),
        ("johnson", {"width": "64"}, "does not take"),
        ("johnson", {"width": 3.5}, "does not take"),
        ("nothing", {}, "unknown network"),
    ],
)
def test_a_network_that_no_file_holds_is_refused(name, config, words, weights):
    with pytest.raises(ConfigError, match=words):
        rebuild(name, config, weights)


@pytest.mark.parametrize("kind", [torch.int64, torch.bool, torch.complex64])
def test_weights_are_fractions(weights, kind):
    with pytest.raises(ValueError, match="are no fractions but"):
        rebuild("johnson", {"width": 4, "blocks": 1}, {key: value.to(kind) for key, value in weights.items()})


def test_weights_in_eight_bits_are_read(weights):
    small = {key: value.to(torch.float8_e5m2) for key, value in weights.items()}
    rebuild("johnson", {"width": 4, "blocks": 1}, small)
    small["layers.0.bias"] = torch.full((4,), float("nan")).to(torch.float8_e5m2)
    with pytest.raises(ValueError, match="not finite"):
        rebuild("johnson", {"width": 4, "blocks": 1}, small)


def test_codes_of_a_network_without_norms_do_not_fit():
    codes = {"styles.codes": torch.zeros(3, 0), "styles.photograph": torch.zeros(0)}
    with pytest.raises(ValueError, match="do not fit"):
        rebuild("hrnet", {}, build_network("hrnet").state_dict() | codes)
