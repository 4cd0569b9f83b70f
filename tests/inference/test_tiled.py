"""A picture painted in tiles is the picture painted at once."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import fastnst
from fastnst.errors import ConfigError
from fastnst.inference import tiled
from fastnst.inference.passes import Plan, normalize_by_nothing, reach
from fastnst.inference.pixels import ArrayPixels, Padded, TensorPixels
from fastnst.inference.tiled import paint_tiled, pooled, tile_size
from fastnst.networks import TransformationNetwork, build_network
from fastnst.networks.graph import Graph
from fastnst.networks.layers import Chain, conv, conv_norm
from fastnst.networks.norm import Apply, measure

SMALL = {
    "hrnet": {},
    "johnson": {"width": 4, "blocks": 2},
    "lite": {"width": 8, "blocks": 2, "detail": 4, "deep": 8, "deep_blocks": 2},
    "lite1": {"width": 8, "blocks": 2},
}


class Own(TransformationNetwork):
    """A network as a user might write it: dilation, transposed convolution, padding in a layer of its own."""

    size_multiple, min_size, receptive_field = 2, 6, 31

    def __init__(self) -> None:
        super().__init__()
        self.config = {}
        self.pad, self.first = nn.ReflectionPad2d(2), nn.Conv2d(3, 5, 5)
        self.body = Chain(*conv_norm(5, 6, 3, stride=2), nn.ReLU(inplace=True), *conv_norm(6, 6, 3))
        self.wide = nn.Conv2d(6, 6, 3, padding=3, dilation=3)
        self.up = nn.ConvTranspose2d(6, 5, 2, stride=2)
        self.output = conv(5, 3, 1)

    def transform(self, images: Tensor, norms: Apply) -> Tensor:
        first = self.first(self.pad(images)).sigmoid()
        return self.output(first + self.up(self.wide(self.body(first, norms))).tanh())


class Looking(Own):
    def transform(self, images: Tensor, norms: Apply) -> Tensor:
        return super().transform(images if images.shape[2] < 10**6 else images + 1, norms)


class Global(Own):
    def transform(self, images: Tensor, norms: Apply) -> Tensor:
        return super().transform(images, norms) * F.adaptive_avg_pool2d(images, 1).mean()


def build(name: str, dtype: torch.dtype = torch.float32) -> TransformationNetwork:
    torch.manual_seed(0)
    network = Own() if name == "own" else build_network(name, **SMALL[name])
    for _, norm in network.named_norms():
        if norm.weight is not None:
            nn.init.normal_(norm.weight, 1, 0.3)
            nn.init.normal_(norm.bias, 0, 0.3)
    network.compute_in(dtype)
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def in_tiles(network, image: Tensor, memory: float = 1e9, statistics="exact") -> Tensor:
    painted = torch.full_like(image, -1)
    paint_tiled(network, TensorPixels(image), TensorPixels(painted), memory, statistics)
    return painted


def whole(network, image: Tensor) -> Tensor:
    with torch.no_grad():
        return network(image[None].contiguous(memory_format=torch.channels_last))[0].clamp(0, 1)


def smooth(height: int, width: int) -> Tensor:
    """Noise of several sizes: flat areas, edges, grain."""
    coarse = F.interpolate(torch.rand(1, 3, 3, 4), (height, width))[0]
    return (coarse + 0.2 * torch.randn(3, height, width)).clamp(0, 1)


@pytest.fixture
def tiles_of(monkeypatch):
    return lambda pixels: monkeypatch.setattr(tiled, "MOST", pixels)


@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    name=st.sampled_from([*SMALL, "own"]),
    height=st.integers(4, 80),
    width=st.integers(4, 110),
    pixels=st.integers(2000, 6000),
)
def test_exact_tiles_equal_the_whole(name, height, width, pixels):
    network, image = build(name), smooth(height, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tiled, "MOST", pixels)
        torch.testing.assert_close(in_tiles(network, image), whole(network, image), atol=1 / 255, rtol=0)


@pytest.mark.parametrize("name", [*SMALL, "own"])
@pytest.mark.parametrize("memory", [1e9, 3e5])
def test_nothing_changes_where_maps_go_to_the_file(name, memory, tiles_of):
    tiles_of(2000)
    network, image = build(name), smooth(150, 130)
    memory = memory if name != "hrnet" else 1e9
    torch.testing.assert_close(in_tiles(network, image, memory), whole(network, image), atol=1 / 255, rtol=0)


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 2), (64, 64)])
def test_thin_and_even_pictures(size, tiles_of):
    tiles_of(1500)
    for name in ("johnson", "lite1"):  # the others blow the rounding of an even picture up, painted at once or not
        network, image = build(name), torch.full((3, *size), 0.4)
        torch.testing.assert_close(in_tiles(network, image), whole(network, image), atol=1 / 255, rtol=0)


def test_bfloat16_differs_by_its_rounding(tiles_of):
    tiles_of(2000)
    image = smooth(100, 120)
    exact = whole(build("lite"), image)
    at_once, tiles = whole(build("lite", torch.bfloat16), image), in_tiles(build("lite", torch.bfloat16), image)
    assert (tiles - exact).abs().mean() < 1.2 * (at_once - exact).abs().mean()


@pytest.mark.parametrize("name", [*SMALL, "own"])
def test_a_thumbnail_that_is_not_reduced_gives_the_same(name, tiles_of):
    network, image = build(name), smooth(100, 140)
    tiles_of((2 * network.receptive_field + 40) ** 2)
    painted = in_tiles(network, image, statistics="thumbnail")
    torch.testing.assert_close(painted, whole(network, image), atol=1 / 255, rtol=0)


def test_a_thumbnail_has_the_statistics_of_a_reduced_copy(tiles_of, monkeypatch):
    monkeypatch.setattr(tiled, "THUMBNAIL", 32)
    network, image = build("lite"), F.interpolate(smooth(16, 32)[None], scale_factor=4)[0]
    with network.recording_statistics() as statistics:
        whole(network, F.avg_pool2d(image[None], 4)[0])
    with network.fixed_statistics(statistics):
        expected = whole(network, image)
    painted = in_tiles(network, image, statistics="thumbnail")
    torch.testing.assert_close(painted, expected, atol=1e-4, rtol=0)


def test_one_style_of_several_is_painted_in_tiles(gallery, make_picture, tiles_of):
    tiles_of(2000)
    stylizer = fastnst.load(gallery, "cpu", "float32", style="starry")
    values = np.asarray(make_picture(120, 90))
    at_once = stylizer.paint(values).astype(int)
    tiles = np.empty_like(values)
    paint_tiled(stylizer.network, ArrayPixels(values), ArrayPixels(tiles), 1e9)
    assert np.abs(at_once - tiles).max() <= 1


@pytest.mark.parametrize("name", [*SMALL, "own"])
def test_no_network_sees_farther_than_it_declares(name):
    network = build(name)
    graph = Graph(network)
    steps = graph.needed([graph.output], [graph.image])

    def compute(side, hole, emit):
        image = torch.rand(1, 3, side, side)
        if hole:
            image[..., hole, hole] = torch.nan
        graph.compute(steps, {graph.image: image}, normalize_by_nothing, emit)

    with torch.no_grad():
        found = reach(compute, {graph.output: 1}, network.size_multiple, name)
    assert 0 < found <= -(-(network.receptive_field // 2) // network.size_multiple) * network.size_multiple


@pytest.mark.parametrize(("name", "passes"), [("lite", 22), ("lite1", 11), ("johnson", 16), ("hrnet", 22)])
def test_a_pass_takes_all_norms_that_wait_for_no_other(name, passes):
    plan = Plan(build_network(name))
    assert len(plan.passes) == passes
    computed = [step for part in plan.passes for step in part.steps if step in plan.maps and step not in part.reads]
    once = sum(found.macs for found in plan.maps.values())
    assert once <= sum(plan.maps[step].macs for step in computed) < 1.5 * once


def test_networks_that_cannot_be_cut_say_so_and_have_a_remedy():
    network, image = Looking(), smooth(20, 30)
    with pytest.raises(ConfigError, match="network Looking looks at its own features .*; give --statistics thumbnail"):
        in_tiles(network, image)
    painted = in_tiles(network, image, statistics="thumbnail")
    torch.testing.assert_close(painted, whole(network, image), atol=1e-4, rtol=0)


def test_networks_that_look_at_all_of_a_picture_are_refused():
    with pytest.raises(ConfigError, match="Global looks at all of a picture outside its norms"):
        in_tiles(Global(), smooth(20, 30))


def test_values_that_are_not_finite_are_an_error():
    network = build("lite")
    network.output.bias.fill_(torch.inf)
    with pytest.raises(FloatingPointError, match="not finite"):
        in_tiles(network, smooth(20, 30))


def test_statistics_of_parts_are_those_of_the_whole():
    x = 2 + torch.randn(1, 3, 10, 8)
    parts = [(part[0, 0].numel(), measure(part)) for part in x.split([3, 6, 1], 2)]
    torch.testing.assert_close(pooled(parts), measure(x))


def test_a_tile_and_a_band_fit_into_the_memory():
    rows, columns = tile_size(10000, 8, 8, 400, 3e8, 64)
    assert (rows + 16) * (columns + 16) * 400 <= 1e8
    assert rows * 10000 * 64 <= 1e8
    assert rows % 8 == columns % 8 == 0


def test_too_little_memory_is_refused_with_what_is_needed():
    with pytest.raises(ConfigError, match=r"1 MB of memory are too little .* 10000 pixels wide; give --memory \d+MB"):
        tile_size(10000, 8, 8, 400, 1e6, 64)


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (8, 16), (13, 40)])
def test_pictures_are_extended_as_at_once(size):
    from fastnst.images import pad_to

    image = torch.rand(3, *size)
    padded, expected = Padded(TensorPixels(image), 8, 16), pad_to(image[None], 8, 16)
    assert (padded.height, padded.width) == expected.shape[2:]
    assert torch.equal(padded.read(slice(0, padded.height), slice(0, padded.width)), expected)
    assert torch.equal(padded.read(slice(5, padded.height), slice(3, 9)), expected[..., 5:, 3:9])
