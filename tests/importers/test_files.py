"""Files as people have them: wrapped, prefixed, halved, old, damaged or malicious."""

import hashlib
import os
import pickle
import zipfile
from contextlib import suppress

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from fastnst.importers import ORIGINS, ImportFileError, ImportJob, run
from fastnst.importers.pytorch_examples import read


def tensors():
    """What a small network of pytorch/examples is stored as."""
    torch.manual_seed(4)
    sizes = {"conv1": (4, 3, 9), "conv2": (8, 4, 3), "conv3": (16, 8, 3), "res1.conv1": (16, 16, 3)}
    sizes |= {"res1.conv2": (16, 16, 3), "deconv1": (8, 16, 3), "deconv2": (4, 8, 3), "deconv3": (3, 4, 9)}
    state = {}
    for name, (channels, channels_in, kernel) in sizes.items():
        state[f"{name}.conv2d.weight"] = torch.randn(channels, channels_in, kernel, kernel) / 4
        state[f"{name}.conv2d.bias"] = torch.randn(channels)
    norms = {"in1": 4, "in2": 8, "in3": 16, "res1.in1": 16, "res1.in2": 16, "in4": 8, "in5": 4}
    for name, channels in norms.items():
        state[f"{name}.weight"], state[f"{name}.bias"] = torch.rand(channels) + 0.5, torch.randn(channels)
    return state


WRITTEN = {
    "zip.pth": lambda path: torch.save(tensors(), path),
    "old.model": lambda path: torch.save(tensors(), path, _use_new_zipfile_serialization=False),
    "state_dict.pt": lambda path: torch.save({"epoch": 3, "state_dict": tensors()}, path),
    "model.pt": lambda path: torch.save({"model": {"net": tensors()}, "args": {"lr": 0.1}}, path),
    "parallel.pth": lambda path: torch.save({f"module.{name}": value for name, value in tensors().items()}, path),
    "compiled.pth": lambda path: torch.save({f"_orig_mod.module.{n}": value for n, value in tensors().items()}, path),
    "parameters.pth": lambda path: torch.save({n: nn.Parameter(value) for n, value in tensors().items()}, path),
    "double.pth": lambda path: torch.save({name: value.double() for name, value in tensors().items()}, path),
    "plain.safetensors": lambda path: save_file(tensors(), path),
    "arrays.npz": lambda path: np.savez(path, **{name: value.numpy() for name, value in tensors().items()}),
    "misnamed.jpg": lambda path: torch.save(tensors(), path),
    "name with\nspäces.pth": lambda path: torch.save(tensors(), path),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_every_wrapping_gives_the_same_network(tmp_path, name):
    WRITTEN[name](tmp_path / name)
    imported, image = run(ImportJob(str(tmp_path / name))), torch.rand(1, 3, 32, 40)
    with torch.no_grad():
        assert torch.equal(imported.network(image), read(tensors())(image))


def test_half_precision_becomes_single(tmp_path):
    torch.save({name: value.half() for name, value in tensors().items()}, tmp_path / "a.pth")
    network = run(ImportJob(str(tmp_path / "a.pth"))).network
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_tensors_of_a_gpu_are_read_without_one(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
    torch.save(tensors(), tmp_path / "a.pth")
    monkeypatch.undo()
    assert next(run(ImportJob(str(tmp_path / "a.pth"))).network.parameters()).device.type == "cpu"


def test_the_style_says_where_it_is_from(tmp_path):
    path = tmp_path / "candy.pth"
    torch.save(tensors(), path)
    metadata = run(ImportJob(str(path), license="CC BY 4.0")).metadata
    assert metadata.styles == [{"name": "candy"}]
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    program = "pytorch/examples fast_neural_style"
    assert metadata.origin == {"program": program, "file": "candy.pth", "sha256": sha256, "license": "CC BY 4.0"}
    assert run(ImportJob(str(path), "sweets")).metadata.styles == [{"name": "sweets"}]
    assert run(ImportJob(str(path))).metadata.origin["license"] == "unknown"


def test_what_is_not_recognized_says_what_it_saw_and_what_is_known(tmp_path):
    torch.save(
        {"encoder.weight": torch.rand(4, 3, 3, 3), **{f"b{n}": torch.rand(n) for n in range(9)}}, tmp_path / "a.pth"
    )
    with pytest.raises(ImportFileError) as error:
        run(ImportJob(str(tmp_path / "a.pth")))
    assert "it holds 10 tensors: encoder.weight (4, 3, 3, 3), b0 (0,), b1 (1,), b2 (2,), ..." in str(error.value)
    assert all(origin in str(error.value) for origin in ORIGINS)


class Payload:
    def __reduce__(self):
        return os.mkdir, ("executed",)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_malicious_file_is_refused_and_not_executed(tmp_path, monkeypatch, zipped):
    monkeypatch.chdir(tmp_path)
    torch.save({**tensors(), "x": Payload()}, "evil.pth", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ImportFileError, match="program objects beside tensors"):
        run(ImportJob("evil.pth"))
    (tmp_path / "raw.pth").write_bytes(pickle.dumps(Payload()))
    np.savez("evil.npz", weight=np.array([Payload()], dtype=object))
    for name in ("raw.pth", "evil.npz"):
        with pytest.raises(ImportFileError, match=name):
            run(ImportJob(name))
    assert not (tmp_path / "executed").exists()


def test_a_whole_module_is_refused_with_the_remedy(tmp_path):
    torch.save(nn.Conv2d(3, 3, 3), tmp_path / "a.pth")
    with pytest.raises(ImportFileError, match=r"save the network's state_dict\(\) with the program"):
        run(ImportJob(str(tmp_path / "a.pth")))


BROKEN = {
    "empty.pth": (b"", "neither PyTorch"),
    "one.pth": (b"\x80", "is not a whole PyTorch file|is damaged"),
    "web.pth": (b"<!DOCTYPE html><html>", "neither PyTorch .*, safetensors, NumPy"),
    "torn.pth": (b"PK\3\4" + bytes(90), "is not a whole PyTorch file"),
    "torn.safetensors": ((80).to_bytes(8, "little") + b'{"a":', "is not a whole safetensors file"),
    "wave.ckpt": (bytes(60) + bytes.fromhex("57fb808b247547db"), "TensorFlow; .*np.savez"),
    "wave.meta": (b"\n\x05hello", "TensorFlow"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_files_are_one_line(tmp_path, name):
    content, words = BROKEN[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImportFileError, match=rf"{name}: .*({words})"):
        run(ImportJob(str(tmp_path / name)))


def test_cut_files_are_one_line(tmp_path):
    for name, old in (("a.pth", False), ("b.pth", True)):
        torch.save(tensors(), tmp_path / name, _use_new_zipfile_serialization=not old)
        whole = (tmp_path / name).read_bytes()
        for place in np.random.default_rng(0).integers(10, len(whole), 8):
            (tmp_path / name).write_bytes(whole[:place])
            with pytest.raises(ImportFileError, match=name):
                run(ImportJob(str(tmp_path / name)))


def test_changed_bytes_are_one_line(tmp_path):
    rng, path = np.random.default_rng(0), tmp_path / "a.pth"
    for old in (False, True):
        torch.save(tensors(), path, _use_new_zipfile_serialization=not old)
        whole = path.read_bytes()
        for _ in range(30):
            changed = bytearray(whole)
            changed[rng.integers(min(2000, len(whole)))] = rng.integers(256)
            path.write_bytes(changed)
            with suppress(ImportFileError):  # a changed weight is not noticed
                run(ImportJob(str(path)))


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(ImportFileError, match=r"nothing\.pth: no such file"):
        run(ImportJob(str(tmp_path / "nothing.pth")))
    with pytest.raises(ImportFileError, match="is a directory"):
        run(ImportJob(str(tmp_path)))


def test_other_contents_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("photo.jpg", b"hello")
    torch.save({"weights": [1, 2, 3]}, tmp_path / "b.pth")
    for name, words in (("a.zip", "is not a whole PyTorch file"), ("b.pth", "holds no filters of a network")):
        with pytest.raises(ImportFileError, match=words):
            run(ImportJob(str(tmp_path / name)))


def test_weights_that_are_not_numbers_are_refused(tmp_path):
    state = tensors()
    state["in1.bias"][0] = torch.nan
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(ImportFileError, match="not finite numbers"):
        run(ImportJob(str(tmp_path / "a.pth")))


def test_a_style_of_fastnst_needs_no_import(model_file):
    with pytest.raises(ImportFileError, match="is a style of fastnst already"):
        run(ImportJob(str(model_file)))
