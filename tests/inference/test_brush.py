import logging

import numpy as np
import pytest
import torch

import fastnst
from fastnst.inference import brush
from fastnst.inference.brush import Brush
from fastnst.inference.meter import Meter, bytes_per_pixel
from fastnst.inference.pixels import ArrayPixels, TensorPixels
from fastnst.networks import build_network

CPU = torch.device("cpu")


@pytest.fixture
def network():
    return build_network("lite", width=8, blocks=1, deep_blocks=1).eval().requires_grad_(False)


@pytest.fixture
def calls(monkeypatch):
    """Memory and statistics of every picture that is painted in tiles."""
    made = []
    monkeypatch.setattr(brush, "paint_tiled", lambda n, p, c, memory, statistics: made.append((memory, statistics)))
    return made


def paint(painter, **how):
    image = torch.rand(3, 40, 50)
    painter(TensorPixels(image), TensorPixels(torch.empty_like(image)), **how)


def test_tiles_begin_where_memory_ends(network, calls):
    painter = Brush(CPU, network, network)
    paint(painter, memory=int(painter.whole_bytes * 2000) + 1)
    assert not calls
    paint(painter, memory=int(painter.whole_bytes * 2000) - 1)
    assert [statistics for _, statistics in calls] == ["exact"]


def test_small_pictures_ask_for_no_memory(network, calls, monkeypatch):
    monkeypatch.setattr(brush, "find_memory", lambda device: pytest.fail("asked"))
    paint(Brush(CPU, network, network))
    assert not calls


def test_large_pictures_get_a_share_of_what_is_free(network, calls, monkeypatch):
    monkeypatch.setattr(brush, "SMALL", 100)
    monkeypatch.setattr(brush, "find_memory", lambda device: 5000)
    paint(Brush(CPU, network, network))
    assert calls == [(5000, "exact")]


def test_thumbnail_statistics_are_used_whenever_asked_for(network, calls):
    paint(Brush(CPU, network, network), memory=2**40, statistics="thumbnail")
    assert calls == [(2**40, "thumbnail")]


def test_a_gpu_out_of_memory_is_tried_with_half(network, monkeypatch, caplog):
    tried = []

    def stub(network, pixels, canvas, memory, statistics):
        tried.append(memory)
        if len(tried) < 3:
            raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(brush, "paint_tiled", stub)
    paint(Brush(CPU, network, network), memory=2**40, statistics="thumbnail")
    needed = Brush(CPU, network, network).whole_bytes * 2000
    assert len(tried) == 3
    assert tried[1] <= needed / 2
    assert tried[2] == tried[1] / 2
    assert "out of memory; trying again with" in caplog.text


@pytest.fixture(autouse=True)
def _little_is_enough(monkeypatch):
    monkeypatch.setattr(brush, "LEAST_MEMORY", 2**10)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), "cpu is out of memory; trying"),
        (RuntimeError("input tensor must fit into 32-bit index math"), "cpu cannot take so much at once; trying"),
    ],
)
def test_a_whole_picture_that_does_not_fit_goes_on_in_tiles(network, calls, error, told, caplog):
    def engine(images):
        raise error

    paint(Brush(CPU, engine, network), memory=2**40)
    assert len(calls) == 1
    assert told in caplog.text


def test_an_error_of_another_kind_is_not_tried_again(network, calls):
    def engine(images):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        paint(Brush(CPU, engine, network), memory=2**40)
    assert not calls


def test_out_of_memory_ends_somewhere(network, monkeypatch):
    def stub(*what):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(brush, "paint_tiled", stub)
    with pytest.raises(torch.OutOfMemoryError):
        paint(Brush(CPU, network, network), memory=2**30, statistics="thumbnail")


def test_another_engine_gives_way_to_torch_with_a_note(network, calls, caplog):
    with caplog.at_level(logging.WARNING):
        paint(Brush(CPU, lambda images: images, network), memory=10**5)
    assert "50x40 is painted in tiles, by torch" in caplog.text


def test_memory_is_estimated_from_what_is_alive_at_once():
    def compute(side):
        first = torch.zeros(side, side)  # 4 bytes a pixel
        second = first + 1  # 8
        del first
        return second + torch.ones(10000)[: len(second)]  # 8, and 40,000 bytes at any size

    assert bytes_per_pixel(compute, 200) == 8


def test_arithmetic_of_convolutions_is_counted():
    with Meter() as meter, torch.no_grad():
        torch.nn.Conv2d(3, 5, 3)(torch.rand(1, 3, 10, 10))
        torch.nn.ConvTranspose2d(3, 5, 2, 2)(torch.rand(1, 3, 10, 10))
    assert meter.macs == 8 * 8 * 5 * 27 + 10 * 10 * 3 * 5 * 4


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_arrays_keep_their_kind(model_file, make_picture, dtype):
    stylizer = fastnst.load(model_file, device="cpu")
    scale = 1 if dtype == "uint8" else 257
    values = np.asarray(make_picture(33, 21)).astype(dtype) * np.array(scale, dtype)
    painted = stylizer.paint(values)
    assert (painted.dtype, painted.shape) == (values.dtype, values.shape)
    expected = np.asarray(stylizer(make_picture(33, 21))).astype(float)
    assert np.abs(painted / scale - expected).max() <= 0.51


def test_sixteen_bits_are_not_rounded_to_eight(model_file, make_picture):
    painted = fastnst.load(model_file, device="cpu").paint(np.asarray(make_picture()).astype("uint16") * 257)
    assert (painted % 257 != 0).any()


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), "uint8"), np.zeros((4, 4, 3)), np.zeros((0, 4, 3), "uint8")])
def test_other_arrays_are_refused(model_file, wrong):
    with pytest.raises(ValueError, match=r"expected an array \(H, W, 3\) of uint8 or uint16"):
        fastnst.load(model_file, device="cpu").paint(wrong)


def test_tensors_go_the_same_way(model_file, calls, monkeypatch):
    monkeypatch.setattr(brush, "SMALL", 100)
    monkeypatch.setattr(brush, "find_memory", lambda device: 5000)
    fastnst.load(model_file, device="cpu")(torch.rand(3, 40, 40))
    assert calls == [(5000, "exact")]


def test_windows_of_an_array_are_scaled_to_one():
    values = np.array([[[0, 128, 255]]], np.uint8)
    assert ArrayPixels(values).read(slice(0, 1), slice(0, 1)).flatten().tolist() == pytest.approx([0, 128 / 255, 1])


def test_a_strip_is_as_large_as_the_network_makes_it(network, calls, monkeypatch):
    monkeypatch.setattr(brush, "SMALL", 1000)
    monkeypatch.setattr(brush, "find_memory", lambda device: 5000)
    strip = torch.rand(3, 1, 200)  # padded to 16 x 200
    Brush(CPU, network, network)(TensorPixels(strip), TensorPixels(torch.empty_like(strip)))
    assert calls == [(5000, "exact")]


@pytest.mark.parametrize("how", [{}, {"memory": 2**22}, {"statistics": "thumbnail"}])
def test_pictures_of_one_color_become_one_in_tiles_too(network, how):
    image, painted = torch.full((3, 300, 400), 0.25), torch.empty(3, 300, 400)
    Brush(CPU, network, network)(TensorPixels(image), TensorPixels(painted), **how)
    assert (painted == painted[:, :1, :1]).all()
