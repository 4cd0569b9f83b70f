"""Graphs paint what torch paints, at any size, in any style, and say what they are."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

from fastnst.export import ExportError, Notes, publish
from fastnst.export.check import SIZES, check, paint
from fastnst.export.runtime import onnx_runner
from fastnst.networks import build_network

NARROW = {
    "hrnet": {},
    "johnson": {"width": 4, "blocks": 1},
    "lite": {"width": 8, "blocks": 1, "detail": 8, "deep": 8, "deep_blocks": 1},
    "lite1": {"width": 8, "blocks": 1},
}
FIRST = "Add AveragePool Cast Clip Concat Conv DepthToSpace Div Floor Greater InstanceNormalization"
SECOND = "MatMul Max Min Mul Pad ReduceMax ReduceMin ReduceSum Relu Resize"
THIRD = "Shape Slice Split Squeeze Sub Transpose Unsqueeze Where"
WEB = {*FIRST.split(), *SECOND.split(), *THIRD.split()}
"""Known to WebAssembly and to WebGPU, or computed on sizes alone."""

pytestmark = pytest.mark.skipif(
    find_spec("onnx") is None or find_spec("onnxruntime") is None, reason="needs fastnst[onnx]"
)


def network(name: str, styles: int | None = None) -> torch.nn.Module:
    """Return a network whose values per channel are not the initial ones."""
    made = build_network(name, **NARROW[name]).eval()
    for parameter in made.parameters():
        if parameter.dim() == 1:
            parameter.data += 0.2 * torch.randn_like(parameter)
    if styles is not None:
        table = made.add_styles(styles)
        for code in (table.codes, table.photograph):
            torch.nn.init.normal_(code, 0.5, 0.4)
    return made


@pytest.mark.parametrize("name", sorted(NARROW))
def test_a_graph_paints_what_torch_paints_at_five_sizes(name, tmp_path):
    made = publish(network(name), tmp_path / "style.onnx", Notes("waves", pixels="float32"))
    assert (
        made.difference["largest"] < 0.7
    )  # lite1 with random weights; torch itself is half a level from float64 there
    assert made.difference["sizes"] == [list(size) for size in SIZES]
    assert made.difference["checked_with"].startswith("onnxruntime 1")


def test_a_graph_of_eight_bits_is_within_a_level_and_says_what_it_is(tmp_path):
    import onnx

    style = {"name": "waves", "sha256": "ab" * 32}
    notes = Notes("waves", [style], license="MIT", source_sha256="cd" * 32)
    made = publish(network("lite"), tmp_path / "style.onnx", notes)
    assert made.difference["largest"] <= 1
    model = onnx.load(tmp_path / "style.onnx")
    assert Notes.from_strings({item.key: item.value for item in model.metadata_props}) == made
    assert {node.domain for node in model.graph.node} == {""}
    assert {node.op_type for node in model.graph.node} <= WEB
    assert [item.version for item in model.opset_import] == [17]
    assert [path.name for path in tmp_path.iterdir()] == ["style.onnx"]


def test_a_graph_of_several_styles_takes_weights_and_strength(tmp_path):
    several = network("lite", 3)
    publish(several, tmp_path / "gallery.onnx", Notes("gallery", pixels="float32"))
    run = onnx_runner((tmp_path / "gallery.onnx").read_bytes())
    image = torch.rand(1, 3, 21, 34)
    code = several.styles.weaken(several.styles.mix(torch.tensor([0.25, 0, 0.75])), 0.5)
    given = {"style": np.array([1, 0, 3], np.float32), "strength": np.array(0.5, np.float32)}
    painted = run({"images": image.permute(0, 2, 3, 1).contiguous().numpy(), **given})
    with torch.no_grad():
        expected = several(image, code).clamp(0, 1).permute(0, 2, 3, 1)
    torch.testing.assert_close(torch.from_numpy(painted), expected, atol=1e-3, rtol=0)


def test_a_graph_without_styles_by_name_takes_a_code(tmp_path):
    made = publish(network("lite", 0), tmp_path / "any.onnx", Notes("any", pixels="float32"))
    assert made.difference["largest"] < 0.1


def test_one_graph_paints_a_batch_as_it_paints_each(tmp_path):
    publish(network("johnson"), tmp_path / "style.onnx", Notes("waves"))
    run = onnx_runner((tmp_path / "style.onnx").read_bytes())
    images = np.random.default_rng(0).integers(0, 256, (3, 19, 30, 3), dtype=np.uint8)
    alone = np.concatenate([run({"images": image[None]}) for image in images])
    assert np.array_equal(run({"images": images}), alone)


def test_a_large_even_area_beside_a_detail_stays_within_a_level(tmp_path):
    made = network("lite")
    publish(made, tmp_path / "style.onnx", Notes("waves", pixels="float32"))
    run = onnx_runner((tmp_path / "style.onnx").read_bytes())
    image = torch.full((1, 3, 512, 512), 0.9)
    image[..., 200:240, 200:260] = torch.rand(1, 3, 40, 60)
    painted = run({"images": image.permute(0, 2, 3, 1).contiguous().numpy()})
    with torch.no_grad():
        expected = paint(made, image).permute(0, 2, 3, 1).numpy()
    assert 255 * np.abs(painted - expected).max() < 1


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize(("name", "width"), [("johnson", 8), ("lite", 32)])
def test_a_quantized_graph_is_smaller_and_tells_its_difference(precision, name, width, tmp_path):
    wide = build_network(name, width=width, blocks=1).eval()
    publish(wide, tmp_path / "exact.onnx", Notes("waves"))
    made = publish(wide, tmp_path / "small.onnx", Notes("waves", precision=precision))
    assert 0 < made.difference["mean"] < 16
    assert (tmp_path / "small.onnx").stat().st_size < 0.75 * (tmp_path / "exact.onnx").stat().st_size


def test_what_paints_something_else_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr("fastnst.export.onnx.Graph.cast", lambda *_, **__: pytest.fail("not reached"))
    monkeypatch.setattr("fastnst.export.layers._Layers._normalize", lambda self, norm, x: x)
    with pytest.raises(ExportError, match="differs from torch by .* more than 1; nothing was written"):
        publish(network("johnson"), tmp_path / "style.onnx", Notes("waves", pixels="float32"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("precision", "difference", "fine"),
    [
        ("float32", {"largest": 1.0, "mean": 0.1}, True),
        ("float32", {"largest": 2.0, "mean": 0.1}, False),
        ("int8", {"largest": 99.0, "mean": 7.0}, True),
        ("int8", {"largest": 99.0, "mean": float("inf")}, False),
    ],
)
def test_the_limits_of_a_check(precision, difference, fine):
    if fine:
        check(difference, precision)
    else:
        with pytest.raises(ExportError, match=precision):
            check(difference, precision)
