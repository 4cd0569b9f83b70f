import torch

from fastnst.losses import GramLoss, gram, total_variation


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


def test_gram_is_float32_even_under_autocast():
    features = (100 * torch.rand(1, 4, 64, 64)).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        statistic = gram(features)
    assert statistic.dtype == torch.float32
    torch.testing.assert_close(statistic, gram(features.float()))


def test_gram_loss_has_correct_gradients():
    features = torch.rand(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    target = GramLoss().target(torch.rand(1, 3, 4, 4, dtype=torch.float64))
    assert torch.autograd.gradcheck(lambda f: GramLoss()(f, target), features)


def test_total_variation_of_a_tiny_case():
    image = torch.tensor([[0.0, 0.5], [1.0, 1.0]]).view(1, 1, 2, 2)
    assert total_variation(image).item() == (1 + 0.25) / 2 + (0.25 + 0) / 2


def test_total_variation_of_one_pixel_is_zero():
    assert total_variation(torch.rand(1, 3, 1, 1)).item() == 0
