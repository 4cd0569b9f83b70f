import pytest
import torch

from fastnst.losses import GramLoss, gram, total_variation
from fastnst.losses.functional import mean_square


def test_gram_of_a_tiny_case():
    features = torch.tensor([[1.0, 2.0], [3.0, 5.0]]).view(1, 2, 1, 2)
    assert gram(features).tolist() == [[[2.5, 6.5], [6.5, 17.0]]]


def test_gram_ignores_where_pixels_are():
    features = torch.rand(2, 4, 3, 5)
    shuffled = features.flatten(2)[..., torch.randperm(15)].reshape(features.shape)
    torch.testing.assert_close(GramLoss().target(shuffled), GramLoss().target(features))


def test_gram_does_not_depend_on_size():
    features = torch.rand(1, 4, 6, 5)
    torch.testing.assert_close(gram(features.repeat(1, 1, 2, 3)), gram(features))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gram_of_reduced_precision_is_summed_in_float32(layout):
    features = (100 * torch.rand(2, 16, 256, 256)).bfloat16().contiguous(memory_format=layout)
    with torch.autocast("cpu", torch.bfloat16):
        statistic = gram(features)
    assert statistic.dtype == torch.float32
    torch.testing.assert_close(statistic, gram(features.float()), rtol=1.5e-3, atol=0)


def test_gram_is_not_rounded_under_autocast():
    features = torch.rand(1, 4, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(gram(features), gram(features.double()).float())


def test_gram_has_correct_first_and_second_gradients():
    features = torch.rand(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(gram, features)
    assert torch.autograd.gradgradcheck(gram, features)


def test_gradient_of_gram_keeps_the_layout():
    features = torch.rand(1, 4, 5, 6).contiguous(memory_format=torch.channels_last).requires_grad_()
    (gradient,) = torch.autograd.grad(gram(features).square().sum(), features)
    assert gradient.is_contiguous(memory_format=torch.channels_last)


def test_gram_loss_has_correct_gradients():
    features = torch.rand(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    target = GramLoss().target(torch.rand(1, 3, 4, 4, dtype=torch.float64))
    assert torch.autograd.gradcheck(lambda f: GramLoss()(f, target), features)


def test_total_variation_of_a_tiny_case():
    image = torch.tensor([[0.0, 0.5], [1.0, 1.0]]).view(1, 1, 2, 2)
    assert total_variation(image).item() == (1 + 0.25) / 2 + (0.25 + 0) / 2


def test_total_variation_of_one_pixel_is_zero():
    assert total_variation(torch.rand(1, 3, 1, 1)).item() == 0


def test_mean_square_is_summed_in_float32():
    x = torch.rand(4, 64, 64, 64).bfloat16()
    assert mean_square(x).item() == pytest.approx(x.double().square().mean().item(), rel=1e-3)


def test_mean_square_has_correct_gradients_at_zero_too():
    assert torch.autograd.gradcheck(mean_square, torch.rand(2, 3, dtype=torch.float64, requires_grad=True))
    zero = torch.zeros(2, 3, requires_grad=True)
    mean_square(zero).backward()
    assert zero.grad.eq(0).all()
