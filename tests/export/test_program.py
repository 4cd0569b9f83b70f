"""Programs of torch.export paint what torch paints, and need nothing else."""

import json
import zipfile

import pytest
import torch

from fastnst.errors import ConfigError
from fastnst.export import Notes, publish
from fastnst.networks import build_network

TINY = {"width": 4, "blocks": 0}
NARROW = {"johnson": TINY, "lite": {"width": 8, "blocks": 1, "detail": 8, "deep": 8, "deep_blocks": 1}}


@pytest.mark.parametrize("name", sorted(NARROW))
def test_a_program_paints_pictures_of_any_size(tmp_path, name):
    network = build_network(name, **NARROW[name]).eval().to(memory_format=torch.channels_last)  # as files are loaded
    made = publish(network, tmp_path / "style.pt2", Notes("waves"))
    assert made.difference["largest"] <= 1
    assert made.difference["checked_with"] == f"torch {torch.__version__}"
    with zipfile.ZipFile(tmp_path / "style.pt2") as archive:
        kept = next(name for name in archive.namelist() if name.endswith("fastnst.json"))
        assert json.loads(archive.read(kept))["name"] == "waves"


def test_a_program_of_several_styles_takes_weights_and_strength(tmp_path):
    network = build_network("lite", **NARROW["lite"]).eval()
    table = network.add_styles(2)
    for code in (table.codes, table.photograph):
        torch.nn.init.normal_(code, 0.5, 0.4)
    made = publish(network, tmp_path / "gallery.pt2", Notes("gallery", pixels="float32"))
    assert made.difference["largest"] < 0.1


def test_other_formats_and_quantized_programs_are_refused(tmp_path):
    network = build_network("johnson", **TINY)
    with pytest.raises(ConfigError, match=r"write \.onnx or \.pt2"):
        publish(network, tmp_path / "style.tflite", Notes("waves"))
    with pytest.raises(ConfigError, match="leave out int8, or choose .onnx"):
        publish(network, tmp_path / "style.pt2", Notes("waves", precision="int8"))
