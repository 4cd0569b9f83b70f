import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import pytest
import torch

import fastnst
from fastnst.errors import ConfigError
from fastnst.export.runtime import without_telemetry
from fastnst.inference import Stylizer, engines
from fastnst.networks import build_network

HAS = {name: all(map(find_spec, engines.NEEDS[name])) for name in ("onnx", "openvino")}
needs_openvino = pytest.mark.skipif(not HAS["openvino"], reason="needs fastnst[openvino]")
graph_engines = [
    pytest.param(name, marks=pytest.mark.skipif(not there, reason=f"needs fastnst[{name}]"))
    for name, there in HAS.items()
]
CPU = torch.device("cpu")
NARROW = {"johnson": {"width": 8}, "lite": {"width": 16}, "lite1": {"width": 16}}


def both_engines(name: str, precision: engines.Precision, other: engines.Engine = "openvino") -> list[Stylizer]:
    """Return stylizers on torch and on another engine with the same random weights, none of them initial ones."""
    made = []
    for engine in ("torch", other):
        torch.manual_seed(0)
        network = build_network(name, **NARROW[name])
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.data += 0.2 * torch.randn_like(parameter)
        made.append(Stylizer(network, device="cpu", precision=precision, engine=engine))
    return made


@pytest.mark.parametrize("engine", graph_engines)
@pytest.mark.parametrize("name", sorted(NARROW))
def test_every_engine_paints_what_torch_paints(name, engine):
    by_torch, by_other = both_engines(name, "float32", engine)
    for height, width in [(1, 1), (7, 7), (33, 50), (65, 40), (3, 90)]:  # one engine for all sizes
        images = torch.rand(2, 3, height, width)
        difference = 255 * (by_torch(images) - by_other(images)).abs()
        assert difference.mean() < 0.05, (height, width, difference.max())


@needs_openvino
@pytest.mark.parametrize("name", sorted(NARROW))
def test_bfloat16_is_no_less_exact_than_torchs(name):
    (exact, _), (by_torch, by_openvino) = both_engines(name, "float32"), both_engines(name, "bfloat16")
    images = torch.rand(2, 3, 48, 64)
    errors = [(stylizer(images) - exact(images)).abs().mean() for stylizer in (by_torch, by_openvino)]
    assert errors[1] < 1.1 * errors[0] + 0.1 / 255


@needs_openvino
def test_threads_share_one_engine():
    _, stylizer = both_engines("lite", "float32")
    images = [torch.rand(3, 16 + 4 * i, 20) for i in range(8)]
    expected = [stylizer(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        for painted, alone in zip(pool.map(stylizer, images), expected, strict=True):
            torch.testing.assert_close(painted, alone)


@pytest.mark.parametrize("name", sorted(NARROW))
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_torch_is_chosen_by_itself_whatever_else_is_installed(monkeypatch, name, precision):
    monkeypatch.setattr(engines, "find_spec", lambda name: object())
    network = build_network(name, **NARROW[name])
    assert engines.pick_engine("auto", network, CPU, precision) is network


@needs_openvino
def test_openvino_is_imported_by_the_first_picture_and_reports_to_nobody(model_file, tmp_path):
    code = (
        "import os, sys, torch, fastnst; stylizer = fastnst.load(sys.argv[1], 'cpu', engine='openvino');"
        "before = 'openvino' in sys.modules; stylizer(torch.rand(3, 16, 16));"
        "from openvino.tools.ovc import telemetry;"
        "print(before, 'openvino' in sys.modules, telemetry.consent, os.environ.get('CI'))"
    )
    environment = {key: value for key, value in os.environ.items() if key != "CI"} | {"HOME": str(tmp_path)}
    run = [sys.executable, "-c", code, str(model_file)]
    said = subprocess.run(run, capture_output=True, text=True, check=True, env=environment)
    assert said.stdout.split() == ["False", "True", "False", "None"]
    assert not list(tmp_path.iterdir())  # where it would keep the number of the user


@pytest.mark.parametrize("before", [None, "false"])
def test_the_switch_of_telemetry_is_put_back(monkeypatch, before):
    monkeypatch.delenv("CI", raising=False) if before is None else monkeypatch.setenv("CI", before)
    switch = without_telemetry()
    with pytest.raises(ImportError, match="true"), switch:
        raise ImportError(os.environ["CI"])
    assert os.environ.get("CI") == before


def test_statistics_are_not_ignored_by_openvino(monkeypatch, model_file):
    monkeypatch.setattr(engines, "find_spec", lambda name: object())
    stylizer = fastnst.load(model_file, "cpu", engine="openvino")
    with (
        stylizer.network.recording_statistics(),
        pytest.raises(ConfigError, match="neither fixes nor records statistics; choose engine torch"),
    ):
        stylizer(torch.rand(3, 16, 16))


def test_without_openvino_asking_names_the_remedy(monkeypatch, model_file):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"not installed; pip install 'fastnst\[openvino\]'"):
        fastnst.load(model_file, "cpu", engine="openvino")


def test_other_devices_and_networks_are_refused(monkeypatch):
    monkeypatch.setattr(engines, "find_spec", lambda name: object())
    network = build_network("johnson", width=4, blocks=1)
    with pytest.raises(ConfigError, match="not on cuda; choose device cpu"):
        engines.pick_engine("openvino", network, torch.device("cuda"), "float32")
    with pytest.raises(ConfigError, match="computes in float32, not in bfloat16"):
        engines.pick_engine("onnx", network, CPU, "bfloat16")


def test_unknown_engines_list_the_known(model_file):
    with pytest.raises(ConfigError, match="unknown engine 'tvm'; known: auto, onnx, openvino, torch"):
        fastnst.load(model_file, "cpu", engine="tvm")
