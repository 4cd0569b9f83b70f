import pytest
import torch
import torch.nn.functional as F

from fastnst.networks import norm as norms
from fastnst.networks.norm import InstanceNorm, measure

LAYOUTS = pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])


def random_norm(channels: int) -> InstanceNorm:
    norm = InstanceNorm(channels)
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    return norm


def features(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return 3 + 2 * torch.randn(shape, dtype=dtype)


def formula(x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, eps: float = InstanceNorm.eps) -> torch.Tensor:
    """The definition, image by image; scale and shift are ``(B, C)`` or ``(1, C)``."""
    variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
    return (x - mean) / (variance + eps).sqrt() * scale[..., None, None] + shift[..., None, None]


@pytest.fixture
def as_in_an_export(monkeypatch):
    monkeypatch.setattr(norms, "exporting", lambda: True)


def test_two_values_become_minus_one_and_one(monkeypatch):
    monkeypatch.setattr(InstanceNorm, "eps", 1e-9)
    x = torch.tensor([3.0, 7.0]).view(1, 1, 1, 2)  # mean 5, deviation 2
    torch.testing.assert_close(InstanceNorm(1)(x), torch.tensor([-1.0, 1.0]).view(1, 1, 1, 2), atol=1e-5, rtol=0)


def test_scale_and_shift_are_applied_in_this_order(monkeypatch):
    monkeypatch.setattr(InstanceNorm, "eps", 1e-9)
    x, scale, shift = torch.tensor([3.0, 7.0]).view(1, 1, 1, 2), torch.tensor([[10.0]]), torch.tensor([[0.5]])
    painted = InstanceNorm(1)(x, scale, shift)
    torch.testing.assert_close(painted, torch.tensor([-9.5, 10.5]).view(1, 1, 1, 2), atol=1e-4, rtol=0)


def test_given_moments_replace_those_of_the_picture(monkeypatch):
    monkeypatch.setattr(InstanceNorm, "eps", 1e-9)
    x, moments = torch.tensor([3.0, 7.0]).view(1, 1, 1, 2), torch.tensor([1.0, 4.0]).view(1, 2, 1)
    painted = InstanceNorm(1)(x, moments=moments)
    torch.testing.assert_close(painted, torch.tensor([1.0, 3.0]).view(1, 1, 1, 2), atol=1e-5, rtol=0)


def test_moments_are_mean_and_variance_of_every_channel():
    x = features(2, 3, 5, 7)
    moments = measure(x)
    assert moments.shape == (2, 2, 3)
    torch.testing.assert_close(moments[:, 0], x.mean((2, 3)))
    torch.testing.assert_close(moments[:, 1], x.var((2, 3), correction=0))


def test_moments_of_bfloat16_are_exact():
    x = features(1, 4, 64, 64).bfloat16()
    assert measure(x).dtype == torch.float32
    torch.testing.assert_close(measure(x), measure(x.double()).float())


@LAYOUTS
@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("batch", [1, 3])
def test_every_kernel_computes_instance_norm(layout, grad, batch):
    norm = random_norm(5)
    x = features(batch, 5, 12, 9).contiguous(memory_format=layout).requires_grad_(grad)
    expected = formula(x, norm.weight[None], norm.bias[None])
    with torch.set_grad_enabled(grad):
        result = norm(x)
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)
    if grad:
        seed = torch.randn_like(result)
        ours, theirs = (torch.autograd.grad(y, (x, norm.weight), seed) for y in (result, expected))
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("batch", [1, 2])
def test_a_channels_last_gradient_is_understood(batch):  # torch's own instance norm of a single image is wrong here
    norm, layout = random_norm(5), {"memory_format": torch.channels_last}
    x, seed = (features(batch, 5, 12, 9).contiguous(**layout) for _ in range(2))
    x.requires_grad_()
    ours, theirs = (torch.autograd.grad(y, x, seed) for y in (norm(x), formula(x, norm.weight[None], norm.bias[None])))
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@LAYOUTS
@pytest.mark.parametrize("grad", [True, False])
@pytest.mark.parametrize("rows", [1, 3])
def test_every_kernel_takes_a_scale_and_shift_per_image(layout, grad, rows):
    x = features(3, 5, 12, 9).contiguous(memory_format=layout)
    scale, shift = torch.randn(rows, 5, requires_grad=grad), torch.randn(rows, 5, requires_grad=grad)
    with torch.set_grad_enabled(grad):
        result, expected = random_norm(5)(x, scale, shift), formula(x, scale, shift)
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=1e-5)
    if grad:
        seed = torch.randn_like(result)
        ours, theirs = (torch.autograd.grad(y, (scale, shift), seed) for y in (result, expected))
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("rows", [None, 1, 3])
def test_kernels_of_other_devices_compute_the_same(monkeypatch, rows):
    norm, x = random_norm(5), features(3, 5, 12, 9)
    given = () if rows is None else (torch.randn(rows, 5), torch.randn(rows, 5))
    expected = norm(x, *given)
    monkeypatch.setattr(norms, "_normalize_on_cpu", norms._normalize_elsewhere)
    torch.testing.assert_close(norm(x, *given), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rows", [None, 1, 3])
def test_an_export_gets_the_same_values(as_in_an_export, monkeypatch, rows):
    norm, x = random_norm(5), features(3, 5, 12, 9)
    given = () if rows is None else (torch.randn(rows, 5), torch.randn(rows, 5))
    exported = norm(x, *given)
    monkeypatch.setattr(norms, "exporting", lambda: False)
    torch.testing.assert_close(exported, norm(x, *given), atol=1e-5, rtol=1e-5)


def test_bfloat16_is_normalized_in_float32():
    norm, x = random_norm(5).bfloat16(), features(2, 5, 32, 32).bfloat16()
    exact = formula(x.double(), norm.weight.double()[None], norm.bias.double()[None])
    with torch.no_grad():
        results = {
            "kernel": norm(x),
            "moments": norm(x, moments=measure(x)),
            "code": norm(x, norm.weight.float()[None], norm.bias.float()[None]),
        }
    for name, result in results.items():
        assert result.dtype == torch.bfloat16, name
        torch.testing.assert_close(result.double(), exact, atol=0.02, rtol=0.005, msg=name)


def test_without_scale_and_shift_it_only_normalizes():
    norm, x = InstanceNorm(5, affine=False), features(2, 5, 8, 8)
    assert not norm.state_dict()
    torch.testing.assert_close(norm(x), F.instance_norm(x, eps=norm.eps))


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("fixed", [True, False])
def test_gradients_are_those_of_the_formula(batch, fixed):
    norm = InstanceNorm(2).double()
    x = features(batch, 2, 3, 2, dtype=torch.float64).requires_grad_()
    scale, shift = (torch.randn(batch, 2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    moments = (torch.rand(1, 2, 2, dtype=torch.float64) + 1).requires_grad_() if fixed else None
    given = (x, scale, shift, moments)
    assert torch.autograd.gradcheck(norm, given)


@pytest.mark.parametrize("count", [1, 2])
def test_a_channel_far_from_zero_is_normalized_exactly(count):
    norm = InstanceNorm(4)
    x = (2 + 0.01 * torch.randn(count, 4, 256, 256)).contiguous(memory_format=torch.channels_last)
    exact = (x.double() - x.double().mean((2, 3), keepdim=True)) / (
        x.double().var((2, 3), correction=0, keepdim=True) + norm.eps
    ).sqrt()
    with torch.no_grad():
        torch.testing.assert_close(norm(x).double(), exact, atol=1e-3, rtol=0)


@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 4, 40, 64), (2, 5, 33, 50)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_kernel_that_measures_parts_computes_the_moments(shape, dtype):
    x = features(*shape).to(dtype)
    with torch.no_grad():
        moments = measure(x)
    torch.testing.assert_close(moments, measure(x.double()).float(), atol=1e-4, rtol=1e-4)


def test_large_maps_lose_nothing_to_the_order_of_summation():
    norm = random_norm(4).eval()
    x = (9 + torch.randn(1, 4, 1000, 700)).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        result = norm(x)
    expected = formula(x.double(), norm.weight[None].double(), norm.bias[None].double())
    assert (result - expected).abs().max() < 1e-4  # by a kernel that adds up in float32 it is 100 times as much
