"""A mesh is told from noise, strokes and photographs."""

import pytest
import torch

from fastnst.assets.samples import copy_photos
from fastnst.images import fit, read_image, resize
from fastnst.images.lattice import lattice, lattice_by_period


@pytest.fixture
def noise():
    return 0.5 + 0.05 * torch.randn(1, 1, 256, 256, generator=torch.Generator().manual_seed(0)).expand(1, 3, -1, -1)


def mesh(period, strength, height=256, width=256):
    """One bright dot in each square of this side."""
    dots = torch.zeros(1, 3, height, width)
    dots[..., ::period, ::period] = strength
    return dots


def test_noise_has_no_lattice(noise):
    assert all(0.5 < figure < 5 for figure in lattice_by_period(noise).values())


def test_a_photograph_has_none(tmp_path):
    copy_photos(tmp_path)
    assert lattice(fit(read_image(tmp_path / "chelsea.png"), longer=384)) < 5


@pytest.mark.parametrize("period", [2, 4, 8])
def test_a_mesh_is_found_by_its_period(noise, period):
    figures = lattice_by_period(noise + mesh(period, 0.2))
    assert figures[period] > 15
    assert all(figures[finer] > 5 for finer in (2, 4, 8) if finer < period)
    assert all(figures[coarser] < 5 for coarser in (2, 4, 8) if coarser > period)


def test_a_mesh_off_the_grid_is_none(noise):
    assert lattice(noise + mesh(5, 0.2)) < 5


def test_more_contrast_is_more_lattice_and_a_shift_changes_nothing(noise):
    faint, bold = (lattice(noise + mesh(4, strength)) for strength in (0.05, 0.2))
    assert faint < bold
    shifted = torch.roll(mesh(4, 0.2), (1, 2), (2, 3))
    assert lattice(noise + shifted) == pytest.approx(bold, rel=0.5)


def test_what_rounding_hides_is_not_counted():
    assert lattice(torch.full((1, 3, 128, 128), 0.5)) == pytest.approx(1, abs=1e-3)
    assert lattice(0.5 + mesh(4, 1e-4, 128, 128)) < 1.1


def test_flat_areas_are_found_in_the_picture_or_in_its_photograph(noise):
    photo = noise.clone()
    photo[..., :96] = 0.5  # the sky, at the left
    rough = torch.nn.functional.interpolate(torch.rand(1, 3, 32, 20), scale_factor=8)
    painted = noise + mesh(4, 0.2)
    painted[..., 96:] = rough
    assert lattice(painted, photo) > 50
    assert lattice(painted) > 50
    assert lattice(painted.flip(3), photo) < lattice(painted, photo) / 5


def test_small_pictures_and_other_sizes_are_refused():
    with pytest.raises(ValueError, match="63x80"):
        lattice(torch.rand(1, 3, 63, 80))
    with pytest.raises(ValueError, match="photograph"):
        lattice(torch.rand(1, 3, 64, 80), resize(torch.rand(1, 3, 64, 80), 80, 64))
