import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from fastnst.errors import ConfigError
from fastnst.networks import NETWORKS, build_network
from fastnst.networks.norm import InstanceNorm

LAYERS = [
    *("pad reflect 4", "conv 4 9 1", "norm 1e-05", "relu", "pad reflect 1", "conv 8 3 2", "norm 1e-05", "relu"),
    *(
        "keep 0",
        "pad reflect 1",
        "conv 8 3 1",
        "norm 1e-05",
        "relu",
        "pad reflect 1",
        "conv 8 3 1",
        "norm 1e-05",
        "add 1",
    ),
    *("up 2", "pad reflect 1", "conv 4 3 1", "norm 1e-05", "relu", "pad reflect 4", "conv 3 9 1"),
]
GRAY = [[1, 1, 1], [0.5, 0.5, 0.5]]
SMALL = {
    "foreign": {"layers": LAYERS, "leaves": GRAY},
    "hrnet": {},
    "johnson": {"width": 4, "blocks": 1},
    "lite": {"width": 8, "blocks": 1},
    "lite1": {"width": 8, "blocks": 1},
    "medium": {"width": 8, "blocks": 1, "deep_blocks": 1},
}
DEPTHS = [
    ("johnson", {"width": 1, "blocks": 0}),
    ("johnson", {"width": 1, "blocks": 2}),
    ("lite", {"width": 2, "blocks": 0, "detail": 1}),
    ("lite", {"width": 2, "blocks": 2, "detail": 1}),
    ("hrnet", {}),
    ("foreign", {"layers": LAYERS}),
    (
        "foreign",
        {
            "layers": [
                "pad reflect 8",
                "conv 2 3 2",
                "keep 2",
                "conv 2 3 1",
                "conv 2 3 1",
                "add 1",
                "deconv 2 3 2 1 1",
                "pad replicate 0 1",
                "crop 4 1",
                "pad replicate 1",
                "conv 3 5 1",
            ]
        },
    ),
]
each = pytest.mark.parametrize("name", sorted(SMALL))


def test_every_network_is_held_to_these_facts():
    assert set(SMALL) == set(NETWORKS)


@each
@settings(max_examples=30, deadline=None)
@given(height=st.integers(1, 37), width=st.integers(1, 37))
def test_output_has_exactly_the_input_size(name, height, width):
    network = build_network(name, **SMALL[name])
    assert network(torch.rand(2, 3, height, width)).shape == (2, 3, height, width)


@each
def test_batch_of_two_equals_two_batches_of_one(name):
    network, images = build_network(name, **SMALL[name]), torch.rand(2, 3, 48, 32)
    alone = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(network(images), alone, atol=1e-4, rtol=1e-4)


@each
def test_output_starts_around_gray(name):
    painted = build_network(name, **(SMALL[name] if name == "foreign" else {}))(torch.rand(1, 3, 64, 64))
    assert abs(painted.mean().item() - 0.5) < 0.5


@each
def test_output_is_not_clamped(name):
    network = build_network(name, **SMALL[name])
    last = [module for module in network.output.modules() if getattr(module, "bias", None) is not None][-1]
    nn.init.constant_(last.bias, 3.0)
    assert network(torch.rand(1, 3, 16, 16)).max() > 1


@each
def test_all_but_the_output_computes_in_reduced_precision(name):
    network, image = build_network(name, **SMALL[name]).eval(), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        exact = network(image)
        network.compute_in(torch.bfloat16)
        reduced = network(image)
    assert {p.dtype for p in network.output.parameters()} == {torch.float32} == {reduced.dtype}
    torch.testing.assert_close(reduced, exact, atol=0.1, rtol=0.1)


@pytest.mark.parametrize("name", sorted(set(SMALL) - {"hrnet"}))  # whose norms amplify rounding
def test_a_plain_picture_has_no_frame(name):
    painted = build_network(name, **SMALL[name])(torch.full((1, 3, 64, 64), 0.4))
    torch.testing.assert_close(painted, painted[..., 32:36, 32:36].repeat(1, 1, 16, 16), atol=1e-4, rtol=0)


def without_norm(module: nn.Module) -> nn.Module:
    """Make the receptive field measurable: no statistics of the whole picture, no dead values, no cancellation."""
    for name, child in module.named_children():
        if isinstance(child, InstanceNorm | nn.ReLU):
            setattr(module, name, nn.Identity())
        else:
            without_norm(child)
    for parameter in module.parameters():
        parameter.data.abs_()
    return module


@pytest.mark.parametrize(("name", "options"), DEPTHS)
def test_receptive_field_is_what_is_declared(name, options):
    network = without_norm(build_network(name, **options))
    reach = 0
    for pixel in range(120, 128):
        image = (torch.rand(1, 3, 248, 248) + 1).requires_grad_()
        network(image)[0, 0, pixel, pixel].backward()
        seen = image.grad[0].sum(0).nonzero()
        reach = max(reach, int((seen - pixel).abs().max()))
    assert network.receptive_field == 2 * reach + 1


def test_unknown_network_lists_known_names():
    with pytest.raises(ConfigError, match=r"unknown network 'jonson'; did you mean 'johnson'"):
        build_network("jonson")


@each
@pytest.mark.parametrize("options", [{"depth": 3}, {"width": 0}, {"blocks": -1}])
def test_impossible_options_are_refused(name, options):
    with pytest.raises(ConfigError, match=name):
        build_network(name, **options)
