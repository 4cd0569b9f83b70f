import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from fastnst.convolution import Convolution, border


class Padded(TorchDispatchMode):
    """Note the precision of every padding."""

    def __init__(self):
        super().__init__()
        self.dtypes = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if "pad" in function.__name__:
            self.dtypes.append(args[0].dtype)
        return function(*args, **(kwargs or {}))


def pair(kernel):
    ours = Convolution(3, 5, kernel, padding=kernel // 2, padding_mode="reflect")
    theirs = nn.Conv2d(3, 5, kernel, padding=kernel // 2, padding_mode="reflect")
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def test_it_equals_the_convolution_of_torch_with_and_without_autocast():
    x = torch.rand(2, 3, 9, 8)
    for kernel in (1, 3):
        ours, theirs = pair(kernel)
        for mixed in (False, True):
            with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
                torch.testing.assert_close(ours(x), theirs(x), rtol=0, atol=0)


def test_nothing_is_padded_by_no_pixels_and_no_float32_under_autocast():
    x = torch.rand(1, 3, 6, 6)
    with Padded() as padded, torch.autocast("cpu", torch.bfloat16):
        pair(1)[0](x)
        assert not padded.dtypes
        pair(3)[0](x)
        border(x, [1, 1, 1, 1], "replicate")
    assert padded.dtypes == [torch.bfloat16] * 2


def test_a_border_keeps_double_precision():
    x = torch.rand(1, 3, 6, 6, dtype=torch.float64)
    with torch.autocast("cpu", torch.bfloat16):
        assert border(x, [1, 1, 1, 1], "reflect").dtype == torch.float64


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_gradient_by_a_picture_is_that_of_a_convolution(dtype):
    grads = []
    weights = torch.rand(2, 5, 9, 8, dtype=dtype)
    x = torch.rand(2, 3, 9, 8, dtype=dtype).contiguous(memory_format=torch.channels_last)
    for convolution in pair(3):
        image = x.clone().requires_grad_()
        (convolution.to(dtype).requires_grad_(False)(image) * weights).sum().backward()
        grads.append(image.grad)
    torch.testing.assert_close(*grads)


def test_the_gradient_by_a_picture_under_autocast_is_as_exact_as_torchs():
    ours, theirs = (convolution.requires_grad_(False) for convolution in pair(3))
    x, errors = torch.rand(2, 3, 32, 32), []
    exact = gradient(theirs, x)
    with torch.autocast("cpu", torch.bfloat16):
        errors = [(gradient(convolution, x) - exact).norm() / exact.norm() for convolution in (ours, theirs)]
    assert errors[0] < 1.5 * errors[1] + 1e-4


def gradient(convolution, x):
    image = x.clone().requires_grad_()
    convolution(image).float().square().sum().backward()
    return image.grad
