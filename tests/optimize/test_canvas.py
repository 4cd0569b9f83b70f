import pytest
import torch

from fastnst.optimize.canvas import Network, Pixels


def pixels(height=37, width=50):
    return Pixels(torch.rand(1, 3, height, width))


def test_the_metric_is_symmetric_and_positive():
    canvas = pixels()
    first, second = torch.randn(2, 3 * 37 * 50, dtype=torch.float64)
    canvas.photo = canvas.photo.double()
    torch.testing.assert_close(canvas.smooth(first).dot(second), first.dot(canvas.smooth(second)))
    assert canvas.smooth(first).dot(first) >= first.dot(first)


def test_what_was_painted_is_enlarged_and_not_the_photograph():
    small, large = pixels(10, 12), pixels(20, 24)
    untouched = small.lift(small.photo.flatten(), large)
    torch.testing.assert_close(untouched.view_as(large.photo), large.photo)
    brighter = small.lift(small.photo.flatten() + 0.1, large)
    torch.testing.assert_close(brighter.view_as(large.photo), large.photo + 0.1)


def test_a_network_keeps_its_weights_at_every_size():
    small, large = (Network(torch.rand(1, 3, side, side)) for side in (16, 24))
    vector = small.start()
    assert torch.equal(small.lift(vector, large), vector)
    assert large.image(vector).shape == (1, 3, 24, 24)


def test_a_network_paints_what_its_weights_say():
    canvas = Network(torch.rand(1, 3, 16, 20))
    with torch.no_grad():
        torch.testing.assert_close(canvas.image(canvas.start()), canvas.network(canvas.photo))


@pytest.mark.parametrize("make", [lambda photo, where: Pixels(photo, where), Network])
def test_nothing_is_painted_where_it_is_not_wanted(make):
    photo, where = torch.rand(1, 3, 16, 16), torch.zeros(1, 1, 16, 16)
    where[..., 8:] = 1
    canvas = make(photo, where)
    image = canvas.image(canvas.start() + 0.1)
    assert torch.equal(image[..., :8], photo[..., :8])
    assert not torch.equal(image[..., 8:], photo[..., 8:])
