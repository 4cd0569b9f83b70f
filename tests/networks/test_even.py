"""Pictures of one color, which norms would blow rounding errors up in."""

import pytest
import torch

from fastnst.inference import Stylizer
from fastnst.networks import are_even, build_network, even_colors, paint_even


def deep(name: str = "lite") -> torch.nn.Module:
    made = build_network(name).eval()
    for parameter in made.parameters():
        if parameter.dim() == 1:
            parameter.data += 0.2 * torch.randn_like(parameter)
    return made


def test_even_pictures_are_told_from_others():
    images = torch.full((4, 3, 5, 6), 0.5)
    images[0, 1, 4, 5] = 0.51
    images[1, 2, 0, 3] = 0.51
    images[2] *= torch.tensor([1, 0.5, 0.25])[:, None, None]
    assert are_even(images).tolist() == [False, False, True, True]


@pytest.mark.parametrize("size", [(1, 1), (37, 50)])
def test_a_picture_of_one_color_becomes_one(size):
    stylizer = Stylizer(deep(), device="cpu", precision="float32", engine="torch")
    for value in (1.0, 0.13):
        painted = stylizer(torch.full((3, *size), value))
        torch.testing.assert_close(painted, painted[:, :1, :1].expand_as(painted), atol=0, rtol=0)


def test_networks_that_add_nothing_of_the_photograph_paint_all_colors_alike():
    black, white = even_colors(build_network("johnson", width=4, blocks=1))
    torch.testing.assert_close(black, white, atol=0, rtol=0)


@pytest.mark.parametrize(("name", "size"), [("johnson", 16), ("lite", 64)])
def test_the_color_is_that_of_exact_arithmetic(name, size):
    shallow = build_network(name, width=4, blocks=1, **({"deep_blocks": 0} if name == "lite" else {})).eval()
    image = torch.tensor([0.7, 0.2, 0.4], dtype=torch.float64)[:, None, None].expand(1, 3, size, size)
    with torch.no_grad():
        exact = shallow.double()(image).mean((0, 2, 3)).clamp(0, 1).float()
    torch.testing.assert_close(paint_even(shallow.float(), image.float())[0, :, 0, 0], exact, atol=1e-4, rtol=0)


def test_a_picture_with_one_other_pixel_is_painted_as_before():
    network = deep()
    stylizer = Stylizer(network, device="cpu", precision="float32", engine="torch")
    image = torch.full((1, 3, 24, 24), 0.5)
    image[0, 0, 3, 4] = 0.6
    images = torch.cat([image, torch.full((1, 3, 24, 24), 0.5)])
    painted = stylizer(images)
    torch.testing.assert_close(painted[:1], stylizer(image), atol=1e-3, rtol=0)
    assert painted[0].std() > 0
    assert painted[1].amax((1, 2)).equal(painted[1].amin((1, 2)))
