import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import pytest
import torch

import fastnst
from fastnst.errors import ConfigError
from fastnst.inference import Stylizer, engines
from fastnst.networks import NETWORKS, build_network

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="needs fastnst[openvino]")
CPU = torch.device("cpu")
NARROW = {"johnson": {"width": 8}, "lite": {"width": 16}}


def both_engines(name: str, precision: engines.Precision) -> list[Stylizer]:
    """Return stylizers on either engine with the same random weights, every number of them other than at the start."""
    made = []
    for engine in ("torch", "openvino"):
        torch.manual_seed(0)
        network = build_network(name, **NARROW[name])
        for parameter in network.parameters():
            if parameter.dim() == 1:
                parameter.data += 0.2 * torch.randn_like(parameter)
        made.append(Stylizer(network, device="cpu", precision=precision, engine=engine))
    return made


@needs_openvino
@pytest.mark.parametrize("name", sorted(NETWORKS))
@pytest.mark.parametrize(("precision", "levels"), [("float32", 0.05), ("bfloat16", 1.5)])  # random weights amplify
def test_openvino_paints_what_torch_paints(name, precision, levels):
    by_torch, by_openvino = both_engines(name, precision)
    for height, width in [(1, 1), (7, 7), (33, 50), (65, 40), (3, 90)]:  # one engine for all sizes
        images = torch.rand(2, 3, height, width)
        difference = 255 * (by_torch(images) - by_openvino(images)).abs()
        assert difference.mean() < levels, (height, width, difference.max())


@needs_openvino
def test_bfloat16_is_no_less_exact_than_torchs():
    (exact, _), (by_torch, by_openvino) = both_engines("johnson", "float32"), both_engines("johnson", "bfloat16")
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


def test_torch_computes_unless_another_is_asked_for(model_file):
    stylizer = fastnst.load(model_file, "cpu")
    assert stylizer.engine is stylizer.network


@needs_openvino
def test_openvino_is_imported_by_the_first_picture_and_reports_to_nobody(model_file):
    code = (
        "import sys, torch, fastnst; stylizer = fastnst.load(sys.argv[1], 'cpu', engine='openvino');"
        "before = 'openvino' in sys.modules; stylizer(torch.rand(3, 16, 16));"
        "print(before, 'openvino' in sys.modules, sys.modules['openvino_telemetry'])"
    )
    said = subprocess.run([sys.executable, "-c", code, str(model_file)], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "True", "None"]


def test_without_openvino_asking_names_the_remedy(monkeypatch, model_file):
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"not installed; pip install 'fastnst\[openvino\]'"):
        fastnst.load(model_file, "cpu", engine="openvino")


def test_other_devices_and_networks_are_refused(monkeypatch):
    monkeypatch.setattr(engines, "find_spec", lambda name: object())
    network = build_network("johnson", width=4, blocks=1)
    with pytest.raises(ConfigError, match="not on cuda; choose device cpu"):
        engines.pick_engine("openvino", network, torch.device("cuda"), "float32")
    unknown = torch.nn.Identity()
    with pytest.raises(ConfigError, match="does not know the network identity"):
        engines.pick_engine("openvino", unknown, CPU, "float32")


def test_unknown_engines_list_the_known(model_file):
    with pytest.raises(ConfigError, match="unknown engine 'tvm'; known: openvino, torch"):
        fastnst.load(model_file, "cpu", engine="tvm")
