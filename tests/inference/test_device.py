"""No tensor meets one of another device, as far as this can be told without a second device.

What is made without naming a device is made on ``meta`` here, where nothing that holds pictures or weights is.
"""

import pytest
import torch

from fastnst.inference import tiled
from fastnst.inference.brush import Brush
from fastnst.inference.pixels import TensorPixels
from fastnst.networks import build_network, norm

NETWORKS = {
    "lite": {"width": 8, "blocks": 1, "deep_blocks": 1},
    "lite1": {"width": 8, "blocks": 1},
    "johnson": {"width": 4, "blocks": 1},
    "hrnet": {},
}


@pytest.fixture(autouse=True)
def _no_kernels_of_the_cpu(monkeypatch):
    monkeypatch.setattr(norm, "_kernels_serve", lambda x: False)
    monkeypatch.setattr(norm, "_normalize_on_cpu", norm._normalize_elsewhere)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("statistics", ["exact", "thumbnail"])
def test_tiles_are_where_the_network_is(name, statistics, monkeypatch):
    network = build_network(name, **NETWORKS[name]).eval().requires_grad_(False)
    image, whole, painted = torch.rand(3, 300, 440), torch.empty(3, 300, 440), torch.empty(3, 300, 440)
    monkeypatch.setattr(tiled, "MOST", 2**15)
    brush = Brush(torch.device("cpu"), network, network)
    with torch.device("meta"):
        brush(TensorPixels(image), TensorPixels(whole))
        memory = brush.whole_bytes * 300 * 440 - 1 if statistics == "exact" else 2**30
        brush(TensorPixels(image), TensorPixels(painted), memory=int(memory), statistics=statistics)
    assert torch.isfinite(painted).all()
    if statistics == "exact":
        torch.testing.assert_close(painted, whole, atol=1e-3, rtol=0)
