import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fastnst.errors import ConfigError
from fastnst.networks import build_network
from fastnst.networks.layers import InstanceNorm


def test_full_width_has_the_parameters_of_the_literature():
    assert sum(p.numel() for p in build_network("johnson").parameters()) == 1_679_235


@settings(max_examples=40, deadline=None)
@given(height=st.integers(1, 37), width=st.integers(1, 37))
def test_output_has_exactly_the_input_size(height, width):
    network = build_network("johnson", width=2, blocks=1)
    assert network(torch.rand(2, 3, height, width)).shape == (2, 3, height, width)


def test_batch_of_two_equals_two_batches_of_one():
    network, images = build_network("johnson", width=4, blocks=1), torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(network(images), torch.cat([network(image[None]) for image in images]))


def test_output_starts_around_gray():
    painted = build_network("johnson")(torch.rand(1, 3, 64, 64))
    assert abs(painted.mean().item() - 0.5) < 0.5


def test_output_is_not_clamped():
    network = build_network("johnson", width=4, blocks=0)
    nn.init.constant_(network.output.bias, 3.0)
    assert network(torch.rand(1, 3, 16, 16)).max() > 1


def without_norm(module: nn.Module) -> nn.Module:
    """Make the reach of a pixel visible: no statistics of the whole picture, no dead values, no cancellation."""
    for name, child in module.named_children():
        if isinstance(child, InstanceNorm | nn.ReLU):
            setattr(module, name, nn.Identity())
        else:
            without_norm(child)
    for parameter in module.parameters():
        parameter.data.abs_()
    return module


@pytest.mark.parametrize("blocks", [0, 2])
def test_receptive_field_is_what_is_declared(blocks):
    network = without_norm(build_network("johnson", width=1, blocks=blocks))
    reach = 0
    for pixel in range(80, 84):
        image = torch.rand(1, 3, 160, 160, requires_grad=True)
        network(image)[0, 0, pixel, pixel].backward()
        seen = image.grad[0].sum(0).nonzero()
        reach = max(reach, int((seen - pixel).abs().max()))
    assert network.receptive_field == 2 * reach + 1


def test_a_plain_picture_has_no_frame():
    network = build_network("johnson", width=4, blocks=1)
    painted = network(torch.full((1, 3, 64, 64), 0.4))
    torch.testing.assert_close(painted, painted[..., 32:33, 32:33].expand_as(painted), atol=1e-4, rtol=0)


def test_unknown_network_lists_known_names():
    with pytest.raises(ConfigError, match=r"unknown network 'jonson'; did you mean 'johnson'"):
        build_network("jonson")


@pytest.mark.parametrize("options", [{"depth": 3}, {"width": 0}, {"blocks": -1}])
def test_impossible_options_are_refused(options):
    with pytest.raises(ConfigError, match="johnson"):
        build_network("johnson", **options)
