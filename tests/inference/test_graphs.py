"""An exported graph is painted with as a trained file is."""

from importlib.util import find_spec

import numpy as np
import pytest
import torch

import fastnst
from fastnst.checkpoint import CheckpointError
from fastnst.errors import ConfigError
from fastnst.inference import load
from fastnst.inference.graphs import read_graph

pytestmark = pytest.mark.skipif(
    find_spec("onnx") is None or find_spec("onnxruntime") is None, reason="needs fastnst[onnx]"
)


@pytest.fixture(scope="module")
def graph(model_file, tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "waves.onnx"
    load(model_file, "cpu", "float32").export(path)
    return path


@pytest.fixture(scope="module")
def gallery_graph(gallery, tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "gallery.onnx"
    load(gallery, "cpu", "bfloat16").export(path)
    return path


def levels(picture):
    return np.asarray(picture).astype(int)


def test_a_graph_paints_as_the_file_it_is_from(graph, model_file, make_picture):
    picture = make_picture(37, 22)
    painted = fastnst.load(graph)(picture)
    expected = fastnst.load(model_file, "cpu", "float32", "torch")(picture)
    assert painted.size == picture.size
    assert np.abs(levels(painted) - levels(expected)).max() <= 1
    tensor = fastnst.load(graph)(torch.rand(2, 3, 9, 14))
    assert tensor.shape == (2, 3, 9, 14)


def test_a_graph_of_several_styles_honors_mix_and_strength(gallery_graph, gallery, make_picture):
    picture, mix = make_picture(30, 21), {"wave": 1, "udnie": 3}
    painted = fastnst.load(gallery_graph, style=mix, strength=0.6)(picture)
    expected = fastnst.load(gallery, "cpu", "float32", "torch", mix, 0.6)(picture)
    assert np.abs(levels(painted) - levels(expected)).max() <= 1
    stylizer = fastnst.load(gallery_graph)
    assert stylizer.styles == ["wave", "starry", "udnie"]
    assert levels(stylizer.styled("wave")(picture)).tolist() != levels(stylizer.styled("udnie")(picture)).tolist()
    with pytest.raises(ConfigError, match="this model has 3 styles; choose one by --style NAME: wave, starry, udnie"):
        stylizer(picture)
    with pytest.raises(ConfigError, match="unknown style 'wav'; did you mean 'wave'"):
        stylizer.styled("wav")


def test_a_graph_of_one_style_has_no_other(graph):
    with pytest.raises(ConfigError, match="exported in one style"):
        fastnst.load(graph, style="starry")
    with pytest.raises(ConfigError, match="exported in one style"):
        fastnst.load(graph, strength=0.5)


def test_engines_that_cannot_are_named(graph, monkeypatch):
    with pytest.raises(ConfigError, match="engine torch paints with the .safetensors"):
        fastnst.load(graph, engine="torch")
    with pytest.raises(ConfigError, match="computes in float32, not in bfloat16"):
        fastnst.load(graph, precision="bfloat16")
    monkeypatch.setattr("fastnst.inference.engines.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"not installed; pip install 'fastnst\[onnx\]'"):
        fastnst.load(graph)


def test_foreign_and_damaged_files_are_refused(graph, tmp_path):
    import onnx

    with pytest.raises(CheckpointError, match="No such file"):
        read_graph(tmp_path / "absent.onnx")
    (tmp_path / "torn.onnx").write_bytes(graph.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="not a whole ONNX file"):
        read_graph(tmp_path / "torn.onnx")
    model = onnx.load(graph)
    model.graph.node[5].domain = "com.example"
    onnx.save(model, tmp_path / "strange.onnx")
    with pytest.raises(CheckpointError, match="holds the operator"):
        read_graph(tmp_path / "strange.onnx")
    model = onnx.load(graph)
    model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    (tmp_path / "outside.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(CheckpointError, match="weights in another file"):
        read_graph(tmp_path / "outside.onnx")
    del model.metadata_props[:]
    (tmp_path / "foreign.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(CheckpointError, match="not a style exported by fastnst"):
        read_graph(tmp_path / "foreign.onnx")


def test_programs_are_not_loaded(tmp_path):
    (tmp_path / "style.pt2").write_bytes(b"")
    with pytest.raises(CheckpointError, match="paint with the .safetensors, or a .onnx"):
        fastnst.load(tmp_path / "style.pt2")


def altered(graph, path, change):
    import onnx

    model = onnx.load_model_from_string(graph.read_bytes())
    change(model)
    path.write_bytes(model.SerializeToString())
    return path


def test_a_graph_that_the_runtime_refuses_is_one_line_that_names_the_file(graph, tmp_path, make_picture):
    def unknown_input(model):
        model.graph.node[5].input[0] = "nothing"

    def newer(model):
        model.ir_version = 999

    for change in (unknown_input, newer):
        with pytest.raises(CheckpointError, match=r"odd\.onnx: cannot be computed \(.*\); export it again"):
            fastnst.load(altered(graph, tmp_path / "odd.onnx", change))(make_picture())


@pytest.mark.parametrize("text", ["[" * 100_000, '["waves"]', '"waves"', "5"])
def test_notes_nested_deep_or_of_other_types_are_damaged(graph, tmp_path, text):
    def deep(model):
        next(item for item in model.metadata_props if item.key == "styles").value = text

    with pytest.raises(CheckpointError, match="notes are damaged"):
        fastnst.load(altered(graph, tmp_path / "odd.onnx", deep))
