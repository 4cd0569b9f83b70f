import pytest
import torch

from fastnst.errors import ConfigError
from fastnst.networks import build_network


def foreign(layers: str, **options):
    return build_network("foreign", layers=[layer.strip() for layer in layers.split(",")], **options)


def one_to_one(layers: str, **options):
    """Make a network whose only convolution copies its channels."""
    network = foreign(layers, **options)
    conv = next(module for module in network.modules() if isinstance(module, torch.nn.Conv2d))
    torch.nn.init.dirac_(conv.weight)
    torch.nn.init.zeros_(conv.bias)
    return network


def test_ranges_are_applied_and_undone():
    image = torch.rand(1, 3, 4, 5)
    enters = [[255, 255, 255], [-1, -2, -3]]
    leaves = [[0.5, 0.5, 0.5], [0, 0, 1]]
    painted = one_to_one("conv 3 1 1", enters=enters, leaves=leaves)(image)
    summand = torch.tensor([-0.5, -1, -0.5]).view(3, 1, 1)
    torch.testing.assert_close(painted, 127.5 * image + summand)


def test_ranges_are_in_the_order_of_the_programs_channels():
    image = torch.rand(1, 3, 4, 5)
    painted = one_to_one("conv 3 1 1", channels="bgr", enters=[[1, 1, 1], [1, 0, 0]])(image)
    torch.testing.assert_close(painted - image, torch.tensor([0.0, 0, 1]).view(3, 1, 1).expand(1, 3, 4, 5))


def test_a_skip_is_shaved_and_counted():
    image = torch.rand(1, 3, 9, 9)
    painted = one_to_one("pad zeros 2, keep 1, crop 1, add 2, pad zeros 0 1, crop 1 2, conv 3 1 1")(image)
    torch.testing.assert_close(painted, 3 * image)


def test_a_median_repeats_the_border():
    image = torch.zeros(1, 3, 5, 5)
    image[..., 0, 0], image[..., 2, 2] = 1, 1  # a dot vanishes, and so does one in the corner that counts four times
    assert one_to_one("conv 3 1 1, median 3")(image).max() == 0
    image[..., 0, 1] = 1
    assert one_to_one("conv 3 1 1, median 3")(image)[0, 0].nonzero().tolist() == [[0, 0]]


def test_values_that_a_skip_keeps_are_not_changed_in_place():
    image = torch.randn(1, 3, 4, 4)
    painted = one_to_one("scale, keep 0, relu, add 1, conv 3 1 1")(image)
    torch.testing.assert_close(painted, image + image.relu())


@pytest.mark.parametrize(
    ("layers", "multiple", "least", "field"),
    [
        ("pad reflect 4, conv 3 9 1", 1, 5, 9),
        ("pad reflect 1, conv 4 3 2, pad reflect 1, conv 4 3 2, up 2, up 2, conv 3 1 1", 4, 4, 13),
        ("pad reflect 40, crop 40, conv 3 1 1", 1, 41, 1),
        ("pad zeros 0 1, conv 4 3 2, deconv 3 3 2 0 0, crop 0 1", 2, 2, 5),
        ("norm 1e-05, conv 3 1 1, median 3", 1, 2, 3),
    ],
)
def test_sizes_and_receptive_field_follow_from_the_layers(layers, multiple, least, field):
    network = foreign(layers)
    assert (network.size_multiple, network.min_size, network.receptive_field) == (multiple, least, field)
    for side in (1, 2, 7, 30):
        assert network(torch.rand(1, 3, side, 11)).shape == (1, 3, side, 11)


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ("conv 3 1 1, exec rm", "does not know the layer 'exec rm'; known: pad, crop, conv"),
        ("conv 3 1", "does not know the layer 'conv 3 1'"),
        ("conv 3 1 one", "does not know the layer 'conv 3 1 one'"),
        ("pad mirror 1, conv 3 3 1", "does not know the layer 'pad mirror 1'"),
        ("conv 0 1 1", "a number is too small"),
        ("conv 3 1 99, conv 3 1 1", "a number is too large"),
        ("pad zeros 1000000, conv 3 1 1, crop 1000000", "a number is too large"),
        ("up 99, conv 3 1 1", "a number is too large"),
        (", ".join(["pad zeros 256"] * 5 + ["conv 3 1 1"] + ["crop 256"] * 5), "more memory than any picture"),
        ("up 8, up 8, conv 3 1 16, conv 3 1 4", "more memory than any picture"),
        (", ".join(["keep 0"] * 100 + ["relu"] + ["add 1"] * 100 + ["conv 3 1 1"]), "every keep needs its add"),
        (", ".join(["relu"] * 1000 + ["conv 3 1 1"]), "500 layers at most"),
        (", ".join(["conv 3 1 16"] * 20), "more memory than any picture"),
        ("pad zeros -1, conv 3 1 1", "a number is too small"),
        ("", "does not know the layer ''"),
        ("relu", "the last convolution"),
        ("conv 3 3 1", "do not return a picture of the size"),
        ("pad zeros 1, conv 3 3 2", "one pixel for 2 of the picture"),
        ("conv 4 1 1", "return 4 channels, not 3"),
        ("keep 0, conv 3 1 1, add 1", "every keep needs its add"),
        ("add 1, conv 3 1 1", "every keep needs its add"),
        ("keep 0, relu, conv 3 1 1", "every keep needs its add"),
        ("keep 1, relu, add 1, conv 3 1 1", "sizes differ"),
    ],
)
def test_layers_that_make_no_network_are_refused(layers, words):
    with pytest.raises(ConfigError, match=words):
        foreign(layers)


@pytest.mark.parametrize("options", [{"channels": "gbr"}, {"enters": [[1, 1, 1]]}, {"leaves": [[1, 1], [0, 0]]}])
def test_ranges_that_do_not_fit_are_refused(options):
    with pytest.raises(ConfigError, match="channels rgb or bgr"):
        foreign("conv 3 1 1", **options)
