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
