"""Networks as graphs for other programs: any size, and plain operations."""

import pytest
import torch
from torch.export import Dim

from fastnst.networks import build_network
from fastnst.networks.layers import NarrowConv

SMALL = {
    "hrnet": {},
    "johnson": {"width": 4, "blocks": 1},
    "lite": {"width": 8, "blocks": 1},
    "lite1": {"width": 8, "blocks": 1},
}
BATCH = Dim("batch", min=1, max=16)
ANY_SIZE = {0: BATCH, 2: 4 * Dim("height", min=2, max=512), 3: 4 * Dim("width", min=2, max=512)}


@pytest.mark.parametrize("name", ["lite", "johnson", pytest.param("hrnet", marks=pytest.mark.slow)])
def test_an_exported_network_paints_pictures_of_any_size(name):
    network, image = build_network(name, **SMALL[name]).eval(), torch.rand(1, 3, 64, 40)
    with torch.no_grad():
        graph = torch.export.export(network, (torch.rand(2, 3, 32, 48),), dynamic_shapes={"images": ANY_SIZE})
        torch.testing.assert_close(graph.module()(image), network(image), atol=1e-4, rtol=1e-4)
    targets = {str(node.target) for node in graph.graph.nodes}
    assert not [target for target in targets if "norm" in target or "chunk" in target]


def test_an_exported_network_takes_a_style_code():
    network, image = build_network("lite", **SMALL["lite"]).eval(), torch.rand(3, 3, 64, 40)
    codes = network.style_code().detach() + 0.3 * torch.randn(3, network.code_size)
    with torch.no_grad():
        sizes = {"images": ANY_SIZE, "style": {0: BATCH}}
        graph = torch.export.export(network, (torch.rand(2, 3, 32, 48), codes[1:]), dynamic_shapes=sizes)
        torch.testing.assert_close(graph.module()(image, codes), network(image, codes), atol=1e-4, rtol=1e-4)


def test_a_narrow_convolution_is_exported_as_one():
    with torch.no_grad():
        graph = torch.export.export(NarrowConv(5, 3, 9), (torch.rand(1, 5, 12, 12),))
    assert [str(node.target) for node in graph.graph.nodes if "conv" in str(node.target)] == ["aten.conv2d.default"]
    assert "chunk" not in str(graph.graph)


@pytest.mark.filterwarnings("ignore")  # tracing is deprecated, and warns of every size that it takes for a constant
def test_a_traced_network_paints_another_size():
    network, image = build_network("lite", **SMALL["lite"]).eval(), torch.rand(1, 3, 64, 40)
    with torch.no_grad():
        traced = torch.jit.trace(network, (torch.rand(1, 3, 32, 48),))
        torch.testing.assert_close(traced(image), network(image), atol=1e-4, rtol=1e-4)
