import pytest
import torch

from fastnst.images.color import gray, luma, match_covariance, match_histogram, with_luma


def cloud(image):
    pixels = image[0].flatten(1).double()
    return pixels.mean(1), torch.cov(pixels)


def test_luma_weighs_green_most():
    assert luma(torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1)).item() == pytest.approx(0.299)
    assert luma(torch.ones(1, 3, 1, 1)).item() == pytest.approx(1)


def test_gray_has_its_luma_in_all_channels():
    image = torch.rand(1, 3, 4, 5)
    assert gray(image).shape == image.shape
    torch.testing.assert_close(luma(gray(image)), luma(image))


def test_another_luma_leaves_the_chroma():
    image, brightness = 0.4 + 0.2 * torch.rand(1, 3, 4, 5), 0.4 + 0.2 * torch.rand(1, 1, 4, 5)
    changed = with_luma(image, brightness)
    torch.testing.assert_close(luma(changed), brightness)
    torch.testing.assert_close(changed - luma(changed), image - luma(image))


def test_colors_that_would_leave_the_range_lose_saturation_but_not_brightness():
    changed = with_luma(torch.rand(1, 3, 8, 8), torch.rand(1, 1, 8, 8).round())
    assert changed.min() >= -1e-6
    assert changed.max() <= 1 + 1e-6


def test_matched_colors_have_mean_and_covariance_of_the_other():
    image, colors = 0.5 + 0.1 * torch.randn(1, 3, 40, 40), 0.5 + 0.05 * torch.randn(1, 3, 30, 50)
    colors[:, 1] += 0.5 * colors[:, 0] - 0.25
    found, wanted = cloud(match_covariance(image, colors)), cloud(colors)
    torch.testing.assert_close(found[0], wanted[0], atol=1e-3, rtol=0)
    torch.testing.assert_close(found[1], wanted[1], atol=1e-4, rtol=0.05)


@pytest.mark.parametrize("match", [match_covariance, match_histogram])
def test_its_own_colors_change_nothing(match):
    image = torch.rand(1, 3, 20, 20)
    torch.testing.assert_close(match(image, image), image, atol=1e-4, rtol=0)


@pytest.mark.parametrize("match", [match_covariance, match_histogram])
def test_gray_pictures_do_no_harm(match):
    plain, image = torch.full((1, 3, 8, 8), 0.3), torch.rand(1, 3, 9, 9)
    for first, second in ((plain, image), (image, plain), (plain, plain), (gray(image), image)):
        found = match(first, second)
        assert found.isfinite().all()
        assert found.shape == first.shape


def test_histograms_are_those_of_the_other():
    image, colors = torch.rand(1, 3, 10, 10), torch.rand(1, 3, 10, 10).square()
    found = match_histogram(image, colors)
    torch.testing.assert_close(found.flatten(2).sort(dim=2).values, colors.flatten(2).sort(dim=2).values)
    assert torch.equal(found.flatten(2).argsort(dim=2), image.flatten(2).argsort(dim=2))
