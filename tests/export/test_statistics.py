"""A graph that takes statistics paints a part of a picture as it paints that part in the whole."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from fastnst.export import Notes
from fastnst.export.publishing import browser_graph
from fastnst.networks import build_network

pytestmark = pytest.mark.skipif(
    find_spec("onnx") is None or find_spec("onnxruntime") is None, reason="needs fastnst[onnx]"
)


def runner(network):
    """Return what paints pixels, and says by which statistics."""
    import onnxruntime

    session = onnxruntime.InferenceSession(browser_graph(network, Notes("waves")))
    size = next(found.shape[1] for found in session.get_inputs() if found.name == "statistics")

    def run(pixels, statistics=None, held=0.0, **style):
        given = np.zeros((1, size), np.float32) if statistics is None else statistics
        feeds = {
            "images": pixels[None].astype(np.float32) / 255,
            "statistics": given,
            "held": np.array(held, np.float32),
            **style,
        }
        painted, measured = session.run(["painted", "measured"], feeds)
        return np.rint(255 * painted[0]), measured

    return run


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return build_network("lite", width=8, blocks=1, detail=8, deep=8, deep_blocks=1).eval()


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(1).integers(0, 256, (256, 320, 3), dtype=np.uint8)


def test_measured_statistics_are_those_that_torch_records(network, pixels):
    images = torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255
    with network.recording_statistics() as recorded, torch.no_grad():
        network.paint(images)
    expected = torch.cat([recorded[name].flatten(1) for name, _ in network.named_norms()], 1)
    torch.testing.assert_close(torch.from_numpy(runner(network)(pixels)[1]), expected, atol=1e-4, rtol=1e-3)


def test_a_window_is_painted_as_in_the_whole_picture(network, pixels):
    run = runner(network)
    whole, statistics = run(pixels)
    window = run(pixels[:, :192], statistics, 1.0)[0]
    halo = -(-network.receptive_field // 2 // 8) * 8
    assert np.abs(window[:, : 192 - halo].astype(int) - whole[:, : 192 - halo]).max() <= 1
    assert np.abs(run(pixels[:, :192])[0].astype(int) - whole[:, :192]).max() > 1


def test_a_window_of_one_color_is_not_taken_for_a_picture_of_one(network, pixels):
    run = runner(network)
    even = np.full((64, 64, 3), 200, np.uint8)
    statistics = run(pixels)[1]
    held, own = run(even, statistics, 1.0)[0], run(even)[0]
    assert np.ptp(own, axis=(0, 1)).max() == 0
    images = torch.full((1, 3, 64, 64), 200 / 255)
    norms = dict(network.named_norms())
    parts = torch.from_numpy(statistics).split([2 * norm.channels for norm in norms.values()], 1)
    moments = {name: part.view(1, 2, -1) for name, part in zip(norms, parts, strict=True)}
    with network.fixed_statistics(moments), torch.no_grad():
        expected = network(images).clamp(0, 1)[0].permute(1, 2, 0).numpy()
    assert np.abs(held / 255 - expected).max() < 1.5 / 255


def test_half_held_statistics_lie_between(network, pixels):
    run = runner(network)
    statistics = run(pixels)[1]
    other = 0.6 * statistics
    own, half, given = (run(pixels, other, share)[0].astype(int) for share in (0.0, 0.5, 1.0))
    assert np.abs(own - given).mean() > np.abs(half - given).mean() > 1
    np.testing.assert_array_equal(own, run(pixels)[0])


def test_several_styles_take_statistics_too(pixels):
    torch.manual_seed(2)
    several = build_network("lite", width=8, blocks=1, detail=8, deep=8, deep_blocks=1).eval()
    table = several.add_styles(2)
    for code in (table.codes, table.photograph):
        torch.nn.init.normal_(code, 0.5, 0.4)
    run = runner(several)
    style = {"style": np.array([0, 1], np.float32), "strength": np.array(0.7, np.float32)}
    whole, statistics = run(pixels, **style)
    held = run(pixels, statistics, 1.0, **style)[0]
    assert np.abs(held.astype(int) - whole).max() <= 1


def test_no_operator_takes_more_arrays_than_a_gpu_binds(network):
    import onnx

    graph = onnx.load_model_from_string(browser_graph(network, Notes("waves"))).graph
    assert max(len(node.input) + len(node.output) for node in graph.node) <= 10
