"""Style codes and fixed statistics, to which every network is held."""

from threading import Thread

import pytest
import torch
from torch import Tensor, nn

from fastnst.networks import NETWORKS, TransformationNetwork, build_network
from fastnst.networks.layers import Residual
from fastnst.networks.norm import Apply

FOREIGN = (
    "pad reflect 1,conv 6 3 2,norm 0.001,relu,pad zeros 1,conv 6 3 1,norm 0.001,relu,deconv 4 3 2 1 1,norm 0.001,relu"
)
SMALL = {
    "foreign": {"layers": [*FOREIGN.split(","), "pad reflect 1", "conv 3 3 1"]},
    "hrnet": {},
    "johnson": {"width": 4, "blocks": 1},
    "lite": {"width": 8, "blocks": 1, "detail": 4},
    "lite1": {"width": 8, "blocks": 1},
    "medium": {"width": 8, "blocks": 1, "deep_blocks": 1},
}
each = pytest.mark.parametrize("name", sorted(NETWORKS))
styled = pytest.mark.parametrize("name", ["johnson", "lite"])


def build(name: str) -> TransformationNetwork:
    """Make a small network whose norms have random scales and shifts."""
    network = build_network(name, **SMALL[name])
    for _, norm in network.named_norms():
        if norm.weight is not None:
            nn.init.normal_(norm.weight, 1, 0.3)
            nn.init.normal_(norm.bias, 0, 0.3)
    return network


def random_codes(network: TransformationNetwork, count: int) -> Tensor:
    return network.style_code().detach() + 0.3 * torch.randn(count, network.code_size)


@each
@pytest.mark.parametrize("grad", [True, False])
def test_its_own_code_paints_what_the_network_paints(name, grad):
    network, images = build(name), torch.rand(2, 3, 17, 20)
    with torch.set_grad_enabled(grad):
        painted = network(images, network.style_code())
        torch.testing.assert_close(painted, network(images), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(network(images, network.style_code()[None]), painted)


@pytest.mark.parametrize(("name", "size"), [("hrnet", 0), ("johnson", 3200), ("lite", 2240)])
def test_a_code_is_twice_the_normalized_channels(name, size):
    network = build_network(name)
    assert network.code_size == size
    assert network.style_code().shape == (size,)


def test_a_code_holds_scale_before_shift_norm_by_norm():
    network, expected = build_network("lite", width=3, blocks=0, detail=2, deep=1, deep_blocks=0), []
    for value, (_, norm) in enumerate(network.named_norms()):
        nn.init.constant_(norm.weight, 10 * value + 1)
        nn.init.constant_(norm.bias, 10 * value + 2)
        expected += [10 * value + 1] * norm.channels + [10 * value + 2] * norm.channels
    assert network.style_code().tolist() == expected


@styled
@pytest.mark.parametrize("grad", [True, False])
def test_a_batch_of_different_codes_equals_single_images(name, grad):
    network, images = build(name), torch.rand(3, 3, 16, 24)
    codes = random_codes(network, 3)
    with torch.set_grad_enabled(grad):
        alone = [network(image[None], code) for image, code in zip(images, codes, strict=True)]
        torch.testing.assert_close(network(images, codes), torch.cat(alone), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(alone[0], network(images[:1]), atol=1e-3)


@styled
def test_a_code_paints_as_the_network_it_was_taken_from(name):
    network, other, images = build(name), build(name), torch.rand(1, 3, 16, 16)
    norms = {key for key, _ in network.named_norms()}
    state = {key: value for key, value in network.state_dict().items() if key.rpartition(".")[0] not in norms}
    other.load_state_dict(state, strict=False)
    torch.testing.assert_close(network(images, other.style_code()), other(images), atol=1e-5, rtol=1e-5)


@styled
def test_gradients_reach_a_table_of_codes(name):
    network, images = build(name), torch.rand(2, 3, 16, 16)
    table = random_codes(network, 2).requires_grad_()
    weights = torch.tensor([[0.25, 0.75], [1.0, 0.0]])
    network(images, weights @ table).square().mean().backward()
    assert table.grad.isfinite().all()
    assert (table.grad.abs().amax(1) > 0).all()
    assert all(norm.weight.grad is None for _, norm in network.named_norms())


def test_gradients_to_codes_are_exact():
    network = build_network("lite", width=2, blocks=0, detail=1, deep=1, deep_blocks=0).double()
    images, codes = torch.rand(2, 3, 8, 8).double(), random_codes(network, 2).double().requires_grad_()
    assert torch.autograd.gradcheck(network, (images, codes))


@styled
def test_codes_work_in_reduced_precision(name):
    network, image = build(name), torch.rand(1, 3, 32, 32)
    code = network.style_code().detach()
    network.compute_in(torch.bfloat16)
    with torch.no_grad():
        assert torch.equal(network(image, code), network(image))


@pytest.mark.parametrize("shape", [(5,), (3, 2240), (1, 1, 2240)])
def test_codes_of_another_shape_are_refused(shape):
    network = build_network("lite")
    with pytest.raises(ValueError, match=r"style code is .* but \(2240,\) or one such row per image"):
        network(torch.rand(2, 3, 16, 16), torch.zeros(shape))


class Deaf(TransformationNetwork):
    """A network that applies its norms without asking how."""

    size_multiple, min_size = 1, 1

    def __init__(self) -> None:
        super().__init__()
        self.block = Residual(3)

    def transform(self, images: Tensor, norms: Apply) -> Tensor:
        return self.block(images)


def test_norms_that_would_ignore_a_style_are_an_error():
    network = Deaf()
    with pytest.raises(RuntimeError, match=r"block\.body\.1, block\.body\.4 were not applied"):
        network(torch.rand(1, 3, 8, 8), network.style_code())


@each
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_recorded_statistics_paint_the_same_picture(name, dtype):
    network, images = build(name), torch.rand(2, 3, 21, 32)
    network.compute_in(dtype)
    with torch.no_grad():
        expected = network(images)
        with network.recording_statistics() as statistics:
            recorded = network(images)
        with network.fixed_statistics(statistics):
            fixed = network(images)
    assert torch.equal(fixed, recorded)
    tolerance = 1e-3 if dtype == torch.float32 else 0.1
    torch.testing.assert_close(fixed, expected, atol=tolerance, rtol=tolerance)
    assert list(statistics) == [key for key, _ in network.named_norms()] or name == "hrnet"
    for key, norm in network.named_norms():
        assert statistics[key].shape == (2, 2, norm.channels)
        assert statistics[key].dtype == torch.float32


@each
def test_a_tile_with_fixed_statistics_equals_its_region_of_the_picture(name):
    network, picture = build(name), torch.rand(1, 3, 224, 224)
    with torch.no_grad():
        whole = network(picture)
        with network.recording_statistics() as statistics:
            network(picture)
        with network.fixed_statistics(statistics):
            tile = network(picture[..., 16:208, 24:208])
        by_itself = network(picture[..., 16:208, 24:208])
    margin = network.receptive_field // 2
    inner = (..., slice(margin, 192 - margin), slice(margin, 184 - margin))
    region = whole[..., 16:208, 24:208][inner]
    assert region.numel() > 0
    torch.testing.assert_close(tile[inner], region, atol=2e-4, rtol=1e-3)
    assert not torch.allclose(by_itself[inner], region, atol=2e-2)


@each
def test_statistics_of_one_picture_hold_for_a_batch(name):
    network, images = build(name), torch.rand(3, 3, 32, 32)
    with torch.no_grad():
        with network.recording_statistics() as statistics:
            network(images[:1])
        with network.fixed_statistics(statistics):
            together, alone = network(images), torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_averaged_statistics_lie_between():
    network, images = build("lite"), torch.rand(2, 3, 32, 32)
    with torch.no_grad(), network.recording_statistics() as statistics:
        network(images)
    mean = {key: moments.mean(0, keepdim=True) for key, moments in statistics.items()}
    with torch.no_grad(), network.fixed_statistics(mean), network.recording_statistics() as used:
        network(images)
    assert all(torch.equal(used[key], mean[key]) for key in mean)


def test_fixed_statistics_leave_gradients_to_pictures_and_codes():
    network = build_network("lite", width=2, blocks=0, detail=1, deep=1, deep_blocks=0).double()
    images = torch.rand(1, 3, 8, 8).double().requires_grad_()
    code = random_codes(network, 1).double().requires_grad_()
    with network.recording_statistics() as statistics:
        network(images)
    assert not any(moments.requires_grad for moments in statistics.values())
    with network.fixed_statistics(statistics):
        assert torch.autograd.gradcheck(network, (images, code))


def test_recording_leaves_gradients_as_they_are():
    network, images = build("lite"), torch.rand(1, 3, 32, 32, requires_grad=True)
    (expected,) = torch.autograd.grad(network(images).square().mean(), images)
    with network.recording_statistics():
        (recorded,) = torch.autograd.grad(network(images).square().mean(), images)
    torch.testing.assert_close(recorded, expected, atol=1e-6, rtol=1e-3)


def test_norms_that_are_not_named_use_the_picture():
    network, images = build("lite"), torch.rand(1, 3, 16, 16)
    first = next(key for key, _ in network.named_norms())
    with torch.no_grad(), network.recording_statistics() as own:
        network(images)
    strange = {first: own[first] * 2}
    with torch.no_grad(), network.fixed_statistics(strange), network.recording_statistics() as used:
        network(images)
    assert torch.equal(used[first], strange[first])
    assert not any(torch.equal(used[key], own[key]) for key in own)


def test_statistics_of_another_number_of_images_are_refused():
    network = build("lite")
    with torch.no_grad(), network.recording_statistics() as statistics:
        network(torch.rand(3, 3, 16, 16))
    with network.fixed_statistics(statistics), pytest.raises(ValueError, match="of 3 images, but 2 are painted"):
        network(torch.rand(2, 3, 16, 16))


def test_statistics_are_released_behind_an_error():
    network = build("lite")
    for context in (network.recording_statistics(), network.fixed_statistics({})):
        with pytest.raises(KeyError), context:
            raise KeyError
        assert not network.holds_statistics


def test_statistics_are_held_in_one_thread_and_one_network():
    network, other, images = build("lite"), build("lite"), torch.rand(1, 3, 16, 16)
    expected, seen = network(images), []
    with network.recording_statistics() as statistics:
        network(torch.rand(1, 3, 16, 16))
    with network.fixed_statistics(statistics):
        assert not other.holds_statistics
        thread = Thread(target=lambda: seen.append(network(images)))
        thread.start()
        thread.join()
    assert torch.equal(seen[0], expected)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("stem.9", (1, 2, 8), r"no norm 'stem\.9' in Lite; known: stem\.2, "),
        ("stem.2", (2, 4), r"statistics of stem\.2 are \(2, 4\), but \(B, 2, 4\) is wanted"),
        ("stem.2", (1, 2, 7), r"statistics of stem\.2 are \(1, 2, 7\), but \(B, 2, 4\) is wanted"),
    ],
)
def test_statistics_that_do_not_fit_are_refused(name, shape, message):
    network = build("lite")
    with pytest.raises(ValueError, match=message), network.fixed_statistics({name: torch.zeros(shape)}):
        pass
