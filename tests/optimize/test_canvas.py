import itertools

import pytest
import torch

from fastnst.optimize.canvas import Network, Pixels


def pixels(height=37, width=50):
    return Pixels(torch.rand(1, 3, height, width))


def test_the_preconditioner_is_symmetric_and_positive():
    canvas = pixels()
    first, second = torch.randn(2, 3 * 37 * 50, dtype=torch.float64)
    canvas.photo = canvas.photo.double()
    torch.testing.assert_close(canvas.precondition(first).dot(second), first.dot(canvas.precondition(second)))
    assert canvas.precondition(first).dot(first) >= first.dot(first)


def test_the_preconditioner_adds_the_averages_of_squares():
    canvas = Pixels(torch.rand(1, 3, 19, 33))
    expected = canvas.photo.clone()
    for side in (2, 4, 8, 16):
        for top, left in itertools.product(range(0, 19, side), range(0, 33, side)):
            square = (..., slice(top, top + side), slice(left, left + side))
            expected[square] += canvas.photo[square].mean((2, 3), keepdim=True)
    torch.testing.assert_close(canvas.precondition(canvas.photo.flatten()).view_as(expected), expected)


def test_bounds_are_active_where_black_should_be_darker_and_white_lighter():
    vector = torch.tensor([0.0, 0.0, 0.5, 0.5, 1.0, 1.0])
    uphill = torch.tensor([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    assert pixels().active_bounds(vector, uphill).tolist() == [True, False, False, False, False, True]


def test_what_was_painted_is_enlarged_and_not_the_photograph():
    small, large = pixels(10, 12), pixels(20, 24)
    untouched = small.resize_vector(small.photo.flatten(), large)
    torch.testing.assert_close(untouched.view_as(large.photo), large.photo)
    brighter = small.resize_vector(small.photo.flatten() + 0.1, large)
    torch.testing.assert_close(brighter.view_as(large.photo), large.photo + 0.1)


def test_a_network_keeps_its_weights_at_every_size():
    small, large = (Network(torch.rand(1, 3, side, side)) for side in (16, 24))
    vector = small.start()
    assert torch.equal(small.resize_vector(vector, large), vector)
    assert large.image(vector).shape == (1, 3, 24, 24)


def test_a_network_paints_what_its_weights_say():
    canvas = Network(torch.rand(1, 3, 16, 20))
    with torch.no_grad():
        torch.testing.assert_close(canvas.image(canvas.start()), canvas.network(canvas.photo))


@pytest.mark.parametrize("make", [lambda photo, mask: Pixels(photo, mask), Network])
def test_nothing_is_painted_where_it_is_not_wanted(make):
    photo, mask = torch.rand(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)
    mask[..., 8:] = 1
    canvas = make(photo, mask)
    image = canvas.image(canvas.start() + 0.1)
    assert torch.equal(image[..., :8], photo[..., :8])
    assert not torch.equal(image[..., 8:], photo[..., 8:])


def test_a_trained_network_is_one_of_its_own():
    canvas = Network(torch.rand(1, 3, 16, 20))
    vector = canvas.start() + 0.01
    network = canvas.trained(vector)
    with torch.no_grad():
        torch.testing.assert_close(network(canvas.photo), canvas.image(vector))
        assert not torch.equal(network(canvas.photo), canvas.network(canvas.photo))
