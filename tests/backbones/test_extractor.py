import pytest
import torch
from torch import nn

from fastnst.backbones import BACKBONES
from fastnst.errors import ConfigError


def test_one_call_returns_every_layer_asked_for(toy_backbone):
    features = toy_backbone(torch.rand(2, 3, 9, 8), ["relu2_1", "relu1_1"])
    assert {name: maps.shape for name, maps in features.items()} == {
        "relu1_1": (2, 4, 9, 8),
        "relu2_1": (2, 6, 4, 4),
    }


def test_nothing_behind_the_deepest_layer_is_computed(toy_backbone):
    toy_backbone.stages["conv2_2"] = nn.Conv2d(1, 1, 1)  # would fail
    toy_backbone(torch.rand(1, 3, 8, 8), ["relu2_1"])


def test_relu_leaves_the_convolution_as_it_was(toy_backbone):
    features = toy_backbone(torch.rand(1, 3, 8, 8), ["conv1_1", "relu1_1"])
    assert features["conv1_1"].min() < 0
    assert torch.equal(features["conv1_1"].relu(), features["relu1_1"])


def test_backbone_stays_frozen_in_eval(toy_backbone):
    parent = nn.Sequential(toy_backbone).train()
    assert not any(module.training for module in parent[0].modules())
    assert not any(parameter.requires_grad for parameter in toy_backbone.parameters())


def test_gradient_reaches_the_image(toy_backbone):
    image = torch.rand(1, 3, 8, 8, requires_grad=True)
    toy_backbone(image, ["relu2_2"])["relu2_2"].sum().backward()
    assert image.grad.abs().sum() > 0


def test_images_are_normalized_once(toy_backbone):
    image = torch.rand(1, 3, 6, 6)
    first = toy_backbone.stages["conv1_1"]
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = first((image - mean.view(3, 1, 1)) / std.view(3, 1, 1))
    torch.testing.assert_close(toy_backbone(image, ["conv1_1"])["conv1_1"], expected)


def test_unknown_layer_lists_known_names(toy_backbone):
    with pytest.raises(ConfigError, match=r"unknown layer of toy 'relu2_3'; did you mean 'relu2_\d'.*conv1_1"):
        toy_backbone(torch.rand(1, 3, 8, 8), ["relu2_3"])


@pytest.mark.parametrize("name", list(BACKBONES))
@pytest.mark.parametrize("padding", ["zeros", "reflect"])
def test_min_size_is_the_smallest_that_works(name, padding):
    backbone = BACKBONES[name]("max", padding)
    for layer in (backbone.layers[1], backbone.layers[len(backbone.layers) // 2], backbone.layers[-1]):
        least = backbone.min_size([layer])
        assert backbone(torch.rand(1, 3, least, least), [layer])[layer].numel() > 0
        if least > 1:
            with pytest.raises(ConfigError, match=f"needs at least {least}x{least}"):
                backbone(torch.rand(1, 3, least - 1, least - 1), [layer])


def test_average_pooling_averages():
    image = torch.rand(1, 3, 8, 8)
    vgg = BACKBONES["vgg16"]("average", "zeros")
    features = vgg(image, ["relu1_2", "pool1"])
    torch.testing.assert_close(features["pool1"], nn.functional.avg_pool2d(features["relu1_2"], 2))


def test_reflected_borders_keep_a_plain_picture_plain():
    plain = torch.full((1, 3, 24, 24), 0.3)
    for name, layer in (("vgg19", "relu3_1"), ("squeezenet1_1", "fire3")):
        maps = BACKBONES[name]("max", "reflect")(plain, [layer])[layer]
        torch.testing.assert_close(maps, maps[..., :1, :1].expand_as(maps))


def test_a_relu_behind_a_layer_that_nobody_wants_is_in_place_and_gives_the_same(toy_backbone):
    image, grads = torch.rand(1, 3, 9, 8), []
    for layers in (["relu1_1", "relu2_1"], ["conv1_1", "relu1_1", "conv2_1", "relu2_1"]):
        pixels = image.clone().requires_grad_()
        features = toy_backbone(pixels, layers)
        (features["relu1_1"].square().sum() + features["relu2_1"].sum()).backward()
        grads.append(pixels.grad)
    torch.testing.assert_close(*grads, rtol=0, atol=0)
