import numpy as np
import pytest
import torch
from PIL import Image

import fastnst
from fastnst.devices import pick_device
from fastnst.errors import ConfigError
from fastnst.networks import build_network


@pytest.fixture
def stylizer(model_file):
    return fastnst.load(model_file, device="cpu")


def test_each_kind_of_picture_gives_its_kind(stylizer, make_picture, tmp_path):
    image = make_picture(33, 21)
    image.save(tmp_path / "p.png")
    from_image, from_path = stylizer(image), stylizer(tmp_path / "p.png")
    assert isinstance(from_image, Image.Image)
    assert from_image.size == (33, 21)
    assert from_image.tobytes() == from_path.tobytes() == stylizer(str(tmp_path / "p.png")).tobytes()
    tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1) / 255
    painted = stylizer(tensor)
    assert painted.shape == (3, 21, 33)
    assert np.abs(painted.permute(1, 2, 0).mul(255).round().numpy() - np.asarray(from_image)).max() == 0


def test_tensors_keep_batch_and_dtype_and_range(stylizer):
    painted = stylizer(torch.rand(3, 3, 16, 20, dtype=torch.float16))
    assert (painted.shape, painted.dtype) == ((3, 3, 16, 20), torch.float16)
    assert 0 <= painted.min() <= painted.max() <= 1


def test_bfloat16_paints_the_same_picture(model_file, make_picture):
    exact, fast = (fastnst.load(model_file, "cpu", precision) for precision in ("float32", "bfloat16"))
    difference = np.abs(np.asarray(exact(make_picture(96, 64))).astype(int) - np.asarray(fast(make_picture(96, 64))))
    assert difference.mean() < 3  # random weights amplify rounding; trained ones give about half a level


def test_input_is_left_as_it_was(stylizer):
    image = torch.rand(3, 16, 16)
    before = image.clone()
    stylizer(image)
    assert torch.equal(image, before)


def test_the_network_it_is_given_is_left_as_it_was():
    network = build_network("johnson", width=4, blocks=1).train()
    before = {key: (value.clone(), value.stride()) for key, value in network.state_dict().items()}
    stylizer = fastnst.Stylizer(network, device="cpu", precision="bfloat16")
    stylizer.network.output.bias.data.zero_()
    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())
    for key, value in network.state_dict().items():
        assert value.dtype == torch.float32, key
        assert value.stride() == before[key][1], key
        assert torch.equal(value, before[key][0]), key


def test_no_gradients_are_kept(stylizer):
    assert not stylizer(torch.rand(3, 16, 16)).requires_grad


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (7, 7)])
def test_the_smallest_pictures_work(stylizer, size):
    assert stylizer(Image.new("RGB", size)).size == size


@pytest.mark.parametrize("wrong", [torch.rand(1, 16, 16), torch.zeros(3, 8, 8, dtype=torch.uint8), torch.rand(16, 16)])
def test_other_tensors_are_refused(stylizer, wrong):
    with pytest.raises(ValueError, match="RGB in"):
        stylizer(wrong)


def test_values_that_are_not_finite_are_an_error(stylizer):
    stylizer.network.output.bias.data.fill_(float("nan"))
    with pytest.raises(FloatingPointError, match="not finite"):
        stylizer(torch.rand(3, 16, 16))


def test_absent_devices_are_refused():
    with pytest.raises(ConfigError, match="'tpu' is not here; there is .*cpu"):
        pick_device("tpu")
