"""Facts that hold every style loss, and cases worked out by hand."""

import pytest
import torch

from fastnst.losses import STYLE_LOSSES
from fastnst.losses.style import RIDGE

each = pytest.mark.parametrize("name", sorted(STYLE_LOSSES))


def picture(*values: float) -> torch.Tensor:
    """One channel of a picture one pixel high."""
    return torch.tensor(values).view(1, 1, 1, -1)


@each
def test_a_picture_is_at_no_distance_from_itself(name):
    loss, features = STYLE_LOSSES[name](), torch.rand(2, 4, 9, 8, dtype=torch.float64)
    assert loss(features, loss.target(features)).tolist() == pytest.approx([0, 0], abs=1e-9)


@each
def test_another_picture_is_at_a_distance(name):
    loss, features = STYLE_LOSSES[name](), torch.rand(1, 4, 9, 8)
    assert loss(features, loss.target(2 * features)).item() > 0.01


@each
def test_where_things_are_is_forgotten(name):
    loss, features = STYLE_LOSSES[name](), torch.rand(1, 4, 6, 5)
    shuffled = features.flatten(2)[..., torch.randperm(30)].reshape(features.shape)
    torch.testing.assert_close(loss.target(shuffled), loss.target(features))


@each
def test_style_and_image_may_differ_in_size(name):
    loss, features = STYLE_LOSSES[name](), torch.rand(1, 4, 32, 32)
    near, far = loss.target(features.repeat(1, 1, 2, 3)), loss.target(3 * features)
    assert loss(features, near) < 1e-3 * loss(features, far)


@each
def test_one_style_holds_the_whole_batch(name):
    loss, features = STYLE_LOSSES[name](), torch.rand(3, 4, 6, 6)
    target = loss.target(torch.rand(1, 4, 7, 5))
    singles = torch.cat([loss(image[None], target) for image in features])
    torch.testing.assert_close(loss(features, target), singles)


@each
def test_gradients_are_correct(name):
    loss = STYLE_LOSSES[name]()
    features = torch.rand(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    target = loss.target(torch.rand(1, 3, 6, 6, dtype=torch.float64))
    assert torch.autograd.gradcheck(lambda x: loss(x, target), features)


@each
def test_reduced_precision_is_compared_in_float32(name):
    loss, features = STYLE_LOSSES[name](), torch.rand(1, 4, 16, 16).bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        distance = loss(features, loss.target(torch.rand(1, 4, 16, 16)))
    assert distance.dtype == torch.float32
    distance.backward()
    assert features.grad.isfinite().all()


@each
def test_dead_channels_do_no_harm(name):
    loss, features = STYLE_LOSSES[name](), torch.zeros(1, 4, 6, 6, requires_grad=True)
    loss(features, loss.target(torch.rand(1, 4, 6, 6))).backward()
    assert features.grad.isfinite().all()


def test_moments_of_a_tiny_case():
    loss = STYLE_LOSSES["moments"]()
    # Means 2 and 5, deviations 1 and 3: the mean of 9 and 4.
    assert loss(picture(1, 3), loss.target(picture(2, 8))).item() == pytest.approx(6.5, rel=1e-5)


def test_wasserstein_of_independent_channels_is_that_of_means_and_deviations():
    loss = STYLE_LOSSES["wasserstein"]()
    ours = torch.tensor([[1.0, 3.0, 1.0, 3.0], [0.0, 0.0, 4.0, 4.0]]).view(1, 2, 1, 4)
    theirs = torch.tensor([[2.0, 8.0, 2.0, 8.0], [5.0, 5.0, 7.0, 7.0]]).view(1, 2, 1, 4)
    # Means (2, 2) and (5, 6), variances (1, 4) and (9, 1), whose mean is 5: 15 without the ridge.
    ridge = 5 * RIDGE
    first, second = ((a + ridge) ** 0.5 - (b + ridge) ** 0.5 for a, b in ((1, 9), (4, 1)))
    expected = (9 + 16 + first**2 + second**2) / 2
    assert loss(ours, loss.target(theirs)).item() == pytest.approx(expected, rel=1e-5)


def test_wasserstein_of_a_turned_cloud_is_that_of_the_cloud():
    loss = STYLE_LOSSES["wasserstein"]()
    ours, theirs = torch.rand(2, 1, 3, 5, 5, dtype=torch.float64)
    turn = torch.linalg.qr(torch.rand(3, 3, dtype=torch.float64)).Q
    turned = [(turn @ x.flatten(2)).view_as(x) for x in (ours, theirs)]
    torch.testing.assert_close(loss(turned[0], loss.target(turned[1])), loss(ours, loss.target(theirs)))


def test_sliced_of_one_channel_pairs_sorted_values():
    loss = STYLE_LOSSES["sliced"]()
    # Sorted, 1 2 5 against 2 4 5: (1 + 4 + 0) / 3, whatever the sign of the only direction.
    assert loss(picture(5, 1, 2), loss.target(picture(4, 5, 2))).item() == pytest.approx(5 / 3, rel=1e-5)


def test_sliced_sees_what_mean_and_covariance_do_not():
    ours = picture(-1, -1, 1, 1)
    theirs = picture(-(2**0.5), 0, 0, 2**0.5)
    distances = {name: STYLE_LOSSES[name]() for name in STYLE_LOSSES}
    found = {name: loss(ours, loss.target(theirs)).item() for name, loss in distances.items()}
    assert found["sliced"] > 0.1
    assert max(found["gram"], found["moments"], found["wasserstein"]) < 1e-6
