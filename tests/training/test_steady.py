import pytest
import torch
import torch.nn.functional as F

from fastnst.networks import build_network
from fastnst.training.draws import MOST_SHIFT, MOST_ZOOM, Disturbance
from fastnst.training.steady import MULTIPLE, Window, jitter, steady_side, unsteadiness


def same(images):
    """Paint nothing."""
    return images


def mesh(images):
    """Paint a lattice of two pixels."""
    return images + 0.1 * torch.eye(2).repeat(images.shape[2] // 2, images.shape[3] // 2)


def smooth(size):
    """Photographs without detail, which survive being resampled."""
    return F.interpolate(torch.rand(2, 3, 4, 4), (size, size), mode="bicubic").clamp(0, 1)


def test_what_moves_with_the_photograph_is_steady():
    batch = torch.rand(2, 3, 24, 32)
    assert float(unsteadiness(same, batch, batch, Disturbance((3, 5)))) == 0
    batch = 0.6 * smooth(64) + 0.2
    for zoom in (1 - MOST_ZOOM, 1 + MOST_ZOOM):
        assert float(unsteadiness(same, batch, batch, Disturbance((3, 5), zoom))) == pytest.approx(0, abs=1e-9)


def test_what_is_locked_to_the_pixel_grid_is_not():
    batch = torch.rand(2, 3, 24, 32)
    assert float(unsteadiness(mesh, batch, mesh(batch), Disturbance((2, 4)))) == pytest.approx(0, abs=1e-12)
    assert float(unsteadiness(mesh, batch, mesh(batch), Disturbance((1, 2)))) == pytest.approx(0.01)


def test_what_does_not_grow_with_the_photograph_is_not():
    batch = torch.full((1, 3, 128, 128), 0.5)
    waves = lambda images: images + 0.1 * torch.sin(torch.arange(images.shape[3]) * 0.4)  # noqa: E731
    painted, disturbance = waves(batch), Disturbance((1, 1), 1.03)
    grown = unsteadiness(waves, batch, painted, disturbance)
    assert float(grown) > 5e-4
    assert float(unsteadiness(same, batch, batch, disturbance)) == pytest.approx(0, abs=1e-9)


def test_a_zoom_magnifies_about_the_corner():
    batch = smooth(128)
    cut = Window(96, 96, Disturbance((2, 3), 1.03))(batch)
    larger = F.interpolate(batch, scale_factor=1.03, mode="bicubic", recompute_scale_factor=False)
    top, left = round(2 * 1.03), round(3 * 1.03)
    assert (cut - larger[..., top : top + 96, left : left + 96]).abs().mean() < 0.01


def test_brightness_and_noise_change_the_photograph_alone():
    batch, disturbance = torch.rand(2, 3, 32, 32) * 0.8 + 0.05, Disturbance((1, 1), 1.0, 1.05, 0.02, seed=3)
    seen = []
    keep = lambda images: seen.append(images) or images  # noqa: E731
    found = unsteadiness(keep, batch, batch, disturbance)
    still = Window(*seen[0].shape[-2:], disturbance)(batch)
    difference = seen[0] - still
    assert float(found) == pytest.approx(float(difference.square().mean()))
    assert float((difference - 0.05 * still).std()) == pytest.approx(0.02, rel=0.1)


def test_noise_is_that_of_its_seed_and_stays_in_range():
    images = torch.rand(1, 3, 8, 8)
    first, again, other = (jitter(images, Disturbance(noise=0.5, seed=seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.min() >= 0
    assert first.max() <= 1


@pytest.mark.parametrize("side", [24, 64, 128, 255, 256, 512])
def test_every_shift_and_zoom_stays_inside(side):
    least = steady_side(side)
    assert least % MULTIPLE == 0
    assert MOST_SHIFT + least / (1 - MOST_ZOOM) <= side


def test_photographs_too_small_for_it_are_left_out():
    batch = torch.rand(1, 3, 12, 12)
    assert float(unsteadiness(same, batch, batch, Disturbance())) == 0


def test_both_paintings_give_gradients():
    network = build_network("lite", width=4, blocks=1)
    batch = torch.rand(1, 3, 32, 32)
    unsteadiness(network, batch, network(batch), Disturbance((1, 2), 0.98, 1.02, 0.01)).backward()
    assert all(weights.grad is not None for weights in network.parameters())
