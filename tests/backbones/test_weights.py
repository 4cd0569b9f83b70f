from urllib.error import URLError

import pytest
import torch
from safetensors.torch import load_file, save_file
from torchvision import models

from fastnst.backbones import BACKBONES, build_backbone
from fastnst.backbones._weights import _digest, _url
from fastnst.errors import ConfigError

TORCHVISION = {
    "vgg16": models.vgg16,
    "vgg19": models.vgg19,
    "squeezenet1_0": models.squeezenet1_0,
    "squeezenet1_1": models.squeezenet1_1,
}


@pytest.fixture(autouse=True)
def _no_weights_at_hand(monkeypatch, tmp_path):
    monkeypatch.delenv("FASTNST_WEIGHTS", raising=False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))


@pytest.fixture
def offline(monkeypatch):
    def fail(*args, **kwargs):
        raise URLError("Name or service not known")

    monkeypatch.setattr(torch.hub, "download_url_to_file", fail)


@pytest.mark.parametrize(
    ("name", "layer", "depth"),
    [("vgg16", "relu3_3", 16), ("vgg19", "relu3_1", 12), ("squeezenet1_0", "fire5", 8), ("squeezenet1_1", "fire5", 8)],
)
def test_layers_are_those_of_torchvision(name, layer, depth, tmp_path):
    torch.manual_seed(0)
    reference = TORCHVISION[name](weights=None).eval()
    save_file({k: v for k, v in reference.state_dict().items() if k.startswith("features")}, tmp_path / "w.safetensors")
    backbone = build_backbone(name, [layer], tmp_path / "w.safetensors")
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        expected = reference.features[:depth]((image - backbone.mean) / backbone.std)
        torch.testing.assert_close(backbone(image, [layer])[layer], expected)


def test_caffe_style_vgg16_takes_0_255_minus_the_mean():
    backbone = BACKBONES["vgg16_caffe"]("max", "zeros")
    image = torch.full((1, 3, 2, 2), 0.5)
    expected = 255 * (0.5 - torch.tensor([0.48235, 0.45882, 0.40784]))
    torch.testing.assert_close(((image - backbone.mean) / backbone.std)[0, :, 0, 0], expected)
    weights = models.VGG16_Weights.IMAGENET1K_FEATURES.transforms.keywords
    assert (weights["mean"], weights["std"]) == (tuple(backbone.mean.flatten().tolist()), (1 / 255,) * 3) or (
        torch.allclose(torch.tensor(weights["mean"]), backbone.mean.flatten())
    )


def test_first_layers_alone_serve_the_first_layers(toy_weights):
    assert build_backbone("vgg19", ["relu2_1"], toy_weights).layers[-1] == "relu2_1"
    with pytest.raises(ConfigError, match=r"does not hold conv2_2 \(features\.7.*end with conv2_1") as error:
        build_backbone("vgg19", ["relu4_1"], toy_weights)
    assert "choose earlier layers" in str(error.value)


def test_folder_variable_comes_before_cache_and_download(monkeypatch, tmp_path, toy_weights, offline):
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "vgg19.safetensors").write_bytes(toy_weights.read_bytes())
    monkeypatch.setenv("FASTNST_WEIGHTS", str(folder))
    backbone = build_backbone("vgg19", ["relu1_1"])
    torch.testing.assert_close(backbone.stages["conv1_1"].weight, load_file(toy_weights)["features.0.weight"])


def test_hub_cache_is_used_offline(tmp_path, toy_weights, offline):
    cached = tmp_path / "hub" / "checkpoints" / "vgg19-dcbb9e9d.pth"
    cached.parent.mkdir(parents=True)
    torch.save(load_file(toy_weights), cached)
    assert build_backbone("vgg19", ["relu1_1"]).layers == ("conv1_1", "relu1_1")


def test_a_download_is_checked_by_all_of_its_sha256_and_kept(monkeypatch, tmp_path, toy_weights):
    asked = {}

    def download(url, path, digest, progress):
        asked.update(url=url, digest=digest)
        torch.save(load_file(toy_weights), path)

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    build_backbone("vgg19", ["relu1_1"])
    assert asked["url"].endswith("vgg19-dcbb9e9d.pth")
    assert asked["digest"] == "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44"
    asked.clear()
    build_backbone("vgg19", ["relu1_1"])
    assert not asked


@pytest.mark.parametrize("name", ["vgg16", "vgg16_caffe", "vgg19", "squeezenet1_0", "squeezenet1_1"])
def test_every_download_has_a_checksum(name):
    digest = _digest(_url(name))
    assert len(digest) in (8, 64)
    assert digest[:8] in _url(name)
    int(digest, 16)


def test_another_file_than_was_asked_for_is_refused_and_not_kept(monkeypatch, tmp_path):
    served = tmp_path / "vgg19-dcbb9e9d.pth"
    served.write_bytes(b"something else")
    monkeypatch.setattr("fastnst.backbones._weights._url", lambda name: served.as_uri())
    with pytest.raises(ConfigError, match=r"download of file.*invalid hash value"):
        build_backbone("vgg19", ["relu1_1"])
    assert not list((tmp_path / "hub").rglob("*.p*"))


def test_without_network_one_line_names_all_remedies(offline):
    with pytest.raises(ConfigError) as error:
        build_backbone("vgg19", ["relu1_1"])
    message = str(error.value)
    assert "\n" not in message
    for remedy in ("vgg19-dcbb9e9d.pth", "loss.weights", "FASTNST_WEIGHTS", "vgg19.safetensors", "not known"):
        assert remedy in message


class Canary:
    def __reduce__(self):
        return (print, ("executed",))


def test_files_with_code_are_refused_and_not_run(tmp_path, capsys):
    torch.save({"features.0.weight": Canary()}, tmp_path / "evil.pth")
    with pytest.raises(ConfigError, match="refused"):
        build_backbone("vgg19", ["relu1_1"], tmp_path / "evil.pth")
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("name", ["half.safetensors", "half.pth", "text.pth", "empty.pth"])
def test_broken_files_are_named(name, tmp_path, toy_weights):
    path = tmp_path / name
    torch.save(load_file(toy_weights), tmp_path / "whole.pth")
    whole = (tmp_path / "whole.pth" if name.endswith("pth") else toy_weights).read_bytes()
    path.write_bytes({"half": whole[:5000], "text": b"<html>404</html>", "empty": b""}[path.stem])
    with pytest.raises(ConfigError, match=name):
        build_backbone("vgg19", ["relu1_1"], path)


def test_weights_of_another_network_do_not_fit(tmp_path):
    save_file(
        {"features.0.weight": torch.zeros(8, 3, 3, 3), "features.0.bias": torch.zeros(8)}, tmp_path / "w.safetensors"
    )
    with pytest.raises(ConfigError, match=r"features\.0\.weight is \(8, 3, 3, 3\), not \(64, 3, 3, 3\)"):
        build_backbone("vgg19", ["relu1_1"], tmp_path / "w.safetensors")


def test_unknown_backbone_lists_known_names():
    with pytest.raises(ConfigError, match=r"unknown backbone 'vgg91'; did you mean 'vgg19'.*squeezenet1_1"):
        build_backbone("vgg91", ["relu1_1"])


def test_genuine_first_layers_of_vgg19_load(shared):
    path = shared / "weights" / "vgg19_conv1_to_conv3_4.safetensors"
    features = build_backbone("vgg19", ["relu1_1", "relu3_4"], path)(torch.rand(1, 3, 32, 32), ["relu1_1", "relu3_4"])
    assert features["relu3_4"].shape == (1, 256, 8, 8)
    with pytest.raises(ConfigError, match="conv4_1"):
        build_backbone("vgg19", ["relu4_1"], path)


def test_shared_squeezenet_loads(shared):
    path = shared / "weights" / "squeezenet1_0.safetensors"
    assert (
        build_backbone("squeezenet1_0", ["fire9"], path)(torch.rand(1, 3, 64, 64), ["fire9"])["fire9"].shape[1] == 512
    )
